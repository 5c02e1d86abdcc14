"""Stop as soon as the loss is no number any more."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import math

from minicnn.errors import warn
from minicnn.training.callbacks.base import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops the training after the first batch whose loss is NaN or infinite.

    The training loop leaves out the update of that batch and warns of the cause, so the model keeps
    the weights that it had before.

    Args:
        raise_error: raise instead of stopping; `on_train_end` is then not called.

    Raises RuntimeError after such a batch, with `raise_error`.

    Source: Keras 3, `keras.callbacks.TerminateOnNaN`.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        message = (
            f"TerminateOnNaN: the loss is {loss} at epoch {self._epoch + 1}, batch {batch + 1}: "
            "training stops"
        )
        if self.raise_error:
            raise RuntimeError(message)
        warn(message)
        self.model.stop_training = True
