"""What has become of all trials of a study."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from minicnn.tune.keys import METRICS
from minicnn.tune.ranges import Value
from minicnn.tune.search import shown
from minicnn.tune.study import Study
from minicnn.wording import duration

# complete; ended early by the pruner, or because its loss was no finite number; failed; a process
# has it now; its process was killed; nobody has begun it
STATES = ("complete", "pruned", "diverged", "failed", "running", "lost", "waiting")


@dataclass(frozen=True)
class Line:
    """What is known of a trial; None for what is not.

    Attributes:
        state: one of STATES.
        value: of its best epoch, or of its last one where it was ended early.
        params: its hyperparameters, by name.
        takes: how many processes have had it.
        why: what it failed of.
    """

    number: int
    state: str
    value: float | None
    epochs: int
    seconds: float | None
    params: dict[str, Value]
    seed: int
    host: str | None
    takes: int
    bits: str | None
    why: str


@dataclass(frozen=True)
class Summary:
    """All trials of a study, and the best one.

    Attributes:
        name, metric, sampler, pruner: of the study.
        storage: where it is kept.
        folder: where the trials' folders are.
    """

    name: str
    metric: str
    sampler: str
    pruner: str
    storage: str
    folder: str
    trials: list[Line]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many trials there are of each state."""
        found = Counter(line.state for line in self.trials)
        return {state: found[state] for state in STATES}

    @property
    def maximize(self) -> bool:
        """Whether larger values are better."""
        return METRICS[self.metric] == "maximize"

    @cached_property
    def best(self) -> Line | None:
        """The first of the complete trials with the best value."""
        complete = [line for line in self.trials if line.state == "complete"]
        sign = -1 if self.maximize else 1
        return min(complete, key=lambda one: sign * (one.value or 0)) if complete else None

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        about = {key: value for key, value in asdict(self).items() if key != "trials"}
        best = None if self.best is None else self.best.number
        trials = [asdict(line) for line in self.trials]
        return about | {"counts": self.counts, "best": best, "trials": trials}

    def to_text(self) -> str:
        """A line for each trial that was begun, and how many there are of each state."""
        rows = [self.cells(line) for line in self.trials if line.state != "waiting"]
        headings = ["trial", "state", self.metric, "epochs", "time", "hyperparameters"]
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        table = "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (headings, *rows)
        )
        return f"{table}\n\n{self.tally()}\n{self.next()}"

    def tally(self) -> str:
        """One sentence with the number of all trials."""
        parts = [f"{count} {state}" for state, count in self.counts.items() if count]
        return f"{len(self.trials)} trials: {', '.join(parts)}"

    def next(self) -> str:
        """What can be done with the best trial."""
        if self.best is None:
            return "no trial is complete yet"
        value, number = shown(self.best.value or 0, self.metric), self.best.number
        return (
            f"best: trial {number}, {self.metric} {value}, {described(self.best.params)}\n"
            f"next: minicnn evaluate --model {self.folder}/trials/{number:04d}; "
            f"minicnn tune --storage {self.storage} --repeat {number}; open "
            f"{self.folder}/report.html"
        )

    def cells(self, line: Line) -> list[str]:
        """A trial as a row of a table."""
        value = "-" if line.value is None else shown(line.value, self.metric)
        time = "-" if line.seconds is None else duration(line.seconds)
        return [str(line.number), line.state, value, str(line.epochs), time, described(line.params)]


def described(params: Mapping[str, Value]) -> str:
    """Hyperparameters in one line."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in params.items()
    )


def summary(study: Study) -> Summary:
    """What has become of the study's trials until now."""
    about = study.space.told["study"]
    return Summary(
        name=str(about["name"]),
        metric=str(about["metric"]),
        sampler=str(about["sampler"]),
        pruner=str(about["pruner"]),
        storage=study.shown,
        folder=str(study.folder),
        trials=[_line(study, trial) for trial in study.trials],
    )


def _line(study: Study, trial: Any) -> Line:
    about, reported = trial.user_attrs, trial.intermediate_values
    state = {"FAIL": "failed"}.get(trial.state.name, trial.state.name.lower())
    if state == "running" and study.is_lost(trial):
        state = "lost"
    if state == "pruned" and about.get("why") == "diverged":
        state = "diverged"
    value = trial.value if state == "complete" else reported[max(reported)] if reported else None
    return Line(
        number=trial.number,
        state=state,
        value=None if value is None or value != value else value,
        epochs=int(about.get("epochs", len(reported))),
        seconds=about.get("seconds"),
        params={name: trial.params[name] for name in study.space.domains if name in trial.params},
        seed=study.seed_of(trial.number),
        host=about.get("host"),
        takes=int(about.get("takes", 0)),
        bits=about.get("bits"),
        why=str(about.get("why", "")),
    )
