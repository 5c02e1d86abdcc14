"""Write every epoch's numbers for TensorBoard."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import os
from importlib import import_module
from typing import Any

from minicnn.errors import warn
from minicnn.expect import count
from minicnn.training.callbacks.base import Callback, Logs

VALIDATION = "val_"  # what validation's names begin with in logs


class TensorBoard(Callback):
    """Writes one scalar per number and epoch into event files, which `tensorboard --logdir` shows.

        log_dir/train         epoch_loss, epoch_accuracy ..., epoch_learning_rate
        log_dir/validation    epoch_loss, epoch_accuracy ...

    Folders and tags are Keras'. Graphs, histograms and profiles are not written: summary(plan=True)
    and `minicnn profile` show what is in them.

    It needs tensorboardX, a small writer of such files: pip install "minicnn[tensorboard]".

    Args:
        log_dir: the folder; it may hold those of other trainings.
        histogram_freq: every how many epochs Keras writes histograms of weights; here none are, and
            any number but 0 warns of that.

    fit raises ImportError, with that command, where tensorboardX is not there.
    Source: Keras 3, `keras.callbacks.TensorBoard`.
    """

    only_on_rank_0 = True

    def __init__(self, log_dir: str | os.PathLike[str] = "logs", histogram_freq: int = 0) -> None:
        super().__init__()
        if count(histogram_freq, "histogram_freq", "TensorBoard", least=0):
            warn(
                f"TensorBoard(histogram_freq={histogram_freq}) writes no histograms, only numbers: "
                "callbacks.Doctor looks at weights. Leave histogram_freq out"
            )
        self.histogram_freq = histogram_freq
        self.log_dir = os.fspath(log_dir)
        self._make: Any = None
        self._writers: dict[str, Any] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._make = writer()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        rate = {}
        if hasattr(self.model.optimizer, "learning_rate"):  # a MultiOptimizer has none
            rate["learning_rate"] = self.model.optimizer.learning_rate
        for name, value in ((logs or {}) | rate).items():
            part = "validation" if name.startswith(VALIDATION) else "train"
            if part not in self._writers:
                self._writers[part] = self._make(os.path.join(self.log_dir, part))
            tag = f"epoch_{name.removeprefix(VALIDATION)}"
            self._writers[part].add_scalar(tag, float(value), epoch)
        for each in self._writers.values():
            each.flush()  # so that the curves can be followed

    def on_train_end(self, logs: Logs | None = None) -> None:
        for each in self._writers.values():
            each.close()
        self._writers = {}


def writer() -> Any:
    """What makes a writer of event files. Raises ImportError with the way out."""
    try:
        return import_module("tensorboardX").SummaryWriter
    except ModuleNotFoundError as error:
        raise ImportError(
            "TensorBoard expected the package tensorboardX, which is not installed: pip install "
            '"minicnn[tensorboard]", or use CSVLogger, and plots.learning_curves(history)'
        ) from error
