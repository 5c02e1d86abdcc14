"""The one global random state: where seeds come from that nobody gave."""

import random

import numpy as np

from minicnn.expect import count
from minicnn.names import known_arguments

_seeds = np.random.default_rng()  # where models without a seed of their own take one


@known_arguments
def set_random_seed(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and the seeds of models made without one, as
    Keras' function does.

    It is the only global random state in minicnn; `Sequential(seed=...)` and `fit(seed=...)` do
    without it.

    >>> utils.set_random_seed(0)
    >>> first = Sequential([Input((4,)), layers.Dense(2)]).get_weights()
    >>> utils.set_random_seed(0)
    >>> second = Sequential([Input((4,)), layers.Dense(2)]).get_weights()
    >>> bool((first[0] == second[0]).all())
    True
    """
    count(seed, "seed", "set_random_seed", least=0)
    global _seeds
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  the global generator is what the user asks to seed
    _seeds = np.random.default_rng(seed)


def seed_of(seed: int | None, owner: str) -> int:
    """seed itself, or a fresh one for None. Raises ValueError for what is no whole number."""
    return fresh_seed() if seed is None else count(seed, "seed", owner, least=0)


def fresh_seed() -> int:
    """A seed for something made without one; the same after the same set_random_seed."""
    return int(_seeds.integers(2**63))
