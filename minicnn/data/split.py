"""Divide a data set so that every part has every class in the same proportion."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.data.describe import checked
from minicnn.expect import array
from minicnn.names import known_arguments
from minicnn.types import Samples

PARTS = ("train", "validation", "test")


@known_arguments
def split(
    x: ArrayLike,
    y: ArrayLike,
    train: float = 0.8,
    validation: float = 0.1,
    test: float = 0.1,
    *,
    seed: int = 0,
) -> tuple[Samples, Samples, Samples]:
    """Three pairs (x, y), to train, validate and test on, with each class divided in these
    proportions.

    Of the n samples of a class, each part gets the whole number of its share and the rest go to the
    largest fractions: of 7 at 80, 10 and 10 %, that is 5.6, 0.7 and 0.7, the parts get 5, 1 and 1.
    Where fractions are equal, the part that has got least of what it is due so far comes first. A
    part that would get none gets one from the largest: of 3 at those shares, the parts get 1, 1 and
    1.

    Args:
        x, y: samples (n, ...) and labels, integers (n,) or (n, 1) or one-hot (n, K).
        train, validation, test: the shares, which add up to 1; 0 makes a part empty.
        seed: decides which samples go where, and their order, which is shuffled.

    Raises ValueError for shares that do not add up to 1, for x and y that do not fit each other,
    and for a class with fewer samples than there are parts to have one.
    Source: Hamilton's method of apportionment, 1792, for the rounding.

    >>> x, y = np.zeros((20, 8, 8, 3), np.uint8), np.arange(20) % 2
    >>> (x_train, y_train), (x_val, y_val), (x_test, y_test) = data.split(x, y)
    >>> len(x_train), len(x_val), len(x_test)
    (16, 2, 2)
    """
    shares = np.array([train, validation, test], np.float64)
    if not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise ValueError(
            f"split expected shares from 0 to 1 that add up to 1, received train={train!r}, "
            f"validation={validation!r}, "
            f"test={test!r}, together {shares.sum():.6g}"
        )
    samples, classes = checked("split", x, y)
    labels = array(y, "y", "split")
    counts = np.bincount(classes)
    parts = [name for name, share in zip(PARTS, shares, strict=True) if share > 0]
    few = np.flatnonzero((counts > 0) & (counts < len(parts)))
    if len(few):
        raise ValueError(
            f"split expected {len(parts)} samples or more of every class, one for each of "
            f"{', '.join(parts)}, received "
            f"{', '.join(f'{counts[k]} of class {k}' for k in few)}"
        )
    sizes = _apportion(counts, shares)
    order = np.random.default_rng(seed).permutation(len(classes))
    part = np.empty(len(classes), np.int64)
    for k, size in enumerate(sizes):
        part[order[classes[order] == k]] = np.repeat(np.arange(3), size)
    chosen = [order[part[order] == p] for p in range(3)]
    first, second, third = ((samples[indices], labels[indices]) for indices in chosen)
    return first, second, third


def _apportion(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many samples (K, 3) of each class each part gets, by largest remainder."""
    sizes = np.zeros((len(counts), len(shares)), np.int64)
    due = np.zeros(len(shares))
    for k, count in enumerate(counts):
        exact = np.round(count * shares, 9)  # 0.1 * 30 is 3.0000000000000004
        sizes[k] = np.floor(exact)
        due += exact
        behind = due - sizes.sum(axis=0)
        # by remainder, then by what is due
        first = np.lexsort((-behind, -np.round(exact - sizes[k], 9)))
        sizes[k, first[: count - sizes[k].sum()]] += 1
    for size, count in zip(sizes, counts, strict=True):
        for empty in np.flatnonzero((size == 0) & (shares > 0)):
            if count:
                size[size.argmax()] -= 1
                size[empty] = 1
    return sizes
