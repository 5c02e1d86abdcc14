"""Mistakes of pooling: which cells of a window get which share of its dy.

maximum: the cell that won gets all;   mean: each of n cells gets 1/n
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from minicnn.testing.diagnosis.found_window import found_window
from minicnn.testing.diagnosis.geometry import Geometry, first_wins, geometry_of, last_wins, pair
from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.testing.diagnosis.windows import OVERLAP, wrong_windows
from minicnn.types import Array

SPREAD = Mistake(
    "maximum's gradient spread",
    "is the mean's: each cell of the window gets a share of dy",
    "give all of it to the cell that won",
)
ALL_CELLS = Mistake(
    "maximum's gradient to all cells",
    "is dy in every cell of the window",
    "give it to the cell that won alone",
)
FIRST_CELL = Mistake(
    "maximum's gradient to the first cell",
    "is dy in the first cell of the window",
    "give it to the cell that won: keep argmax in the cache",
)
SMALLEST = Mistake(
    "maximum's gradient to the smallest",
    "is dy in the smallest cell of the window",
    "give it to the largest",
)
UNDIVIDED = Mistake(
    "mean's 1/n missing",
    "is dy in every cell of the window, undivided",
    "divide by the number of cells",
)
WITH_PADDING = Mistake(
    "padding counted as cells",
    "is divided by the whole window at the edges too",
    "divide by the cells that lie in the picture, as forward does",
)


@dataclass
class Pool:
    """A window over x, the patches it sees, and which of their cells lie in the picture."""

    window: Geometry
    x: Array
    dy: Array  # (N, OH, OW, C)

    def __post_init__(self) -> None:
        inside = self.window.patches(np.ones_like(self.x))
        self.inside = inside > 0  # (N, OH, OW, KH, KW, C)
        self.patches = np.where(self.inside, self.window.patches(self.x), np.nan)

    def dx(self, share: Array, write: object = None, window: Geometry | None = None) -> Array:
        """dx, where the cells have these shares of their window's dy."""
        entries = share * self.dy[:, :, :, None, None]
        H, W = self.x.shape[1:3]
        return (window or self.window).spread(entries, (H, W), write)  # type: ignore[arg-type]

    def largest(self, sign: int = 1) -> Array:
        """1 in the cell that holds the largest number, or the smallest."""
        best = np.nanmax(sign * self.patches, axis=(3, 4), keepdims=True)
        return (sign * self.patches == best).astype(float)

    def mean(self) -> Array:
        """1/n in the n cells of the picture."""
        return self.inside / self.inside.sum(axis=(3, 4), keepdims=True)

    def first(self) -> Array:
        """1 in the first cell of the picture."""
        order = np.cumsum(self.inside.reshape(*self.inside.shape[:3], -1, self.x.shape[-1]), axis=3)
        return self.inside * (order.reshape(self.inside.shape) == 1)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """dx with other shares, of other windows."""
    if name != "x" or trial.x.ndim != 4 or trial.layer.params:
        return
    pool = _pool(trial)
    if pool is None:
        return
    average, largest = pool.mean(), pool.largest()
    whole = pool.inside / prod(pool.window.size)
    if trial.agrees(name, pool.dx(largest)):
        right = largest
        yield Suspect(SPREAD, pool.dx(average))
        yield Suspect(SPREAD, pool.dx(whole))
        yield Suspect(ALL_CELLS, pool.dx(pool.inside))
        yield Suspect(FIRST_CELL, pool.dx(pool.first()))
        yield Suspect(SMALLEST, pool.dx(pool.largest(-1)))
    elif trial.agrees(name, pool.dx(average)):
        right = average
        if pool.window.size != trial.x.shape[1:3]:  # of whole pictures scales.py speaks
            yield Suspect(UNDIVIDED, pool.dx(pool.inside))
        yield Suspect(WITH_PADDING, pool.dx(whole))
    else:
        return
    for write in (last_wins, first_wins):
        yield Suspect(OVERLAP, pool.dx(right, write))
        yield Suspect(OVERLAP, pool.dx(right, lambda a, b: np.where(b == 0, a, b)))
    for mistake, other, detail in wrong_windows(pool.window):
        yield Suspect(mistake, pool.dx(right, window=other), detail)


def _pool(trial: Trial) -> Pool | None:
    """The layer's pooling, with the window that its attributes say, or the one over the whole
    picture, or the one with which its y comes out; None where it is no pooling.
    """
    N, H, W, C = trial.x.shape
    window: Geometry | None = None
    if trial.y.shape in ((N, C), (N, 1, 1, C)):
        window = Geometry((H, W), (1, 1), (1, 1), (0, 0), (1, 1))
    size = pair(getattr(trial.layer, "pool_size", None))
    if size is not None:
        window = geometry_of(trial.layer, size)
    if window is None or trial.dy.size != N * window.output[0] * window.output[1] * C:
        window = found_window(trial.x, trial.y) if _picks_or_averages(trial) else None
    if window is None:
        return None
    return Pool(window, trial.x, trial.dy.reshape(N, *window.output, C))


def _picks_or_averages(trial: Trial) -> bool:
    """Whether each number of y gets shares of x that are 1 together."""
    return np.allclose(trial.jacobians["x"].sum(axis=(0, 1, 2, 3)), 1, rtol=1e-7)
