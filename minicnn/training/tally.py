"""What metrics count, as one row of numbers that can be added to others.

A metric keeps sums in its attributes (metrics/base.py): a total, counts, arrays of them. What a
batch adds to them does not depend on the batches before, so parts of a batch, or of all batches,
can be counted anywhere, and added up.
"""

import copy
from typing import Any

import numpy as np

from minicnn.metrics import Metric
from minicnn.network import Network
from minicnn.training import step
from minicnn.types import Array

Attribute = tuple[int, str, tuple[int, ...]]  # number of the metric, name, shape


class Tally:
    """Counts in copies of metrics, and adds what has been counted to others.

    Args:
        model: whose metrics they are.
        y: labels, of which one is counted to see what the metrics keep.

    Attributes:
        size: how many numbers there are, D.

    Raises ValueError for a metric that keeps anything else than numbers.
    """

    def __init__(self, model: Network, y: Array):
        self.metrics = copy.deepcopy(model.metrics)
        self.attributes: list[Attribute] = []
        shape = (1, *model.head.output_shape)
        any_answer = np.full(shape, 1 / shape[-1], model.head.dtype)  # probabilities, too
        for number, (before, after) in enumerate(self._counted(y[:1], any_answer)):
            self.attributes += [
                (number, name, np.shape(value))
                for name, value in after.items()
                if is_number(value) or is_number(before.get(name))
            ]
        self.size = sum(int(np.prod(shape)) for *_, shape in self.attributes)

    def _counted(self, y: Array, y_pred: Array) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The attributes of each metric, after a reset and after these samples."""
        found = []
        for metric in self.metrics:
            metric.reset()
            before = {name: copy.copy(value) for name, value in vars(metric).items()}
            metric.update(y, y_pred)
            found.append((before, vars(metric)))
            check_kept(metric, before)
        return found

    def of(self, y: Array, y_pred: Array) -> Array:
        """(D,) in double precision: what these samples add."""
        counted, row = self._counted(y, y_pred), [np.empty(0)]
        for number, name, shape in self.attributes:
            before, after = (attributes.get(name, 0.0) for attributes in counted[number])
            if np.shape(before) != np.shape(after):  # which it learns from the first samples
                before = np.zeros(np.shape(after))
            same = np.equal(before, after)  # also where both are infinite
            if np.shape(after) != shape:
                raise ValueError(
                    f"{self.metrics[number].owner} keeps {name} of shape {shape} for some samples "
                    f"and of {np.shape(after)} for others, expected sums of one shape, which can "
                    "be added up"
                )
            with step.quiet():
                row.append(np.where(same, 0.0, np.subtract(after, before)).ravel())
        return np.concatenate(row)

    def add(self, metrics: list[Metric], row: Array) -> None:
        """Add such numbers to what other metrics like these have counted."""
        at = 0
        for number, name, shape in self.attributes:
            size = int(np.prod(shape))
            more, at = row[at : at + size].reshape(shape), at + size
            kept = vars(metrics[number])
            if shape:
                kept[name] = more + (kept[name] if np.shape(kept[name]) == shape else 0.0)
            else:
                one = float(more)
                whole = isinstance(kept[name], int) and one.is_integer()
                kept[name] += int(one) if whole else one


def is_number(value: Any) -> bool:
    """Whether a metric may sum up in it: a number, or an array of them."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iuf"
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def check_kept(metric: Metric, before: dict[str, Any]) -> None:
    """Raise ValueError for a metric that has changed what is no number."""
    for name, value in vars(metric).items():
        if is_number(value) or name in before and is_same(before[name], value):
            continue
        raise ValueError(
            f"{metric.owner} keeps {name} as {type(value).__name__}, expected sums alone, "
            "numbers or arrays of them: what is counted of parts of the data is added up, so that "
            "shards, or several ranks, can count it"
        )


def is_same(one: Any, other: Any) -> bool:
    """Whether they are equal, of whatever kind they are."""
    try:
        return one is other or bool(np.all(one == other))
    except (TypeError, ValueError):
        return False
