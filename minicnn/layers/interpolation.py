"""Pictures drawn anew in another size, row by row and column by column.

Output i of O lies at the place s = (i + 1/2) * n / O - 1/2 of n inputs, for so the middles of
pixels, which are at 1/2, 3/2 ..., are stretched. Bilinear takes the inputs below and above it, by
nearness; nearest takes the one it falls on, number floor((i + 1/2) * n / O).
"""

from dataclasses import dataclass

import numpy as np

from minicnn.kernels.resample import LONGEST
from minicnn.layers.base import Layer
from minicnn.types import Array

INTERPOLATIONS = ("bilinear", "nearest")


def check_interpolation(interpolation: str, owner: str) -> str:
    """interpolation in lower case. Raises ValueError for others than the two that are there."""
    if str(interpolation).lower() not in INTERPOLATIONS:
        raise ValueError(
            f"{owner} expected interpolation 'bilinear' or 'nearest', received {interpolation!r}"
        )
    return interpolation.lower()


@dataclass(frozen=True, eq=False)
class Places:
    """Where along one axis of n inputs the O outputs lie.

    Attributes:
        low, high: (O,) the inputs below and above.
        share: (O,) that of the one above, 0 <= share < 1; None where all are 0.
        size: n.
        first: the place of output 0, counted in inputs; it may lie half an input outside.
        step: from output to output, in inputs.
    """

    low: Array
    high: Array
    share: Array | None
    size: int
    first: float
    step: float

    @classmethod
    def of(
        cls, outputs: int, size: int, interpolation: str, start: int = 0, length: int | None = None
    ) -> "Places":
        """Those of outputs that lie over `length` of the inputs, from `start` on; over all."""
        if outputs > LONGEST:
            raise ValueError(
                f"pictures are expected to have sides of at most {LONGEST:,} pixels, received "
                f"{outputs:,}"
            )
        n = size - start if length is None else length
        step = n / outputs
        first = start + step / 2 - 0.5
        if interpolation == "nearest" or n == outputs:
            # floor((i + 1/2) * n / outputs) in whole numbers
            low = start + (2 * np.arange(outputs) + 1) * n // (2 * outputs)
            return cls(low, low, None, size, first, step)
        s = np.clip((np.arange(outputs) + 0.5) * n / outputs - 0.5, 0, n - 1)
        low = np.floor(s).astype(np.intp)
        high = np.minimum(low + 1, n - 1)
        return cls(start + low, start + high, s - low, size, first, step)

    def interpolate(self, x: Array, axis: int) -> Array:
        """x with the outputs in the place of the inputs along an axis."""
        low = x.take(self.low, axis)
        if self.share is None:
            return low
        share = self.share.astype(x.dtype).reshape(-1, *[1] * (x.ndim - axis - 1))
        return low + share * (x.take(self.high, axis) - low)

    def spread(self, dy: Array, axis: int) -> Array:
        """The adjoint: each dy is given to the inputs that it was made of, by their shares."""
        shares = np.zeros((self.size, len(self.low)), dy.dtype)
        above = 0 if self.share is None else self.share
        outputs = np.arange(len(self.low))
        shares[self.low, outputs] = 1 - above
        shares[self.high, outputs] += above
        return np.moveaxis(np.tensordot(shares, dy, (1, axis)), 0, axis)


class Interpolating(Layer):
    """What layers have in common that draw pictures in another size.

        y  = rows and columns of x, drawn anew;   dx = the adjoint

    places: those of rows and of columns, which setup finds.
    """

    places: tuple[Places, Places]

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        rows, columns = self.places
        return columns.interpolate(rows.interpolate(x, 1), 2)

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        rows, columns = self.places
        return np.ascontiguousarray(rows.spread(columns.spread(dy, 2), 1))
