"""Means over the samples seen so far."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.metrics import Metric
from minicnn.network import Network
from minicnn.training.state import check_kind, is_own
from minicnn.types import Array


class Meter:
    """Means of the loss and the compiled metrics over the samples seen since the last reset.

    It counts in copies of the metrics: several meters of one model, as of an evaluation within a
    training, are independent of each other.
    """

    def __init__(self, model: Network):
        self.metrics = copy.deepcopy(model.metrics)
        self.reset()

    def reset(self) -> None:
        """Forget all samples."""
        self.total, self.samples, self.last_loss = 0.0, 0, 0.0
        for metric in self.metrics:
            metric.reset()

    def measure(
        self,
        step: Callable[..., tuple[float, Array]],
        x: Array,
        y: Array,
        sample_weight: Array | None,
    ) -> None:
        """Run a step of the model on a batch and count its loss and predictions in."""
        loss, y_pred = step(x, y, sample_weight)
        self.count(loss, len(x))
        for metric in self.metrics:
            metric.update(y, y_pred)

    def count(self, loss: float, samples: int) -> None:
        """Count a batch of so many samples in, but for the metrics."""
        self.last_loss = loss
        self.total += loss * samples
        self.samples += samples

    def results(self) -> dict[str, float]:
        """{"loss": ..., and each metric's name: its value}."""
        loss = self.total / self.samples if self.samples else 0.0
        return {"loss": loss} | {metric.name: one_number(metric) for metric in self.metrics}

    def get_state(self) -> dict[str, Any]:
        """Everything that has been counted, also by metrics of one's own."""
        own = {"total": self.total, "samples": self.samples, "last_loss": self.last_loss}
        return own | {"metrics": [dict(vars(metric)) for metric in self.metrics]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from such a state."""
        self.total, self.samples, self.last_loss = (
            state["total"],
            state["samples"],
            state["last_loss"],
        )
        for metric, values in zip(self.metrics, state["metrics"], strict=True):
            if is_own(metric):
                check_kind(values, vars(metric), metric.name)
            vars(metric).update(values)

    def listed(self) -> list[float] | float:
        """The values alone, in Keras' form: a list, the loss itself where there are no metrics."""
        values = list(self.results().values())
        return values if len(values) > 1 else values[0]


def one_number(metric: Metric) -> float:
    """A metric's result as a log has it. Raises ValueError when it is several numbers."""
    found = metric.result()
    if np.size(found) != 1:
        raise ValueError(
            f"metric {metric.name!r} expected one number for the logs, received {np.size(found)}, "
            f"one per output: use {type(metric).__name__}(average='macro')"
        )
    return float(found) if np.ndim(found) == 0 else float(np.ravel(found)[0])
