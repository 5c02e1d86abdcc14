"""What every loss is: a mean over samples, and the gradient that training starts from."""

from typing import Any

import numpy as np

from minicnn.expect import array
from minicnn.labels import aligned
from minicnn.names.described import Configured
from minicnn.types import Array
from minicnn.wording import snake_case

DIFFERENTIATE = (
    "def each(self, y_true, y_pred): return losses, gradient: the loss of each sample (N,), and "
    "its derivative with respect to y_pred, of y_pred's shape"
)


class Loss(Configured):
    """How far predictions are from what is wanted.

        loss = mean over the samples of w_n loss_n

    A subclass defines `each`, and may narrow down what is wanted with `targets`. There is no
    autograd: `each` returns the gradient as well.

        class FourthPower(losses.Loss):
            def each(self, y_true, y_pred):
                error = y_pred - y_true
                return (error**4).mean(axis=-1), 4 * error**3 / error.shape[-1]

    `testing.measure_loss(FourthPower())` compares the two.

    Args:
        name: as in messages; from the class, unless given.

    Raises TypeError for a subclass that defines Keras' `call`.

    >>> class FourthPower(losses.Loss):
    ...     def each(self, y_true, y_pred):
    ...         error = y_pred - y_true
    ...         return (error**4).mean(axis=-1), 4 * error**3 / error.shape[-1]
    >>> FourthPower()([[1.0], [2.0]], [[3.0], [2.0]])
    8.0
    """

    # The activation whose logits `each_of_logits` takes: a network that ends in it hands over
    # logits, from which loss and gradient are exact.
    fuses: str | None = None
    from_logits: bool = False  # whether predictions are logits

    def __init__(self, name: str | None = None):
        self.name = name or snake_case(type(self).__name__)

    def __init_subclass__(cls, **options: Any):
        if "call" in vars(cls):
            raise TypeError(
                f"{cls.__name__} defines call(), which cannot be differentiated: minicnn has no "
                f"autograd. Define instead {DIFFERENTIATE}"
            )
        super().__init_subclass__(**options)

    # What a subclass writes

    def each(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """The loss of every sample, (N,), or of every place in it, (N, ...), and its derivative
        with respect to y_pred, of y_pred's shape; y_true are `targets`, both double.
        """
        raise NotImplementedError(f"{type(self).__name__} must {DIFFERENTIATE}")

    def each_of_logits(self, y_true: Array, logits: Array) -> tuple[Array, Array]:
        """The same for the logits of the activation that `fuses` names."""
        raise NotImplementedError(f"{type(self).__name__} takes no logits")

    def targets(self, y_true: Array, shape: tuple[int, ...]) -> Array:
        """What is wanted, in double precision, for predictions of that shape.

        Raises ValueError for labels that do not fit.
        """
        return aligned(y_true, shape, self.owner).astype(np.float64)

    def check_targets(self, y_true: Array, shape: tuple[int, ...]) -> None:
        """Raise what targets raises for labels that do not fit, of however many samples."""
        self.targets(y_true, shape)

    def guess(self, classes: int) -> float | None:  # noqa: ARG002
        """The loss of a classifier that knows nothing; None where there is no such number."""
        return None

    # What training and metrics ask for

    @property
    def owner(self) -> str:
        """How messages call it."""
        return f"loss {self.name!r}"

    def value_and_gradient(
        self,
        y_true: Array,
        y_pred: Array,
        sample_weight: Array | None = None,
        *,
        from_logits: bool | None = None,
    ) -> tuple[float, Array]:
        """The mean loss of a batch and its gradient with respect to y_pred (N, ...), in y_pred's
        type.

        sample_weight (N,) or (N, 1) multiplies each sample's loss; the mean still divides by N, as
        in Keras. from_logits overrides the argument of the same name, for a model whose last
        activation is left to the loss.
        """
        targets = self.targets(y_true, y_pred.shape)
        if len(targets) != len(y_pred):
            raise ValueError(
                f"{self.owner} expected {len(y_pred)} labels, one per prediction, received "
                f"{len(targets)}"
            )
        weight = None if sample_weight is None else self._weight(sample_weight, len(y_pred))
        return self._mean(
            targets, y_pred, weight, self.from_logits if from_logits is None else from_logits
        )

    def _mean(
        self, targets: Array, y_pred: Array, weight: Array | None, from_logits: bool
    ) -> tuple[float, Array]:
        losses, dy = self._each(targets, y_pred, from_logits)
        if weight is not None:
            losses, dy = (
                part * weight.reshape(-1, *[1] * (part.ndim - 1)) for part in (losses, dy)
            )
        return float(losses.mean()), (dy / losses.size).astype(y_pred.dtype)

    def _each(self, targets: Array, y_pred: Array, from_logits: bool) -> tuple[Array, Array]:
        """each or each_of_logits; what overflows is infinite or NaN without NumPy's warnings."""
        each = self.each_of_logits if from_logits else self.each
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return each(targets, y_pred.astype(np.float64, copy=False))

    def _weight(self, sample_weight: Any, n: int) -> Array:
        weight = np.asarray(sample_weight)
        if weight.shape not in ((n,), (n, 1)):
            raise ValueError(
                f"{self.owner} expected sample_weight of shape ({n},), one per prediction, "
                f"received {weight.shape}"
            )
        return weight.reshape(-1)

    def values(self, y_true: Array, y_pred: Array) -> Array:
        """The loss of every sample (N,), or of every place in it, in double precision."""
        true = array(y_true, "y_true", self.owner)
        predicted = array(y_pred, "y_pred", self.owner)
        return self._each(self.targets(true, predicted.shape), predicted, self.from_logits)[0]

    def __call__(self, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> float:
        """The mean loss of a batch."""
        return self.value_and_gradient(
            array(y_true, "y_true", self.owner), array(y_pred, "y_pred", self.owner), sample_weight
        )[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}
