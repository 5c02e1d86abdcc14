"""Write every epoch's numbers to a CSV file."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from minicnn.training.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Writes one row per epoch, at once, so that the file can be followed while the model trains.

    The columns are ``epoch`` (from 0), then the names in the first epoch's logs, sorted; if none starts with ``val_``,
    each is followed by its ``val_`` namesake at the end, for a validation that comes later. A missing value is "NA".

    Args:
        filename: the file to write; missing folders are made.
        separator: what stands between two values.
        append: True continues an existing file (and writes no second header), False replaces it.

    Source: Keras 3, ``keras.callbacks.CSVLogger``.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._writer: csv.DictWriter[str] | None = None
        self._needs_header = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()  # a training that an exception ended may have left it open
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._needs_header = not (self.append and path.exists() and path.stat().st_size > 0)
        self._file = path.open("a" if self.append else "w", newline="", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        assert self._file is not None, "on_train_begin opens the file"
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, _columns(logs), delimiter=self.separator)
            if self._needs_header:
                self._writer.writeheader()
        names = list(self._writer.fieldnames)[1:]
        self._writer.writerow({"epoch": epoch} | {name: _cell(logs.get(name, "NA")) for name in names})
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._writer = None


def _columns(logs: Logs) -> list[str]:
    names = sorted(logs)
    if not any(name.startswith("val_") for name in names):
        names += [f"val_{name}" for name in names]
    return ["epoch", *names]


def _cell(value: Any) -> Any:
    """Return ``value`` as a cell; a list or an array, which another callback may have logged, as ``"[1, 2]"``."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f'"[{", ".join(map(str, value))}]"'
    return value
