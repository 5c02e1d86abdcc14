"""Stop when a metric no longer improves."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

from typing import Any

import numpy as np

from minicnn.expect import count, flag
from minicnn.training.callbacks.base import Logs, announce
from minicnn.training.callbacks.monitor import MonitorCallback
from minicnn.training.state import check_kind


class EarlyStopping(MonitorCallback):
    """Stops the training after `patience` epochs without an improvement of `monitor`.

    Args:
        monitor: the metric to watch.
        min_delta: an improvement is a change of more than this (absolute, not relative).
        patience: how many epochs without improvement are endured; 0 stops at the first.
        verbose: 1 prints a line when it stops and when it restores.
        mode: "min", "max" or "auto" (by the metric's name).
        baseline: as long as this value is not beaten, even an improving epoch counts as one
            without.
        restore_best_weights: give the model back the weights of its best epoch when the training
            ends, whether this callback stopped it or not. A tie keeps the earlier epoch.
        start_from_epoch: do not watch the epochs before this one (counted from 0).

    Attributes:
        best, best_epoch, best_weights: of the best epoch so far.
        wait: epochs since the last improvement.
        stopped_epoch: the epoch (from 0) that stopped the training; 0 when none did.

    Source: Keras 3, `keras.callbacks.EarlyStopping`.

    >>> stop = callbacks.EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    """

    remembers = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = count(patience, "patience", "EarlyStopping", least=0)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = flag(
            restore_best_weights, "restore_best_weights", "EarlyStopping"
        )
        self.start_from_epoch = count(
            start_from_epoch, "start_from_epoch", "EarlyStopping", least=0
        )
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def set_state(self, state: dict[str, Any]) -> None:
        if state["best_weights"] is not None:
            for best, weight in zip(state["best_weights"], self.model.get_weights(), strict=True):
                check_kind(best, weight, "EarlyStopping's best_weights")
        super().set_state(state)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._reset()  # one object may serve several fits

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.current(logs or {}, "this epoch does not count")
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_improvement(current, self.best):
            self.best = current
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and self.stopped_epoch > 0:
            announce(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                announce(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)
