"""Tell a search how every epoch went, and end the training when it is pruned."""

# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)
import warnings
from typing import Any

from minicnn.saving.packages import need
from minicnn.training.callbacks.base import Callback


class Report(Callback):
    """Tells an Optuna trial how every epoch went, and ends the training when the trial is pruned.

        def objective(trial):
            ...
            model.fit(..., callbacks=[..., callbacks.Report(trial)])  # the last one of the list

    Args:
        trial: what Optuna calls the objective with: anything with `report(value, step)` and
            `should_prune()`.
        monitor: the metric that the trial is judged by.

    Raises optuna.TrialPruned when the training has ended, so that checkpoints, files and the
    callbacks before this one have the epoch that was the last; ValueError when the logs lack the
    metric.

    Source: Optuna, `optuna.integration.KerasPruningCallback` (which raises in mid-epoch).
    """

    remembers = ("pruned",)

    def __init__(self, trial: Any, monitor: str = "val_accuracy") -> None:
        super().__init__()
        self.trial, self.monitor = trial, monitor
        self.pruned: int | None = None  # after which epoch, from 1

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.pruned = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.monitor not in (logs or {}):
            raise ValueError(
                f"Report expected a metric of the logs as monitor, received {self.monitor!r}; "
                f"there are {', '.join(logs or ()) or 'none'}: give fit validation_data"
            )
        with warnings.catch_warnings():  # a resumed training has told some of its epochs before
            warnings.filterwarnings("ignore", ".*already reported")
            self.trial.report((logs or {})[self.monitor], epoch)
        if self.trial.should_prune():
            self.pruned = epoch + 1
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.pruned is not None:
            need("optuna", "to prune trials", "tune")
            from optuna import TrialPruned

            raise TrialPruned(f"pruned after epoch {self.pruned}")
