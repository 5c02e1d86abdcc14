"""Which channels are one: what is added to one another can only be removed together."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minicnn.types import Array


class Channels:
    """Numbered channels, some of which are one, and some of which must stay.

    Channels that are one are a tree of numbers, each pointing to another one, the root to itself
    (union-find).

    >>> channels = Channels()
    >>> a, b = channels.new(2), channels.new(2)
    >>> channels.join(a, b)
    >>> channels.stay(b[1:], "it is an output")
    >>> channels.roots([a, b]), channels.reason(a[0]), channels.reason(a[1])
    (array([0, 1, 0, 1]), None, 'it is an output')
    """

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._reasons: dict[int, str] = {}  # by root: why it must stay

    def __len__(self) -> int:
        return len(self._parents)

    def new(self, number: int) -> Array:
        """So many channels that are one with no other."""
        first = len(self._parents)
        self._parents += range(first, first + number)
        return np.arange(first, first + number)

    def root(self, channel: int) -> int:
        """The number that all channels that are one with this one have in common."""
        parents = self._parents
        while parents[channel] != channel:
            parents[channel] = parents[parents[channel]]
            channel = parents[channel]
        return channel

    def roots(self, several: Iterable[Array]) -> Array:
        """Those of all channels of several arrays, one array after the other."""
        return np.array([self.root(one) for array in several for one in array], dtype=int)

    def join(self, some: Array, others: Array) -> None:
        """Let each channel be one with the one at its place in the other array."""
        for one, other in zip(some, others, strict=True):
            first, second = sorted((self.root(one), self.root(other)))
            self._parents[second] = first
            if second in self._reasons:
                self._reasons.setdefault(first, self._reasons[second])

    def stay(self, several: Array, reason: str) -> None:
        """Keep channels, and all that are one with them."""
        for one in several:
            self._reasons.setdefault(self.root(one), reason)

    def reason(self, channel: Any) -> str | None:
        """Why a channel must stay; None for one that may go."""
        return self._reasons.get(self.root(channel))
