"""A study: numbered trials that any number of processes take, one after the other.

All trials are there from the beginning, waiting. A process takes one by holding the lock in the
trial's folder and setting its state, which succeeds for one process only. The system lets go of
the lock when the process ends, however it ends; so a trial that is running, and whose lock nobody
holds, is one whose process was killed, and the next process goes on with it, from its checkpoint.

A lock is exact where a heartbeat guesses: a process that was stopped for some minutes is not taken
for dead. (Optuna's heartbeat is for databases alone, and not for trials that are asked for.)
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from minicnn.saving import lock
from minicnn.tune import storage
from minicnn.tune.keys import METRICS
from minicnn.tune.networks import fingerprint
from minicnn.tune.ranges import Value
from minicnn.tune.samplers import pruner, sampler
from minicnn.tune.sequences import grid_size
from minicnn.tune.space import Networks, Space
from minicnn.tune.space import space as space_of

TRIALS = "trials"  # the folder of the trials' folders
LOCK = "trial.lock"
TRIES = 3  # a trial whose process was killed so often in one epoch is not taken up again


@dataclass(frozen=True)
class Taken:
    """A trial that this process has taken.

    Attributes:
        number: counted from 0.
        trial: Optuna's.
        folder: the trial's own.
        values: its hyperparameters, by name.
        takes: how many processes have had it before.
    """

    number: int
    trial: Any
    folder: Path
    values: dict[str, Value]
    takes: int


class Study:
    """A study in a storage.

    Args:
        where: a folder, or the URL of a database.
        space: what is searched.
        folder: of what trials leave; the storage's, or one that is named where that is a database.

    Raises ValueError for a space that is another than that of the study.
    """

    def __init__(self, where: str, space: Space, folder: Path) -> None:
        self.where, self.space, self.folder = where, space, folder
        kept = storage.opened(where)
        about = space.told["study"]
        told = json.dumps(space.told)
        with storage.one_at_a_time(folder):
            self.optuna = optuna.create_study(
                storage=kept,
                study_name=about["name"],
                direction=METRICS[about["metric"]],
                pruner=pruner(space),
                load_if_exists=True,
            )
            said = self.optuna.user_attrs.get("space")
            if said is None:
                self.optuna.set_user_attr("space", told)
                self.optuna.set_user_attr("folder", str(space.folder))
        if said is not None:
            _same(json.loads(said), space.told, f"the study {about['name']!r} in {self.shown}")
        self.check("network", self._network(), "the same Python file")

    @property
    def shown(self) -> str:
        """The storage as it may be printed."""
        return storage.shown(self.where)

    def _network(self) -> str:
        """By which the files of functions of one's own are known."""
        domain = self.space.searched.get(("model", "network"))
        names = domain.points() if domain else [self.space.fixed["model", "network"]]
        return " ".join(fingerprint(str(name), self.space.folder) for name in names or ()).strip()

    def check(self, what: str, value: str, expected: str) -> None:
        """Note something that must be the same for all trials.

        Raises ValueError where it is not.
        """
        said = self.optuna.user_attrs.get(what)
        if said is None:
            self.optuna.set_user_attr(what, value)
        elif said != value:
            raise ValueError(
                f"tune expected {expected} in every process of the study in {self.shown}, with "
                f"the fingerprint {said or 'of none'}, received {value or 'none'}: bring it back, "
                "or begin a new study in another --storage"
            )

    def add(self, trials: int) -> int:
        """Let there be so many trials, or as many as a grid has; returns how many there are."""
        if self.space.told["study"]["sampler"] == "grid":
            trials = min(trials, grid_size(self.space.domains))
        with storage.one_at_a_time(self.folder):
            for _ in range(trials - len(self.trials)):
                self.optuna.enqueue_trial({})
        return trials

    @property
    def trials(self) -> list[Any]:
        """All trials, as they are now."""
        return self.optuna.get_trials(deepcopy=False)

    @contextmanager
    def take(self, below: int) -> Iterator[Taken | None]:
        """A trial for this process: first one that nobody trains any more, then one that waits.

        None where there is none with a number below `below`. It is held until the end of the block.
        """
        for state in (TrialState.RUNNING, TrialState.WAITING):
            for found in self.trials:
                if found.state == state and found.number < below:
                    descriptor = self._hold(found)
                    if descriptor is None:
                        continue
                    try:
                        taken = self._taken(found)
                        if taken is not None:
                            yield taken
                            return
                    finally:
                        lock.let_go(descriptor, str(self.folder_of(found.number) / LOCK))
        yield None

    def _hold(self, found: Any) -> int | None:
        """Hold a trial's lock; None where another process does, or its folder is on another
        machine's disk.
        """
        folder = self.folder_of(found.number)
        if found.state == TrialState.WAITING:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            return lock.hold(str(folder / LOCK))
        except (BlockingIOError, FileNotFoundError):
            return None

    def _taken(self, found: Any) -> Taken | None:
        """The trial, whose lock is held; None where another process was faster."""
        number = found.number
        now = self.trials[number]
        if now.state != found.state:
            return None
        takes, epochs = int(now.user_attrs.get("takes", 0)), len(now.intermediate_values)
        before, tries = now.user_attrs.get("tried", (epochs, 0))
        tries = tries if before == epochs else 0
        # Optuna's own functions take the first trial that waits, and none that is running
        kept = self.optuna._storage
        if now.state == TrialState.WAITING and not kept.set_trial_state_values(
            now._trial_id, state=TrialState.RUNNING
        ):
            return None
        self.optuna.sampler = sampler(self.space, number)
        trial = optuna.trial.Trial(self.optuna, now._trial_id)
        if tries == TRIES:
            self.fail(trial, f"its process was killed {tries} times in epoch {epochs + 1}")
            return None
        trial.set_user_attr("takes", takes + 1)
        trial.set_user_attr("tried", (epochs, tries + 1))
        trial.set_user_attr("host", socket.gethostname())
        trial.set_user_attr("process", os.getpid())
        values = {name: domain.suggest(trial, name) for name, domain in self.space.domains.items()}
        return Taken(number, trial, self.folder_of(number), values, takes)

    def folder_of(self, number: int) -> Path:
        """Where a trial's files are."""
        return self.folder / TRIALS / f"{number:04d}"

    def seed_of(self, number: int) -> int:
        """With which a trial is trained."""
        return int(self.space.told["study"]["seed"]) + number

    def is_lost(self, trial: Any) -> bool:
        """Whether nobody trains a running trial any more: its lock is free."""
        descriptor = self._hold(trial)
        if descriptor is None:
            return False
        lock.let_go(descriptor, str(self.folder_of(trial.number) / LOCK))
        return True

    def tell(self, trial: Any, value: float | None, about: dict[str, Any]) -> None:
        """End a trial: complete with a value, else pruned."""
        for name, said in about.items():
            trial.set_user_attr(name, said)
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        self.optuna.tell(trial, value, state, skip_if_finished=True)

    def fail(self, trial: Any, why: str) -> None:
        """End a trial that has come to nothing."""
        trial.set_user_attr("why", why)
        self.optuna.tell(trial, state=TrialState.FAIL, skip_if_finished=True)

    def leave(self, taken: Taken) -> None:
        """Say that a trial was interrupted in good order: this was no try that failed."""
        taken.trial.set_user_attr("tried", (0, 0))

    def give_up(self, number: int) -> None:
        """End a running trial whose process has ended on a machine that will not come back.

        Raises ValueError for one that is not running, or that a process holds.
        """
        found = self.trials[number] if number < len(self.trials) else None
        if found is None or found.state != TrialState.RUNNING:
            state = "none of that number" if found is None else found.state.name.lower()
            raise ValueError(f"--give-up expected a running trial, received {number}, {state}")
        folder = self.folder_of(number)
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = self._hold(found)
        if descriptor is None:
            raise ValueError(
                f"--give-up expected a trial that no process trains, received {number}, which "
                f"process {found.user_attrs.get('process')} on {found.user_attrs.get('host')} does"
            )
        try:
            self.fail(optuna.trial.Trial(self.optuna, found._trial_id), "given up")
        finally:
            lock.let_go(descriptor, str(folder / LOCK))


def stored(where: str, known: Networks) -> Space:
    """The space of the study that a storage holds.

    Raises FileNotFoundError where there is no study, ValueError where there are several.
    """
    nothing = f"{storage.shown(where)} holds no study yet: name a file such as space.toml"
    if not storage.is_url(where) and not (Path(where) / storage.JOURNAL).exists():
        raise FileNotFoundError(nothing)
    found = [
        each.user_attrs
        for each in optuna.get_all_study_summaries(storage.opened(where))
        if "space" in each.user_attrs
    ]
    if not found:
        raise FileNotFoundError(nothing)
    if len(found) > 1:
        raise ValueError(
            f"{storage.shown(where)} holds {len(found)} studies: name the file that yours was "
            "begun with, such as space.toml"
        )
    [about] = found
    told, folder = json.loads(about["space"]), Path(about["folder"])
    return space_of(told, folder, known, storage.shown(where))


def _same(said: dict[str, dict[str, Any]], told: dict[str, dict[str, Any]], where: str) -> None:
    """Raise ValueError for two spaces that differ."""
    places = [(section, key) for section in told for key in {**said[section], **told[section]}]
    different = [
        f"[{section}] {key} {said[section].get(key, 'missing')} there, "
        f"{told[section].get(key, 'missing')} here"
        for section, key in places
        if said[section].get(key) != told[section].get(key)
    ]
    if different:
        raise ValueError(
            f"tune expected the space that {where} was begun with, received another: "
            f"{'; '.join(different)}: correct it, or choose another --storage"
        )
