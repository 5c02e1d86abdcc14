"""Set the learning rate of every epoch by a function."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import inspect
from collections.abc import Callable

import numpy as np

from minicnn.training.callbacks.base import Callback, Logs, announce, check_settable


class LearningRateScheduler(Callback):
    """Sets the learning rate to `schedule(epoch, rate)` before every epoch, and adds
    `learning_rate` to its logs.

    Args:
        schedule: takes the epoch (from 0) and, if it has a second parameter, the present rate;
            returns the new rate.
        verbose: 1 prints a line per epoch.

    Raises ValueError before an epoch when `schedule` returned something else than a float;
    TypeError when training begins with a learning rate that follows a schedule of the optimizer's.

    Source: Keras 3, `keras.callbacks.LearningRateScheduler`.

    >>> slower = callbacks.LearningRateScheduler(
    ...     lambda epoch, rate: rate if epoch < 10 else 0.9 * rate
    ... )
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_train_begin(self, logs: Logs | None = None) -> None:
        check_settable(self.model.optimizer, self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if _takes_two(self.schedule):
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        else:
            rate = self.schedule(epoch)
        if not isinstance(rate, float | np.floating):
            raise ValueError(
                f"LearningRateScheduler expected its schedule to return a float, received {rate!r} "
                f"for epoch {epoch}: return the new learning rate, for example float(...)"
            )
        optimizer.learning_rate = float(rate)
        if self.verbose:
            announce(
                f"Epoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate:.6g}."
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def _takes_two(schedule: Callable[..., float]) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.001)
    except TypeError:
        return False
    return True
