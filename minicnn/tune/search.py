"""The work of one process of a study: take a trial, train it, tell what came of it, until none is
left; and one trial once more, to compare bits.
"""

import shutil
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minicnn import runs
from minicnn.saving.atomic import write_text
from minicnn.tune.study import Study, Taken
from minicnn.tune.trial import Trained, Trainer
from minicnn.wording import counted, duration, percent

IN_A_ROW = 3  # trials that fail before any has come to something: the next ones would too


def search(study: Study, trainer: Trainer, below: int, say: Callable[[str], None]) -> bool:
    """Train trials with numbers below `below` until none is left for this process; whether Ctrl-C
    ended it early.

    A trial whose training raises an exception fails, with its traceback in error.txt, and the next
    one begins. Raises ValueError with the last exception when three fail and none has succeeded.
    """
    while True:
        with study.take(below) as taken:
            if taken is None:
                return False
            if taken.takes:
                say(f"trial {taken.number}: going on where a process was ended")
            try:
                seed = study.seed_of(taken.number)
                trained = trainer.train(taken.values, seed, taken.folder, trial=taken.trial)
            except Exception as error:
                _failed(study, taken, error, say)
                continue
            if trained.why == "interrupted":
                study.leave(taken)
                say(f"trial {taken.number}: interrupted; the next process goes on with it")
                return True
            value = None if trained.why else trained.value
            about = {"bits": trained.bits, "epochs": trained.epochs, "why": trained.why}
            study.tell(taken.trial, value, about | {"seconds": trained.seconds})
            shutil.rmtree(runs.Run(taken.folder).checkpoint, ignore_errors=True)
            say(told(study, taken, trained))


def _failed(study: Study, taken: Taken, error: Exception, say: Callable[[str], None]) -> None:
    """Note a trial that raised; raise where all do."""
    write_text(taken.folder / "error.txt", traceback.format_exc())
    study.fail(taken.trial, f"{type(error).__name__}: {error}"[:500])
    say(f"trial {taken.number} failed: {error}")
    states = Counter(trial.state.name for trial in study.trials)
    if states["FAIL"] >= IN_A_ROW and not states["COMPLETE"] + states["PRUNED"]:
        raise ValueError(
            f"tune expected trials that can be trained, received {states['FAIL']} failures and "
            f"nothing else; the last one: {error} ({taken.folder / 'error.txt'} has all of it)"
        ) from error


def told(study: Study, taken: Taken, trained: Trained) -> str:
    """A line about a trial that has ended."""
    metric = str(study.space.told["study"]["metric"])
    value = "no finite value" if trained.value is None else shown(trained.value, metric)
    why = f", {trained.why}" if trained.why else ""
    took = f"{counted(trained.epochs, 'epoch')}{why}, {duration(trained.seconds)}"
    best = best_of(study)
    last = f"; best: trial {best.number}, {shown(best.value, metric)}" if best else ""
    return f"trial {taken.number}: {metric} {value}, {took}{last}"


def shown(value: float, metric: str) -> str:
    """A value of the metric, as people read it."""
    return percent(value, 2) if metric.endswith("accuracy") else f"{value:.4f}"


def best_of(study: Study) -> Any | None:
    """The complete trial with the best value, the first of several; None where none is complete."""
    found = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    if not found:
        return None
    sign = -1 if study.optuna.direction.name == "MAXIMIZE" else 1
    return min(found, key=lambda trial: (sign * trial.value, trial.number))


@dataclass(frozen=True)
class Repeated:
    """A trial that was trained once more.

    Attributes:
        number: of the trial.
        same: whether weights, the optimizer's memory and all logs have the same bits.
        before, now: their fingerprints.
        different: how the environment differs, by what.
    """

    number: int
    same: bool
    before: str
    now: str
    different: dict[str, list[Any]]


def repeat(study: Study, trainer: Trainer, number: int) -> Repeated | None:
    """Train a trial once more, for as many epochs, in a folder beside its own; None where Ctrl-C
    ended it.

    Raises ValueError for one that has not ended, or has failed.
    """
    found = study.trials[number] if number < len(study.trials) else None
    if found is None or found.state.name not in ("COMPLETE", "PRUNED"):
        ended = [each.number for each in study.trials if "bits" in each.user_attrs]
        what = f"{number}, which is {found.state.name.lower()}" if found else str(number)
        raise ValueError(
            f"--repeat expected a trial that has ended, received {what}; "
            f"there are {', '.join(map(str, ended)) or 'none'}"
        )
    folder = study.folder_of(number)
    again = folder.with_name(f"{folder.name}-repeated")
    shutil.rmtree(again, ignore_errors=True)
    about = found.user_attrs
    chosen = {name: found.params[name] for name in study.space.domains}
    trained = trainer.train(chosen, study.seed_of(number), again, until=about["epochs"])
    if trained.why == "interrupted":
        return None
    there, here = (
        runs.Run(each).config["environment"] if runs.Run(each).config_file.exists() else {}
        for each in (folder, again)
    )
    different = {
        name: [there.get(name), here.get(name)]
        for name in dict.fromkeys((*there, *here))
        if there.get(name) != here.get(name)
    }
    same = trained.bits == about["bits"]
    return Repeated(number, same, about["bits"], trained.bits, different)
