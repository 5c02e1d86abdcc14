"""The types that every room speaks of; defined once, here."""

from typing import Protocol

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]  # of one sample, without N, unless its name says otherwise
Pair = tuple[int, int]  # rows and columns
Samples = tuple[Array, Array]  # x (n, ...) and their labels y


class WeightOwner(Protocol):
    """What has weights once it is built: a layer, as its own parts know it."""

    dtype: np.dtype
    name: str
    trainable: bool
    params: dict[str, Array]
    state: dict[str, Array]
    has_fresh_weights: bool  # neither trained nor loaded

    @property
    def built(self) -> bool:
        """Whether the weights are there."""
        ...
