"""Samples of several inputs, handled as one array of samples."""

from collections.abc import Sequence
from typing import Any

from minicnn.types import Array


class Several:
    """Arrays of one length, one for each input of a model: [part] takes those samples of each.

    Args:
        parts: in the order of the model's inputs.
    """

    ndim = 1

    def __init__(self, parts: Sequence[Array]):
        self.parts = list(parts)

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, samples: Any) -> "Several":
        return Several([part[samples] for part in self.parts])

    @property
    def shape(self) -> tuple[int]:
        """(N,)"""
        return (len(self),)
