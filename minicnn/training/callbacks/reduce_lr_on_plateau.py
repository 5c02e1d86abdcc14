"""Lower the learning rate when a metric no longer improves."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import numpy as np

from minicnn.expect import count, number
from minicnn.training.callbacks.base import Logs, announce, check_settable
from minicnn.training.callbacks.monitor import MonitorCallback


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs without an improvement of
    `monitor`.

    It also adds to the logs the `learning_rate` with which the epoch was trained.

    Args:
        monitor: the metric to watch.
        factor: new rate = factor * rate; less than 1.
        patience: how many epochs without improvement are endured.
        verbose: 1 prints a line at every reduction.
        mode: "min", "max" or "auto" (by the metric's name).
        min_delta: an improvement is a change of more than this (absolute; PyTorch's is relative).
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the rate is never reduced below this.

    Raises ValueError when `factor` is 1 or more; TypeError when training begins with a learning
    rate that follows a schedule.

    Source: Keras 3, `keras.callbacks.ReduceLROnPlateau`.

    >>> slower = callbacks.ReduceLROnPlateau("val_loss", factor=0.1, patience=5)
    """

    remembers = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if number(factor, "factor", "ReduceLROnPlateau", least=0) >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau expected a factor below 1, received factor={factor}: 0.1 "
                "divides the rate by ten"
            )
        self.factor = factor
        self.patience = count(patience, "patience", "ReduceLROnPlateau", least=0)
        self.verbose = verbose
        self.cooldown = count(cooldown, "cooldown", "ReduceLROnPlateau", least=0)
        self.min_lr = number(min_lr, "min_lr", "ReduceLROnPlateau", least=0)
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether the rate was reduced less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        check_settable(self.model.optimizer, self)
        self._reset()  # one object may serve several fits

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = self.current(logs, "the learning rate stays")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
        if self.is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        """Lower the rate and return True, or return False when it is at `min_lr` (to float32's
        precision).
        """
        old = float(self.model.optimizer.learning_rate)
        if np.float32(old) <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose:
            announce(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new:.6g}.")
        return True
