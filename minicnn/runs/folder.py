"""The files of a run folder, and what stands in them."""

import contextlib
import csv
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.errors import DataError
from minicnn.names import known_arguments
from minicnn.saving.atomic import write_text
from minicnn.saving.signature import fits
from minicnn.saving.strict_json import parse

LATEST = "latest"
OPTIONS: dict[str, Any] = {
    "data": str,
    "limit": int | None,
    "augment": bool,
    "epochs": int,
    "batch_size": int,
    "seed": int,
    "learning_rate": float,
    "image_size": str | None,
    "recipe": str,
    "network": str | None,
    "model": str | None,
    "class_weight": str | None,
    "imports": list[str] | None,
    "shards": int,
    "batch_norm": str,
}
BEFORE: dict[str, Any] = {  # what runs did that were begun when these options were not there yet
    "learning_rate": 1e-3,
    "image_size": "32x32",
    "recipe": "documented",
    "network": "documented",
    "model": None,
    "class_weight": None,
    "imports": None,
    "shards": 1,
    "batch_norm": "shard",
}


class Run:
    """The files of a run folder, and what stands in them."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.config_file = self.folder / "config.json"
        self.history_file = self.folder / "history.csv"
        self.checkpoint = self.folder / "checkpoint"
        self.model_file = self.folder / "model.safetensors"
        self.metrics_file = self.folder / "metrics.json"
        self.plots = self.folder / "plots"
        self.page = self.folder / "report.html"
        self.doctor_file = self.folder / "doctor.txt"

    @property
    def files(self) -> list[Path]:
        """Everything that a training may write, whether or not it is there."""
        return [value for value in vars(self).values() if value != self.folder]

    @property
    def config(self) -> dict[str, Any]:
        """How the training was begun. Raises DataError when the file is damaged."""
        return _read_json(self.config_file)

    @property
    def options(self) -> dict[str, Any]:
        """What `minicnn train` was told, or took, for it.

        Raises DataError when config.json does not say it.
        """
        options = self.config.get("options")
        options = BEFORE | options if isinstance(options, dict) else options
        if not isinstance(options, dict) or not all(
            fits(options.get(name), kind) for name, kind in OPTIONS.items()
        ):
            raise DataError(
                f"{self.config_file} expected options of `minicnn train`, received others or none: "
                "whichever program began the run goes on with it, if it can; "
                "examples/train_cifar.py keeps no checkpoint"
            )
        return options

    @property
    def data(self) -> str:
        """The `--data` it was trained on. Raises DataError when config.json does not say it."""
        options = self.config.get("options")
        if not isinstance(options, dict) or not isinstance(options.get("data"), str):
            raise DataError(
                f"{self.config_file} expected the data of a training, received {options!r:.200}"
            )
        return options["data"]

    @property
    def fingerprint(self) -> str | None:
        """By which its pictures are known wherever they lie (data/fingerprint.py); None where
        config.json has none.
        """
        data = self.config.get("data")
        return data.get("fingerprint") if isinstance(data, dict) else None

    @property
    def has_model(self) -> bool:
        """Whether an epoch has ended and left a model: there is something to ask."""
        return self.history_file.exists() and self.model_file.exists()

    @property
    def metrics(self) -> dict[str, Any]:
        """How the training ended; empty until then. Raises DataError for a damaged file."""
        return _read_json(self.metrics_file) if self.metrics_file.exists() else {}

    @property
    def history(self) -> dict[str, list[float]]:
        """Every column of history.csv, epoch by epoch. Raises DataError for a damaged file."""
        if not self.history_file.exists():
            return {}
        try:
            with self.history_file.open(newline="", encoding="utf-8") as file:
                names, *rows = csv.reader(file)
            columns = zip(*([float(cell) for cell in row] for row in rows), strict=True)
            return dict(zip(names, map(list, columns), strict=True))
        except (ValueError, csv.Error) as error:
            raise DataError(f"{self.history_file} is damaged ({error}): train again") from error


@known_arguments
def create(folder: str | os.PathLike[str], config: Mapping[str, Any]) -> Run:
    """Make a run folder that holds its config.

    Raises FileExistsError when there is a run in it already, or something that is called as a file
    of a run; ValueError when it would be called "latest"; OSError when it cannot be written.
    """
    run = Run(folder)
    if run.folder.name == LATEST:
        raise ValueError(
            f"a run cannot be called {LATEST!r}, which stands for the last one: choose another name"
        )
    if run.config_file.exists():
        raise FileExistsError(
            f"{run.folder} holds a run already: resume it, or choose another name"
        )
    there = [path.name for path in run.files if path.exists()]
    if there:
        raise FileExistsError(
            f"{run.folder} holds {', '.join(there)} already, which a run would overwrite: choose "
            "another name"
        )
    run.folder.mkdir(parents=True, exist_ok=True)
    rewrite(run, config)
    return run


def rewrite(run: Run, config: Mapping[str, Any]) -> None:
    """Write config.json anew."""
    write_text(run.config_file, to_json(config) + "\n")


def discard(run: Run) -> None:
    """Remove what a training that has failed before its first epoch ended has made; nothing that
    was there before.
    """
    run.config_file.unlink(missing_ok=True)
    shutil.rmtree(run.checkpoint, ignore_errors=True)
    with contextlib.suppress(OSError):  # there is something else in it
        run.folder.rmdir()


def to_json(value: Mapping[str, Any]) -> str:
    """A dictionary as JSON for people and programs; what is no finite number is null.

    >>> print(runs.to_json({"accuracy": 0.5}))
    {
     "accuracy": 0.5
    }
    """
    return json.dumps(_plain(value), indent=1, allow_nan=False)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}): train again") from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
