"""Some channels of a map of which others write the rest.

Arrays side by side need not be put there: each step writes to where its channels lie among the
others', pixel by pixel, and reads their gradient from there.
"""

from collections.abc import Callable

import numpy as np

from minicnn.types import Array


class Slot:
    """The place of a step's channels.

    Args:
        whole: gives the map (N, H, W, width) for N samples.
        width: channels of the map.
        first, after: the first of the step's channels, and the first after them.
    """

    def __init__(self, whole: Callable[[int], Array], width: int, first: int, after: int):
        self.whole, self.width, self.own = whole, width, slice(first, after)

    def of(self, n: int) -> Array:
        """The step's channels (n, H, W, F), a view."""
        return self.whole(n)[..., self.own]


def spanned(view: Array) -> Array:
    """All numbers of an array that lie between the first and the last one of a view, in order."""
    size = sum((n - 1) * step for n, step in zip(view.shape, view.strides, strict=True))
    numbers = size // view.itemsize + 1
    return np.lib.stride_tricks.as_strided(view, (numbers,), (view.itemsize,))
