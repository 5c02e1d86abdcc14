"""A training in a folder of its own: how it was begun, how it went, and what has come of it.

    runs/<name>/config.json         options, data, model, versions, processor
                history.csv         a line per epoch
                checkpoint/         what an interrupted training continues from
                model.safetensors   the best model so far
                metrics.json        its examination on pictures that it has not been trained on
                plots/              every picture, and beside it the same as text
                report.html         all of this on one page

All but the last three are written while the model trains, so that a training that was killed can be read as well.
`runs/latest` is no file but a name: the folder in `runs` whose training began last.
"""

import csv
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import page, report
from minicnn.callbacks import Callback
from minicnn.errors import DataError
from minicnn.labels import class_of
from minicnn.layers import Conv2D
from minicnn.names import known_arguments
from minicnn.saving.atomic import write_text
from minicnn.saving.signature import fits
from minicnn.saving.strict_json import parse
from minicnn.sequential import Sequential

if TYPE_CHECKING:
    from minicnn.plots import Plot

LATEST = "latest"
NARROW = "-narrow"  # at the end of the names of plots that are drawn for narrow screens
PICTURES, COLUMNS = 21, (7, 3)  # in grids, on wide and narrow screens
OPTIONS: dict[str, Any] = {
    "data": str, "limit": int | None, "augment": bool, "epochs": int, "batch_size": int, "seed": int,
    "learning_rate": float, "image_size": str | None, "recipe": str, "network": str | None,
    "model": str | None, "class_weight": str | None, "imports": list[str] | None,
}  # fmt: skip
BEFORE: dict[str, Any] = {  # what runs did that were begun when these options were not there yet
    "learning_rate": 1e-3, "image_size": "32x32", "recipe": "documented", "network": "documented", "model": None,
    "class_weight": None, "imports": None,
}  # fmt: skip
Array = np.ndarray
Pair = tuple[Array, Array]


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

    @property
    def config(self) -> dict[str, Any]:
        """How the training was begun. Raises DataError when the file is damaged."""
        return _read_json(self.config_file)

    @property
    def options(self) -> dict[str, Any]:
        """What `minicnn train` was told, or took, for it. Raises DataError when config.json does not say it."""
        options = self.config.get("options")
        options = BEFORE | options if isinstance(options, dict) else options
        if not isinstance(options, dict) or not all(fits(options.get(name), kind) for name, kind in OPTIONS.items()):
            raise DataError(f"{self.config_file} expected options of `minicnn train`, received {options!r:.200}")
        return options

    @property
    def metrics(self) -> dict[str, Any]:
        """How the training ended; empty until it does. Raises DataError when the file is damaged."""
        return _read_json(self.metrics_file) if self.metrics_file.exists() else {}

    @property
    def history(self) -> dict[str, list[float]]:
        """Every column of history.csv, epoch by epoch. Raises DataError when the file is damaged."""
        if not self.history_file.exists():
            return {}
        try:
            with self.history_file.open(newline="", encoding="utf-8") as file:
                names, *rows = csv.reader(file)
            columns = zip(*([float(cell) for cell in row] for row in rows), strict=True)
            return dict(zip(names, map(list, columns), strict=True))
        except (ValueError, csv.Error) as error:
            raise DataError(f"{self.history_file} is damaged ({error}): train again") from error


class HistoryFile(Callback):
    """Writes history.csv after every epoch, whole, so that a resumed training has each epoch in it once.

    Its columns are the epoch (from 0), how many seconds it took, with validation, and all that is logged.
    """

    remembers = ("seconds",)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.seconds: list[float] = []
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.seconds = [*self.seconds[:epoch], time.perf_counter() - self._began]
        before = self.model.history.history  # this epoch comes into it later
        columns = {name: [*before.get(name, []), value] for name, value in (logs or {}).items()}
        rows = zip(range(epoch + 1), self.seconds, *columns.values(), strict=True)
        lines = [",".join(map(str, row)) for row in [("epoch", "seconds", *columns), *rows]]
        write_text(self.path, "\n".join(lines) + "\n")


@known_arguments
def create(folder: str | os.PathLike[str], config: Mapping[str, Any]) -> Run:
    """Make a run folder that holds its config.

    Raises:
        FileExistsError: there is a run in it already.
        ValueError: it would be called "latest".
        OSError: it cannot be written.
    """
    run = Run(folder)
    if run.folder.name == LATEST:
        raise ValueError(f"a run cannot be called {LATEST!r}, which stands for the last one: choose another name")
    if run.config_file.exists():
        raise FileExistsError(f"{run.folder} holds a run already: resume it, or choose another name")
    run.folder.mkdir(parents=True, exist_ok=True)
    write_text(run.config_file, to_json(config) + "\n")
    return run


@known_arguments
def find(folder: str | os.PathLike[str]) -> Run:
    """The run in that folder, which may be called `latest`. Raises FileNotFoundError when there is none."""
    run = Run(folder)
    if run.folder.name == LATEST and not run.folder.exists():
        configs = run.folder.parent.glob("*/config.json")
        newest = max(configs, key=lambda path: path.stat().st_mtime_ns, default=None)
        if newest is None:
            raise FileNotFoundError(f"there is no run in {run.folder.parent} yet: `minicnn train` makes one")
        return Run(newest.parent)
    if not run.config_file.exists():
        raise FileNotFoundError(f"{run.folder} is no run folder: there is no {run.config_file.name} in it")
    return run


def model_file(path: str | os.PathLike[str]) -> Path:
    """The model that a path names: a file, or that of a run folder. Raises FileNotFoundError when there is none."""
    if Path(path).name != LATEST and not Path(path).is_dir():
        return Path(path)
    run = find(path)
    if not run.model_file.exists():
        raise FileNotFoundError(f"{run.folder} has no model yet: its first epoch has not ended")
    return run.model_file


def best_epoch(history: Mapping[str, list[float]]) -> int | None:
    """The epoch, counted from 1, of the lowest validation loss; None where there is none."""
    losses = np.asarray(history.get("val_loss", []), float)
    return None if np.isnan(losses).all() else 1 + int(np.nanargmin(losses))


@known_arguments
def finish(run: Run, model: Sequential, train: Pair, test: Pair, *, interrupted: bool = False) -> report.Evaluation:
    """Examine a trained model, and write what it has come to: numbers, plots, and the page of it all.

    Args:
        model: as the run is to keep it; with class names.
        train, test: (x, y), what it was trained on and what it is examined on.
        interrupted: whether the training was ended before its time.

    Returns: what is on the page of the test pictures.
    """
    probabilities = model.predict(test[0], verbose=0)
    names = model.class_names or [str(k) for k in range(probabilities.shape[1])]
    evaluation = report.evaluate_report(test[1], probabilities, names)
    history = run.history
    metrics = {
        "test": evaluation.to_dict(),
        "epochs": len(history["epoch"]),
        "best_epoch": best_epoch(history),
        "seconds": sum(history["seconds"]),
        "interrupted": interrupted,
    }
    write_text(run.metrics_file, to_json(metrics) + "\n")
    draw(run, model, train, test, probabilities, evaluation)
    write_page(run)
    return evaluation


def draw(
    run: Run, model: Sequential, train: Pair, test: Pair, probabilities: Array, evaluation: report.Evaluation
) -> None:
    """Write all plots of a finished run."""
    from minicnn import explain, plots  # matplotlib takes its time, and only this needs it
    from minicnn.plots.fitted import TELEPHONE

    names = evaluation.classes.class_names
    draw_curves(run)
    save_plot(run, "confusion", plots.confusion_heatmap(evaluation.confusion, names))
    save_plot(run, "reliability", plots.reliability_diagram(evaluation.calibration))
    counts = np.bincount(class_of(train[1], "the labels"), minlength=len(names))
    bars = plots.class_distribution(counts, names)
    save_plot(run, "classes", bars, bars)
    grids = [plots.image_grid(*train, names, columns=n, rows=PICTURES // n) for n in COLUMNS]
    save_plot(run, "pictures", *grids)
    if evaluation.accuracy < 1:
        grids = [plots.mistakes_gallery(*test, probabilities, names, columns=n, rows=PICTURES // n) for n in COLUMNS]
        save_plot(run, "mistakes", *grids)
    if any(isinstance(layer, Conv2D) for layer in model.layers):
        filters = explain.filters(model)
        save_plot(run, "filters", plots.filters(filters), plots.filters(filters, columns=4, width=TELEPHONE))


def draw_curves(run: Run) -> None:
    """Write the learning curves, as far as the training has come."""
    from minicnn import plots

    logs = {name: values for name, values in run.history.items() if name not in ("epoch", "seconds")}
    curves = plots.learning_curves(logs)
    save_plot(run, "curves", curves, curves)


def save_plot(run: Run, name: str, plot: "Plot", narrow: "Plot | None" = None) -> None:
    """Write a plot as PNG and as text; and `narrow`, which may be the same, as PNG for narrow screens.

    The titles are the page's. Grids of pictures are transparent: on a dark page they would be white cards.
    """
    from minicnn.plots.fitted import TELEPHONE, fitted

    run.plots.mkdir(exist_ok=True)
    background = "none" if name in page.PHOTOGRAPHS else "white"
    fitted(plot).save(run.plots / f"{name}.png", background=background)
    write_text(run.plots / f"{name}.txt", plot.to_text() + "\n")
    if narrow is not None:
        fitted(narrow, TELEPHONE).save(run.plots / f"{name}{NARROW}.png", background=background)


def write_page(run: Run) -> None:
    """Write report.html from what is in the folder; what is not there yet is left out.

    Raises DataError when something in it is damaged.
    """
    try:
        text = _page(run)
    except DataError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        files = "config.json, history.csv, metrics.json or plots"
        raise DataError(f"{run.folder} is no whole run: something is missing or wrong in {files} ({error})") from error
    write_text(run.page, text)


def _page(run: Run) -> str:
    history = run.history
    if history.get("epoch") and not run.metrics_file.exists():  # still training, or killed
        draw_curves(run)
    pictures = {}
    for path in run.plots.glob("*.txt"):
        narrow = path.with_name(f"{path.stem}{NARROW}.png")
        pictures[path.stem] = page.Picture(
            wide=path.with_suffix(".png").read_bytes(),
            narrow=narrow.read_bytes() if narrow.exists() else None,
            text=path.read_text(encoding="utf-8").rstrip(),
        )
    return page.render(run.folder.name, run.config, history, run.metrics, pictures)


def to_json(value: Mapping[str, Any]) -> str:
    """A dictionary as JSON for people and programs; what is no finite number is null."""
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
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
