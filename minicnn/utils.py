"""Small helpers that Keras scripts expect under `keras.utils`."""

import random

import numpy as np
from numpy.typing import ArrayLike

from minicnn.expect import array, count
from minicnn.labels import check_range, whole
from minicnn.names import known_arguments, missing_from

__all__ = ["set_random_seed", "to_categorical"]

__getattr__ = missing_from(__name__, "utils", __all__)

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
    global _seeds
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  the global generator is what the user asks to seed
    _seeds = np.random.default_rng(seed)


def fresh_seed() -> int:
    """A seed for something made without one; the same after the same set_random_seed."""
    return int(_seeds.integers(2**63))


@known_arguments
def to_categorical(x: ArrayLike, num_classes: int | None = None) -> np.ndarray:
    """One-hot float32 labels (..., K) for integer ones (...), where a last axis of one number
    counts as none.

    Labels (n,) or (n, 1) give (n, K); K is the largest label + 1 unless given. Raises ValueError
    for labels that are no integers from 0 to num_classes - 1.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    labels = whole(array(x, "labels", "to_categorical"), "to_categorical")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None and labels.size == 0:
        raise ValueError("to_categorical expected num_classes for no labels at all, received None")
    classes = (
        int(labels.max()) + 1
        if num_classes is None
        else count(num_classes, "num_classes", "to_categorical")
    )
    check_range(
        labels,
        classes,
        "to_categorical",
        "num_classes is one more than the largest label, and 0 the least",
    )
    return np.eye(classes, dtype=np.float32)[labels]
