"""Optuna's samplers and pruners by their names here. This file, storage.py and study.py alone
import optuna.
"""

from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial

from minicnn.tune import sequences
from minicnn.tune.ranges import Value
from minicnn.tune.space import Space

REPRODUCIBLE = ("qmc", "grid", "random")  # with any number of processes


class Planned(BaseSampler):
    """Hands out what a planned search has for a trial (sequences.py)."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """None: every hyperparameter is asked for by itself."""
        return {}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Nothing."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """The trial's value of this name."""
        return planned(self.space, trial.number)[param_name]


def planned(space: Space, number: int) -> dict[str, Value]:
    """What trial `number` of a planned search has."""
    name, seed = space.told["study"]["sampler"], space.told["study"]["seed"]
    if name == "grid":
        return sequences.grid(number, space.domains)
    return getattr(sequences, name)(number, space.domains, seed)


def sampler(space: Space, number: int) -> BaseSampler:
    """The sampler of one trial.

    TPE gets a seed of the trial's own. So processes do not all begin with the same points; and one
    process alone finds the same, whether or not it was stopped on the way.
    """
    if space.told["study"]["sampler"] in REPRODUCIBLE:
        return Planned(space)
    return TPESampler(seed=(space.told["study"]["seed"] * 1_000_003 + number) % 2**32)


def pruner(space: Space) -> optuna.pruners.BasePruner:
    """What ends trials early."""
    return {
        "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(),
        "none": lambda: optuna.pruners.NopPruner(),
    }[space.told["study"]["pruner"]]()
