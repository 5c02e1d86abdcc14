"""How large values become: what a few hundred pictures show.

Values are looked at as they are between operations, each apart from what happens to it later. There
are two passes: the smallest and the largest number of each value, and then how often which numbers
between them are met, in BINS bins. Of that an observer makes the range that 256 whole numbers are
spread over:

    min_max               everything that has been met
    percentile            all but a 10,000th part at each end
    mean_squared_error    where rounding and clipping together change the values least
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from minicnn.quantize import reals
from minicnn.quantize.numbers import of_range
from minicnn.quantize.operations import Computation
from minicnn.types import Array

BINS = 4096
BATCH = 32
PERCENTILE = 99.99
SHARES = np.linspace(1, 0.3, 36)  # of the whole range, which are tried
ENOUGH = 2**20  # values of a batch that are counted; of more, every second, third ... one


class Histogram(NamedTuple):
    """How often numbers are met: counts (BINS,) between low and high."""

    low: float
    high: float
    counts: Array

    @property
    def middles(self) -> Array:
        """The numbers in the middle of each bin."""
        width = (self.high - self.low) / BINS
        return self.low + width * (np.arange(BINS) + 0.5)


def min_max(seen: Histogram) -> tuple[float, float]:
    """All of it."""
    return seen.low, seen.high


def percentile(seen: Histogram) -> tuple[float, float]:
    """From where PERCENTILE of all numbers are above, to where as many are below."""
    total = np.cumsum(seen.counts) / seen.counts.sum()
    share = 1 - PERCENTILE / 100
    low, high = (int(np.searchsorted(total, one)) for one in (share, 1 - share))
    return float(seen.middles[low]), float(seen.middles[min(high, BINS - 1)])


def mean_squared_error(seen: Histogram) -> tuple[float, float]:
    """The part of the range, low and high apart, with which the error is smallest."""
    x, weights = seen.middles, seen.counts / seen.counts.sum()

    def error(low: float, high: float) -> float:
        how = of_range(low, high)
        return float((weights * (how.reals(how.integers(x)) - x) ** 2).sum())

    low, high = seen.low, seen.high
    high = min((high * share for share in SHARES), key=lambda one: error(low, one))
    low = min((low * share for share in SHARES), key=lambda one: error(one, high))
    return low, high


OBSERVERS: dict[str, Callable[[Histogram], tuple[float, float]]] = {
    one.__name__: one for one in (min_max, percentile, mean_squared_error)
}


def calibrated(
    computation: Computation, x: Array, observer: str = "min_max"
) -> dict[int, tuple[float, float]]:
    """The range of each value for pictures x (N, ...), by number.

    Raises ValueError for an unknown observer, and where a value is not finite.
    """
    if observer not in OBSERVERS:
        known = ", ".join(map(repr, OBSERVERS))
        raise ValueError(f"quantization expected observer as one of {known}, received {observer!r}")
    count = len(computation.operations) + 1
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    for batch in _batches(x):
        for n, value in enumerate(reals.values(computation, batch)):
            low[n], high[n] = min(low[n], value.min()), max(high[n], value.max())
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        at = int(np.argmin(np.isfinite(low) & np.isfinite(high)))
        what = "x" if at == 0 else f"what {computation.operations[at - 1].name!r} makes"
        raise ValueError(f"quantization expected finite numbers, received others in {what}")
    counts = np.zeros((count, BINS))
    for batch in _batches(x) if observer != "min_max" else ():
        for n, value in enumerate(reals.values(computation, batch)):
            some = value.reshape(-1)[:: 1 + value.size // ENOUGH]
            counts[n] += np.histogram(some, BINS, (low[n], max(high[n], low[n] + 1e-30)))[0]
    seen = [Histogram(float(a), float(b), c) for a, b, c in zip(low, high, counts, strict=True)]
    return {n: OBSERVERS[observer](one) for n, one in enumerate(seen)}


def _batches(x: Array) -> list[Array]:
    return [x[start : start + BATCH] for start in range(0, len(x), BATCH)]
