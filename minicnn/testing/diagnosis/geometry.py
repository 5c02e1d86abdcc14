"""Patches under a sliding window, and their adjoint, by whole arrays: a second definition of what
kernels/im2col.py has in loops, with switches for what is usually got wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.window import Window
from minicnn.types import Array, Pair


@dataclass(frozen=True)
class Geometry:
    """A window (rows, columns) at OH x OW positions of a picture; as in layers/window.py."""

    size: Pair
    strides: Pair
    dilation: Pair
    before: Pair
    output: Pair

    def cells(self) -> list[tuple[int, int, Array, Array]]:
        """Of every cell kh, kw of the window: the rows (OH, 1) and columns (OW) where it lies."""
        i, j = np.arange(self.output[0])[:, None], np.arange(self.output[1])
        found = []
        for kh, kw in np.ndindex(self.size):
            rows = i * self.strides[0] + kh * self.dilation[0] - self.before[0]
            columns = j * self.strides[1] + kw * self.dilation[1] - self.before[1]
            found.append((kh, kw, rows, columns))
        return found

    def patches(self, x: Array) -> Array:
        """(N, OH, OW, KH, KW, C) of x (N, H, W, C), 0 in the padding."""
        N, H, W, C = x.shape
        found = np.zeros((N, *self.output, *self.size, C))
        for kh, kw, rows, columns in self.cells():
            inside = (rows >= 0) & (rows < H) & (columns >= 0) & (columns < W)
            values = x[:, np.clip(rows, 0, H - 1), np.clip(columns, 0, W - 1)]
            found[:, :, :, kh, kw] = values * inside[..., None]
        return found

    def spread(self, patches: Array, picture: Pair, write: Callable | None = None) -> Array:
        """The adjoint: (N, H, W, C), for every pixel the sum of its entries in the patches.

        `write` does something else than to add an entry to what is there: it gets both.
        """
        H, W = picture
        N, OH, OW, _, _, C = patches.shape
        dx = np.zeros((N, H, W, C))
        cells = self.cells()
        for i, j in np.ndindex(OH, OW):
            for kh, kw, rows, columns in cells:
                h, w = rows[i, 0], columns[j]
                if 0 <= h < H and 0 <= w < W:
                    entry = patches[:, i, j, kh, kw]
                    dx[:, h, w] = (
                        dx[:, h, w] + entry if write is None else write(dx[:, h, w], entry)
                    )
        return dx


def last_wins(_: Array, entry: Array) -> Array:
    """Assignment in the place of +=."""
    return entry


def first_wins(there: Array, entry: Array) -> Array:
    """What was written first stays: assignment cell by cell of the kernel."""
    return np.where(there == 0, entry, there)


def geometry_of(layer: Layer, size: Pair) -> Geometry | None:
    """Of a layer with that window; None where its arguments are no pairs or do not fit."""
    strides = pair(getattr(layer, "strides", 1))
    dilation = pair(getattr(layer, "dilation_rate", 1))
    padding = str(getattr(layer, "padding", "valid")).lower()
    if strides is None or dilation is None or padding not in ("valid", "same"):
        return None
    window = getattr(layer, "window", None)
    if not isinstance(window, Window):
        try:
            window = Window.over(layer.input_shape, size, strides, padding, layer, dilation)
        except ValueError:
            return None
    return Geometry(size, window.strides, window.dilation, window.before, window.output)


def pair(value: object) -> Pair | None:
    """(rows, columns) of one number or of two; None of anything else."""
    if isinstance(value, int):
        return (value, value)
    return tuple(value) if isinstance(value, tuple | list) and len(value) == 2 else None
