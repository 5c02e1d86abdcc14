"""Write every epoch's numbers to a CSV file."""
# ruff: noqa: ARG002  (a hook keeps its whole signature, used or not)

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from minicnn.saving import atomic
from minicnn.training.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Writes one row per epoch, at once, so that the file can be followed while the model trains.

    The columns are `epoch` (from 0), then the names in the first epoch's logs, sorted; if none
    starts with `val_`, each is followed by its `val_` namesake at the end, for a validation that
    comes later. A missing value is "NA".

    Args:
        filename: the file to write; missing folders are made.
        separator: what stands between two values.
        append: True continues an existing file (and writes no second header), False replaces it.

    Source: Keras 3, `keras.callbacks.CSVLogger`.
    """

    only_on_rank_0 = True

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._columns: list[str] | None = None  # known after the first epoch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._columns = None
        path = Path(self.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a" if self.append else "w").close()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        with Path(self.filename).open("a", newline="", encoding="utf-8") as file:
            columns = self._columns or _columns(logs)
            writer = csv.DictWriter(file, columns, delimiter=self.separator)
            if self._columns is None and file.tell() == 0:
                writer.writeheader()
            writer.writerow(
                {"epoch": epoch} | {name: _cell(logs.get(name, "NA")) for name in columns[1:]}
            )
        self._columns = columns

    def get_state(self) -> dict[str, Any]:
        """The file's text so far: what a killed training wrote after its last checkpoint will be
        written again.
        """
        path = Path(self.filename)
        return {
            "text": path.read_bytes().decode() if path.exists() else "",
            "columns": self._columns,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        columns = state["columns"]
        if columns is not None and not (
            isinstance(columns, list) and all(isinstance(name, str) for name in columns)
        ):
            raise TypeError(f"CSVLogger expected the names of columns, received {columns!r:.60}")
        atomic.write_text(self.filename, state["text"])
        self._columns = columns


def _columns(logs: Logs) -> list[str]:
    names = sorted(logs)
    if not any(name.startswith("val_") for name in names):
        names += [f"val_{name}" for name in names]
    return ["epoch", *names]


def _cell(value: Any) -> Any:
    """`value` as a cell; a list or array, which a callback may have logged, as `"[1, 2]"`."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f'"[{", ".join(map(str, value))}]"'
    return value
