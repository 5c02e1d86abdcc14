"""`minicnn runs`: all trainings in a table, or some of them compared."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minicnn import report, runs
from minicnn.cli.common import show, writing
from minicnn.cli.messages import say
from minicnn.errors import DataError
from minicnn.wording import counted, duration, percent

FOLDER = "runs"
HEADINGS = (
    "run",
    "began",
    "data",
    "network",
    "recipe",
    "epochs",
    "test accuracy",
    "verdict",
    "time",
)


@dataclass(frozen=True)
class Line:
    """What is worth knowing of a run; None for what is not known.

    Attributes:
        state: "done", "interrupted", "unfinished" (it trains, or was killed) or "damaged".
        seconds: of all epochs.
    """

    run: str
    state: str
    began: str | None = None
    data: str | None = None
    network: str | None = None
    recipe: str | None = None
    epochs: int | None = None
    accuracy: float | None = None
    interval: list[float] | None = None
    verdict: str | None = None
    seconds: float | None = None

    def cells(self) -> list[str]:
        """The run as a row of the table."""
        accuracy = "-"
        if self.accuracy is not None and self.interval is not None:
            low, high = self.interval
            accuracy = f"{percent(self.accuracy)} ({100 * low:.1f} to {percent(high)})"
        said = (
            self.verdict
            if self.state == "done"
            else ", ".join(filter(None, [self.state.upper(), self.verdict]))
        )
        time = "-" if self.seconds is None else duration(self.seconds)
        epochs = "-" if self.epochs is None else str(self.epochs)
        began = (self.began or "-")[:16].replace("T", " ")
        rest = (
            self.data or "-",
            self.network or "-",
            self.recipe or "-",
            epochs,
            accuracy,
            said or "-",
            time,
        )
        return [self.run, began, *rest]


def run(options: argparse.Namespace) -> int:
    """Print the table; 1 if one of the runs is damaged."""
    found = list(folders(options.paths))
    if not found:
        raise FileNotFoundError(
            f"there is no run in {', '.join(options.paths)} yet: `minicnn train` makes one"
        )
    named = all(is_run(Path(path)) for path in options.paths)
    lines = [line_of(run) for run in found]
    if not named:
        lines.sort(key=lambda line: line.began or "")
    result: dict[str, Any] = {"runs": [asdict(line) for line in lines]}
    text = table(HEADINGS, [line.cells() for line in lines])
    compared = [
        run
        for run in found
        if next(line for line in lines if line.run == str(run.folder)).state != "damaged"
    ]
    if len(compared) > 1 and (named or options.output):
        different = differences(compared)
        saved = draw(compared, options.output or Path("compared.png"))
        result |= {"differences": different, "saved": saved}
        rows = [
            [name, *("-" if value is None else str(value) for value in values)]
            for name, values in different.items()
        ]
        told = table(["option", *names_of(compared)], rows) if rows else "All options are the same."
        curves = f"Saved {saved}" if saved else "No curves: an epoch has not ended yet."
        text = f"{text}\n\n{told}\n\n{curves}"
    show(options, result, text)
    damaged = [line.run for line in lines if line.state == "damaged"]
    if damaged:
        say(options, f"{counted(len(damaged), 'run')} that cannot be read: {', '.join(damaged)}")
    return 1 if damaged else 0


def folders(paths: Sequence[str]) -> Iterator[runs.Run]:
    """The runs that paths name: themselves, or those in them, but not links to them such as
    `latest`.
    """
    for path in map(Path, paths):
        if is_run(path):
            yield runs.find(path)
        elif path.is_dir():
            inner = sorted(folder for folder in path.iterdir() if not folder.is_symlink())
            yield from (runs.Run(folder) for folder in inner if is_run(folder))
        elif str(path) != FOLDER:
            raise FileNotFoundError(
                f"expected runs, or folders of runs, received {path}, which is not there"
            )


def is_run(path: Path) -> bool:
    """Whether a path names a run."""
    return path.name == runs.LATEST or (path / "config.json").exists()


def line_of(run: runs.Run) -> Line:
    """What can be said of a run, however damaged it is."""
    try:
        return _line_of(run)
    except (
        DataError,
        OSError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
    ):
        return Line(str(run.folder), "damaged")


def _line_of(run: runs.Run) -> Line:
    config, history, metrics = run.config, run.history, run.metrics
    test = metrics.get("test", {})
    judged = report.judge_run(config, history, test)
    return Line(
        run=str(run.folder),
        state="unfinished" if not metrics else "interrupted" if metrics["interrupted"] else "done",
        began=str(config["began"]),
        data=str(config["data"]["name"]),
        network=str(config["model"]["name"]),
        recipe=options_of(run).get("recipe"),
        epochs=len(history.get("epoch", [])),
        accuracy=float(test["accuracy"]) if test else None,
        interval=[float(bound) for bound in test["accuracy_interval"]] if test else None,
        verdict=judged.kind if judged else None,
        seconds=sum(history.get("seconds", [])),
    )


def differences(found: Sequence[runs.Run]) -> dict[str, list[Any]]:
    """The options that are not the same in all runs, and their values."""
    options = [options_of(run) for run in found]
    names = dict.fromkeys(name for each in (runs.OPTIONS, *options) for name in each)
    values = {name: [each.get(name) for each in options] for name in names}
    return {
        name: found for name, found in values.items() if any(value != found[0] for value in found)
    }


def options_of(run: runs.Run) -> dict[str, Any]:
    """What a run was told, also one that another program has begun, such as an example."""
    try:
        return run.options
    except DataError:
        return dict(run.config["options"])


def names_of(found: Sequence[runs.Run]) -> list[str]:
    """What the runs are called: their folders' names, or their paths where two have the same."""
    names = [run.folder.name for run in found]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in found]


def draw(found: Sequence[runs.Run], file: Path) -> str | None:
    """Save the curves of the runs that have some; None when none has."""
    from minicnn import plots  # matplotlib takes its time
    from minicnn.plots.palette import SERIES

    histories = {name: run.history for name, run in zip(names_of(found), found, strict=True)}
    logs = {name: history for name, history in histories.items() if history.get("epoch")}
    if not logs:
        return None
    validated = all(log.get("val_loss") for log in logs.values())
    curves = (
        plots.compared_curves
        if validated and len(logs) <= len(SERIES)
        else plots.curves_side_by_side
    )
    with writing(file):
        return str(curves(logs).save(file))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns below their headings, as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    cells = (
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        for row in (headings, *rows)
    )
    return "\n".join("  ".join(row).rstrip() for row in cells)
