"""A convolution as numbers, and which part of a kernel lies inside the picture at its edges."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import NamedTuple

from minicnn.layers.conv2d import Conv2D
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.zero_padding2d import ZeroPadding2D
from minicnn.machine import processor


class Geometry(NamedTuple):
    """One convolution.

    Axes: H W C picture, KH KW kernel, SH SW stride, DH DW dilation, OH OW F output; top, left: rows
    and columns of padding before the picture. FP is F rounded up to whole vector registers, or F.
    A filter sees the `depth` channels of one of `groups` groups.
    """

    H: int
    W: int
    C: int
    KH: int
    KW: int
    SH: int
    SW: int
    DH: int
    DW: int
    top: int
    left: int
    OH: int
    OW: int
    F: int
    FP: int
    depth: int
    groups: int = 1

    @property
    def kernel_numbers(self) -> int:
        """How many the kernel has, with FP filters."""
        return self.KH * self.KW * self.depth * self.FP

    def kernel_rows(self, i: int) -> range:
        """The kernel rows that lie inside the picture at output row i."""
        return inside(i * self.SH - self.top, self.KH, self.DH, self.H)

    def kernel_columns(self, j: int) -> range:
        """The kernel columns that lie inside the picture at output column j."""
        return inside(j * self.SW - self.left, self.KW, self.DW, self.W)

    def groups_of_channels(self) -> Iterator[tuple[int, tuple[int, int] | None]]:
        """(first channel, filters that see it and the next ones), first and after the last; None
        for all. The last ones include those beyond F.
        """
        each = self.F // self.groups
        for k in range(self.groups):
            end = self.FP if k == self.groups - 1 else (k + 1) * each
            yield k * self.depth, None if self.groups == 1 else (k * each, end)

    def in_windows(self, window: tuple[int, int]) -> "Geometry":
        """The same without the last rows and columns of the output that no such window takes."""
        PH, PW = window
        return self._replace(OH=self.OH - self.OH % PH, OW=self.OW - self.OW % PW)

    def met_cells(self) -> int:
        """How often a cell of the kernel meets a pixel of the picture."""
        rows = sum(len(self.kernel_rows(i)) for i in range(self.OH))
        return rows * sum(len(self.kernel_columns(j)) for j in range(self.OW))

    def transposed(self) -> "Geometry":
        """For stride 1: the convolution by which dx comes from dy (FP channels), with the kernel
        turned around.
        """
        return self._replace(
            H=self.OH, W=self.OW, C=self.FP, OH=self.H, OW=self.W, F=self.C, FP=self.C,
            depth=self.FP if self.groups == 1 else self.F // self.groups,
            top=(self.KH - 1) * self.DH - self.top, left=(self.KW - 1) * self.DW - self.left,
        )  # fmt: skip

    def seen(self) -> tuple[int, int]:
        """The steps between rows and columns of pixels that a kernel reads: 1 and 1 unless it is
        1x1 with strides.
        """
        return (self.SH, self.SW) if (self.KH, self.KW) == (1, 1) else (1, 1)

    def thinned(self) -> "Geometry":
        """The same convolution of a picture without the pixels that no kernel reads."""
        down, across = self.seen()
        return self._replace(
            H=-(-self.H // down), W=-(-self.W // across), SH=self.SH // down, SW=self.SW // across
        )


def geometry(conv: Conv2D | DepthwiseConv2D, padding: ZeroPadding2D | None = None) -> Geometry:
    """The geometry of a built layer, with whole registers; with the padding before it, of what is
    padded.
    """
    (OH, OW, F), lanes, (top, left) = (
        conv.output_shape,
        processor.lanes(conv.dtype),
        conv.window.before,
    )
    H, W, C = (padding or conv).input_shape
    if padding is not None:
        top, left = top + padding.padding[0][0], left + padding.padding[1][0]
    sizes = (*conv.kernel_size, *conv.strides, *conv.dilation_rate, top, left)
    groups = C if isinstance(conv, DepthwiseConv2D) else conv.groups
    return Geometry(H, W, C, *sizes, OH, OW, F, padded(F, lanes), C // groups, groups)


def padded(count: int, lanes: int) -> int:
    """count rounded up to whole registers."""
    return -(-count // lanes) * lanes


def inside(start: int, size: int, dilation: int, n: int) -> range:
    """The cells k of a window for which start + k * dilation lies in 0 ... n - 1."""
    first = max(0, -(start // dilation))
    return range(first, max(first, min(size, -((start - n) // dilation))))


def runs(count: int, cells: Callable[[int], range], longest: int) -> Iterator[tuple[range, range]]:
    """Neighbouring positions of 0 ... count - 1 with the same cells(position), at most `longest` at
    a time.
    """
    for reach, group in groupby(range(count), cells):
        positions = list(group)
        for first in range(0, len(positions), longest):
            part = positions[first : first + longest]
            yield range(part[0], part[-1] + 1), reach
