"""history.csv, a line per epoch."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minicnn.callbacks import Callback
from minicnn.runs.folder import Run
from minicnn.runs.latest import link
from minicnn.saving.atomic import write_text


class HistoryFile(Callback):
    """Writes history.csv after every epoch, whole, so that a resumed training has each epoch in it
    once.

    Its columns are the epoch (from 0), how many seconds it took, with validation, and all that is
    logged. The first epoch after which the folder also has a model makes it the latest run.
    """

    remembers = ("seconds",)
    only_on_rank_0 = True

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.seconds: list[float] = []
        self._began = 0.0
        self._linked = False

    def on_epoch_begin(
        self,
        epoch: int,  # noqa: ARG002
        logs: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.seconds = [*self.seconds[:epoch], time.perf_counter() - self._began]
        before = self.model.history.history  # this epoch comes into it later
        columns = {name: [*before.get(name, []), value] for name, value in (logs or {}).items()}
        rows = zip(range(epoch + 1), self.seconds, *columns.values(), strict=True)
        lines = [",".join(map(str, row)) for row in [("epoch", "seconds", *columns), *rows]]
        write_text(self.path, "\n".join(lines) + "\n")
        self._linked = self._linked or link(Run(self.path.parent))
