"""Save the model while it trains."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import os

from minicnn.expect import flag, is_integer
from minicnn.training.callbacks.base import Logs, announce
from minicnn.training.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model (or only its weights) after every epoch or every so many batches.

    Args:
        filepath: where to save; may hold `{epoch}` (from 1), `{batch}` (from 1, with an integer
            `save_freq`) and every name in the logs, with format codes:
            `"model-{epoch:02d}-{val_loss:.2f}.safetensors"`. Missing folders are made; an existing
            file is replaced.
        monitor: the metric that tells which model is best.
        verbose: 1 prints what is saved and why.
        save_best_only: save only when `monitor` is better than ever before (a tie is not).
        save_weights_only: save with `model.save_weights` instead of `model.save`.
        mode: "min", "max" or "auto" (by the metric's name).
        save_freq: "epoch", or the number of batches between two savings.
        initial_value_threshold: with `save_best_only`, the value that the first saved model must
            beat.

    Raises ValueError when `save_freq` is something else; in training, KeyError when `filepath`
    names something that is not in the logs, and IsADirectoryError when it is a folder.

    Source: Keras 3, `keras.callbacks.ModelCheckpoint`.

    >>> keep = callbacks.ModelCheckpoint("best-{epoch:02d}.safetensors", save_best_only=True)
    """

    remembers = ("best", "_batches_since_saving")
    only_on_rank_0 = True

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        if save_freq != "epoch" and not is_integer(save_freq):
            raise ValueError(
                "ModelCheckpoint expected save_freq='epoch' or a number of batches, received "
                f"save_freq={save_freq!r}"
            )
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = flag(save_best_only, "save_best_only", "ModelCheckpoint")
        self.save_weights_only = flag(save_weights_only, "save_weights_only", "ModelCheckpoint")
        self.save_freq = save_freq
        self._epoch = 0
        self._batches_since_saving = 0  # goes on counting from one epoch to the next

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq != "epoch":
            self._batches_since_saving += 1
            if self._batches_since_saving >= int(self.save_freq):
                self._batches_since_saving = 0
                self._save(self._epoch, {"batch": batch + 1} | (logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs) -> None:
        path = self._path(epoch, logs)
        if self.save_best_only and not self._is_best(epoch, logs):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(
                "ModelCheckpoint expected the path of a file, received the existing folder "
                f"{path!r}: add a file name"
            )
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
        if self.verbose:
            announce(f"Epoch {epoch + 1}: saved {path}")

    def _is_best(self, epoch: int, logs: Logs) -> bool:
        current = self.current(logs, "saved without comparing")
        if current is None:
            return True
        before = "nothing" if self.best is None else f"{self.best:.5f}"
        improved = self.is_improvement(current, self.best)
        if improved:
            self.best = current
        if self.verbose:
            verdict = (
                f"improved from {before} to {current:.5f}"
                if improved
                else f"did not improve from {before}"
            )
            announce(f"Epoch {epoch + 1}: {self.monitor} {verdict}")
        return improved

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(**logs | {"epoch": epoch + 1})
        except KeyError as missing:
            raise KeyError(
                f"ModelCheckpoint cannot fill in {missing} in filepath {self.filepath!r}: "
                f"available are {', '.join(['epoch', *logs])}"
            ) from missing
