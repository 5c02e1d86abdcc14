"""Small helpers that Keras scripts expect under `keras.utils`."""

import random

import numpy as np

from minicnn.names import known_arguments, missing_from

__all__ = ["set_random_seed", "to_categorical"]

__getattr__ = missing_from(__name__, "utils", __all__)

_seeds = np.random.default_rng()  # where models without a seed of their own take one


@known_arguments
def set_random_seed(seed: int) -> None:
    """Seed Python's and NumPy's global generators, and the seeds of models made without one, as Keras' function does.

    It is the only global random state in minicnn; `Sequential(seed=...)` and `fit(seed=...)` do without it.
    """
    global _seeds
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  the global generator is what the user asks to seed
    _seeds = np.random.default_rng(seed)


def fresh_seed() -> int:
    """A seed for something made without one; the same after the same set_random_seed."""
    return int(_seeds.integers(2**63))


@known_arguments
def to_categorical(y: np.ndarray, num_classes: int | None = None) -> np.ndarray:
    """One-hot float32 rows (n, K) for integer labels (n,) or (n, 1); K is the largest label + 1 unless given.

    Raises ValueError for labels that are negative or not below num_classes.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(y, dtype=np.int64).reshape(-1)
    classes = int(labels.max()) + 1 if num_classes is None else num_classes
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        received = f"{labels.min()} to {labels.max()}"
        raise ValueError(f"to_categorical expected labels from 0 to {classes - 1}, received {received}")
    return np.eye(classes, dtype=np.float32)[labels]
