"""The window of a pooling that no attribute tells: the one with which forward's y comes out."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from minicnn.testing.diagnosis.geometry import Geometry
from minicnn.types import Array


class Line(NamedTuple):
    """A window along one axis."""

    size: int
    stride: int
    before: int


def found_window(x: Array, y: Array) -> Geometry | None:
    """The first window, the usual ones before others, whose maxima or means are y.

    Args:
        x: (N, H, W, C).
        y: (N, OH, OW, C).
    """
    if y.ndim != 4 or (y.shape[0], y.shape[3]) != (x.shape[0], x.shape[3]):
        return None
    columns = list(_lines(x.shape[2], y.shape[2]))
    windows = [(row, column) for row in _lines(x.shape[1], y.shape[1]) for column in columns]
    for row, column in sorted(windows, key=lambda pair: _strangeness(*pair)):
        window = Geometry(
            (row.size, column.size),
            (row.stride, column.stride),
            (1, 1),
            (row.before, column.before),
            (y.shape[1], y.shape[2]),
        )
        inside = window.patches(np.ones_like(x)) > 0
        cells = np.where(inside, window.patches(x), np.nan)
        pools: tuple[Callable[..., Array], ...] = (np.nanmax, np.nanmean)
        if any(np.allclose(pool(cells, axis=(3, 4)), y, rtol=1e-12) for pool in pools):
            return window
    return None


def _lines(n: int, out: int) -> Iterator[Line]:
    """What makes `out` of n, with padding as 'valid' and as 'same' have it (layers/window.py)."""
    for size in range(1, n + 1):
        for stride in range(1, n + 1):
            if (n - size) // stride + 1 == out:
                yield Line(size, stride, 0)
            total = (out - 1) * stride + size - n
            if -(-n // stride) == out and total > 0:
                yield Line(size, stride, total // 2)


def _strangeness(row: Line, column: Line) -> tuple[bool, bool, int]:
    """What is usual sorts first: the same both ways, side by side, and small."""
    return row != column, row.size != row.stride, row.size + column.size
