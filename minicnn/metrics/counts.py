"""Counts of right and wrong yeses and noes, and the shares that are made of them.

                  yes predicted     no predicted
    yes is right  true positive     false negative
    no is right   false positive    true negative

Labels are 0 or 1 for every output: (N,) or (N, 1) of one, one-hot rows (N, K) of several, which are
all counted together unless class_id chooses one.
"""

from typing import Any

import numpy as np

from minicnn.expect import is_integer, number
from minicnn.labels import aligned, check_shape, check_yes_or_no
from minicnn.metrics.base import Metric
from minicnn.types import Array

HALF = 0.5  # above which an output is a yes


class Counts(Metric):
    """What metrics of such counts have in common, evaluated over all samples since reset.

    Args:
        thresholds: above which an output is a yes; 0.5 unless given. One number, for a log has one:
            several thresholds are several metrics.
        top_k: instead, a yes is an output that is among the k largest of its sample.
        class_id: count this output alone.
        name: as in logs.

    Attributes:
        true_positives, false_positives, true_negatives, false_negatives: so far.
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str = "counts",
    ):
        super().__init__(name)
        who = type(self).__name__
        if isinstance(thresholds, list | tuple | np.ndarray):
            if len(thresholds) != 1:
                raise ValueError(
                    f"{who} expected thresholds as one number, for a log has one, received "
                    f"{thresholds!r}: use a metric for each, with name='precision_at_30'"
                )
            thresholds = thresholds[0]
        if thresholds is not None:
            number(thresholds, "thresholds", who, least=0, most=1)
        for what, value, least in (("top_k", top_k, 1), ("class_id", class_id, 0)):
            if value is not None and not is_integer(value, least):
                raise ValueError(
                    f"{who} expected {what} of at least {least}, or None, received {value!r}"
                )
        self.thresholds, self.top_k, self.class_id = thresholds, top_k, class_id

    def reset(self) -> None:
        self.true_positives = self.false_positives = 0
        self.true_negatives = self.false_negatives = 0

    def update(self, y_true: Array, y_pred: Array) -> None:
        true, predicted = yes_or_no(*self.arrays(y_true, y_pred), self.owner)
        yes = self._yes(predicted)
        if self.class_id is not None:
            if self.class_id >= true.shape[-1]:
                raise ValueError(
                    f"{self.owner} expected class_id below {true.shape[-1]}, the number of "
                    f"outputs, received {self.class_id}"
                )
            true, yes = true[..., self.class_id], yes[..., self.class_id]
        self.true_positives += int((yes & true).sum())
        self.false_positives += int((yes & ~true).sum())
        self.false_negatives += int((~yes & true).sum())
        self.true_negatives += int((~yes & ~true).sum())

    def _yes(self, predicted: Array) -> Array:
        if self.top_k is None:
            return predicted > (HALF if self.thresholds is None else self.thresholds)
        first = np.argsort(-predicted, axis=-1, kind="stable")[..., : self.top_k]
        yes = np.zeros(predicted.shape, bool)
        np.put_along_axis(yes, first, True, axis=-1)
        return yes if self.thresholds is None else yes & (predicted > self.thresholds)

    def get_config(self) -> dict[str, Any]:
        return {
            "thresholds": self.thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
            "name": self.name,
        }


def yes_or_no(y_true: Array, y_pred: Array, owner: str) -> tuple[Array, Array]:
    """Labels as booleans in the predictions' shape, and these.

    Raises ValueError for labels that are not 0 and 1, or of another shape.
    """
    t = aligned(y_true, y_pred.shape, owner)
    check_shape(t, y_pred.shape, owner)
    check_yes_or_no(t, owner)
    return t.astype(bool), y_pred


def share(part: float, rest: float) -> float:
    """part / (part + rest), and 0 where there is nothing."""
    return part / (part + rest) if part + rest else 0.0


class Precision(Counts):
    """Of what is predicted as a yes, the share that is one: TP / (TP + FP), and 0 where nothing is.

    Args:
        thresholds, top_k, class_id, name: see Counts.

    >>> metric = metrics.Precision()
    >>> metric.update([0, 1, 1], [[0.9], [0.8], [0.2]])
    >>> metric.result()
    0.5
    """

    def __init__(
        self,
        thresholds: float | list[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str = "precision",
    ):
        super().__init__(thresholds, top_k, class_id, name)

    def result(self) -> float:
        return share(self.true_positives, self.false_positives)


class Recall(Counts):
    """Of what is a yes, the share that is predicted as one: TP / (TP + FN), and 0 where nothing is.

    Args:
        thresholds, top_k, class_id, name: see Counts.

    >>> metric = metrics.Recall()
    >>> metric.update([0, 1, 1], [[0.9], [0.8], [0.2]])
    >>> metric.result()
    0.5
    """

    def __init__(
        self,
        thresholds: float | list[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str = "recall",
    ):
        super().__init__(thresholds, top_k, class_id, name)

    def result(self) -> float:
        return share(self.true_positives, self.false_negatives)


class TruePositives(Counts):
    """How many yeses are predicted as such.

    Args:
        thresholds, name: see Counts.

    >>> metric = metrics.TruePositives()
    >>> metric.update([0, 1, 1], [[0.9], [0.8], [0.2]])
    >>> metric.result()
    1.0
    """

    counted = "true_positives"

    def __init__(self, thresholds: float | list[float] | None = None, name: str | None = None):
        super().__init__(thresholds, name=name or self.counted)

    def result(self) -> float:
        return float(getattr(self, self.counted))

    def get_config(self) -> dict[str, Any]:
        return {"thresholds": self.thresholds, "name": self.name}


class FalsePositives(TruePositives):
    """How many noes are predicted as yeses.

    Args:
        thresholds, name: see Counts.
    """

    counted = "false_positives"


class TrueNegatives(TruePositives):
    """How many noes are predicted as such.

    Args:
        thresholds, name: see Counts.
    """

    counted = "true_negatives"


class FalseNegatives(TruePositives):
    """How many yeses are predicted as noes.

    Args:
        thresholds, name: see Counts.
    """

    counted = "false_negatives"
