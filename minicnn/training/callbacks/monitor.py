"""What the callbacks that watch one metric share: is a larger value better, and is this one an
improvement?
"""

from typing import Any

import numpy as np

from minicnn.errors import did_you_mean, warn
from minicnn.expect import is_word_of, number
from minicnn.training.callbacks.base import Callback, Logs


class MonitorCallback(Callback):
    """Watches `logs[monitor]`; the base of EarlyStopping, ReduceLROnPlateau and ModelCheckpoint.

    Args:
        monitor: the name of a value in the logs, for example `"val_loss"`.
        mode: `"min"` (smaller is better), `"max"`, or `"auto"`: min for a loss, max for an
            accuracy.
        best: the value to beat; None means that any first value is an improvement.
        min_delta: an improvement is a change of *more* than this, in the metric's own unit.

    Raises ValueError when `mode` is "auto" and the metric's name does not tell which direction is
    better.

    Source: Keras 3, `keras.src.callbacks.monitor_callback`.
    """

    def __init__(
        self, monitor: str, mode: str, best: float | None = None, min_delta: float = 0.0
    ) -> None:
        super().__init__()
        if not is_word_of(mode, ("auto", "min", "max")):
            warn(
                f"{type(self).__name__} mode {mode!r} is unknown, falling back to 'auto'."
                f"{did_you_mean(str(mode), ('auto', 'min', 'max'))}",
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = best
        self.min_delta = abs(number(min_delta, "min_delta", type(self).__name__))
        self._larger_is_better = self._direction() == "max"

    def set_state(self, state: dict[str, Any]) -> None:
        if not isinstance(state["best"], int | float | None):
            raise TypeError(
                f"{type(self).__name__} expected best to be a number or None, received "
                f"{state['best']!r:.60}"
            )
        super().set_state(state)

    def _direction(self) -> str:
        if self.mode != "auto":
            return self.mode
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return "min"
        if name.endswith(("accuracy", "acc")):
            return "max"
        raise ValueError(
            f"{type(self).__name__} expected a monitor whose direction it knows (a loss or an "
            "accuracy), received "
            f"monitor={self.monitor!r}: pass mode='min' if smaller is better, mode='max' if larger "
            "is"
        )

    def is_improvement(self, value: float, reference: float | None) -> bool:
        """Say whether `value` beats `reference` by more than `min_delta`; a tie does not, nor does
        NaN.

        Compared in float32, as Keras does, so that double precision's rounding errors decide
        nothing: there 0.7 + 0.1 < 0.8, and 0.7 would beat 0.8 by more than 0.1.
        """
        if reference is None:
            return True
        # a diverged loss beyond float32's range counts as infinite
        with np.errstate(over="ignore"):
            best = np.float32(reference)
            if self._larger_is_better:
                return bool(np.float32(value - self.min_delta) > best)
            return bool(np.float32(value + self.min_delta) < best)

    def current(self, logs: Logs, consequence: str) -> float | None:
        """`logs[monitor]`; None, with a warning (what is missing, the `consequence`, what there
        is), without it.
        """
        value = logs.get(self.monitor)
        if value is None:
            available = ", ".join(logs) or "none"
            hint = (
                " Pass validation_data or validation_split to fit."
                if self._lacks_validation(logs)
                else ""
            )
            warn(
                f"{type(self).__name__} monitors {self.monitor!r}, which is not in the logs: "
                f"{consequence}. Available: {available}.{hint}",
            )
        return value

    def _lacks_validation(self, logs: Logs) -> bool:
        return self.monitor.startswith("val_") and not any(name.startswith("val_") for name in logs)
