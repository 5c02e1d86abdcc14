"""What every metric is: a number of all samples seen since the last reset."""

from typing import Any

import numpy as np

from minicnn.expect import array
from minicnn.names.described import Configured
from minicnn.types import Array
from minicnn.wording import snake_case


class Metric(Configured):
    """The mean of `values(y_true, y_pred)` over every sample passed to `update` since `reset`.

    A subclass defines `values`, or, where its number is no mean over samples, `update`, `result`
    and `reset`.

    fit and evaluate each count in a copy of their own: what is measured in the middle of a training
    changes no mean.

    >>> accuracy = metrics.Accuracy()
    >>> accuracy.update([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    >>> accuracy.update([1, 1], [[0.3, 0.7], [0.4, 0.6]])
    >>> accuracy.result()
    0.75

    Raises TypeError for a subclass that defines Keras' `update_state`.
    """

    total: float
    count: int

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if "update_state" in vars(cls):
            raise TypeError(
                f"{cls.__name__} defines update_state(). Define instead values(y_true, y_pred), "
                "one number per sample, or, for what is no mean of those, update(y_true, y_pred), "
                "result() and reset(), with the sums in attributes; or write a function of "
                "(y_true, y_pred), compile(metrics=[function])"
            )

    def __init__(self, name: str | None = None):
        self.name = name or snake_case(type(self).__name__)
        self.reset()

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """One number per sample, (N,), or for every place in it, (N, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define values(y_true, y_pred)")

    def update(self, y_true: Array, y_pred: Array) -> None:
        """Count a batch of labels and predictions."""
        values = self.values(*self.arrays(y_true, y_pred))
        self.total += float(np.sum(values, dtype=np.float64))
        self.count += np.size(values)

    def update_state(self, y_true: Array, y_pred: Array) -> None:
        """`update`, by Keras' name."""
        self.update(y_true, y_pred)

    def arrays(self, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
        """Both as arrays. Raises ValueError when they are none, or not of the same samples."""
        true, predicted = array(y_true, "y_true", self.owner), array(y_pred, "y_pred", self.owner)
        if true.shape[:1] != predicted.shape[:1]:
            raise ValueError(
                f"{self.owner} expected {len(predicted)} labels, one per prediction, received "
                f"shape {true.shape}"
            )
        return true, predicted

    @property
    def owner(self) -> str:
        """How messages call it."""
        return f"metric {self.name!r}"

    def result(self) -> Any:
        """The mean so far; 0 where nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    def reset(self) -> None:
        """Forget what was counted."""
        self.total, self.count = 0.0, 0

    def reset_state(self) -> None:
        """`reset`, by Keras' name."""
        self.reset()
