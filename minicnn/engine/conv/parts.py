"""How the convolution of one picture is cut into parts, each a ConvBlock that does not know of the
others: by filters, or by rows.

By filters each part reads its own of the kernel, which stays in its thread's second-level cache
from one picture to the next, and all of the picture. By rows it reads its own of the picture, and
all of the kernel. The numbers of the map are the same, to the bit, for each is the same sum.
"""

from math import lcm
from typing import NamedTuple

from minicnn.engine.conv.geometry import Geometry
from minicnn.engine.conv.step import ConvBlock, Into
from minicnn.engine.conv.ways import WinogradConvolution
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.rescaling import Rescaling
from minicnn.layers.zero_padding2d import ZeroPadding2D
from minicnn.types import Array

WORTH = 250_000  # multiplications of a part, to be worth waiting for the others: some microseconds
ALL = slice(None)


class Part(NamedTuple):
    """A block with weights of its own, which are copies of those `filters`; it reads these rows of
    the picture, and makes these of the map.
    """

    block: ConvBlock
    filters: slice
    reads: slice
    makes: slice

    def copy_weights(self, whole: ConvBlock) -> None:
        """From the layers that have all of them."""
        copy_slice(whole.conv, self.block.conv, self.filters)
        if whole.norm is not None and self.block.norm is not None:
            copy_slice(whole.norm, self.block.norm, self.filters)
            self.block.norm.epsilon = whole.norm.epsilon


def most_parts(block: ConvBlock, threads: int) -> int:
    """How many have enough to do, of a convolution that can be cut."""
    g = block.g
    if g.groups > 1 or not isinstance(block.conv, Conv2D):  # a part would read some channels only
        return 1
    return max(1, min(threads, g.met_cells() * g.C * g.F // WORTH))


def kernel_numbers(block: ConvBlock) -> int:
    """How many the kernel has as the forward program reads it."""
    g, way = block.g, block.convolution
    if isinstance(way, WinogradConvolution):
        return way.form.products * g.C * g.F
    return g.kernel_numbers


# By filters


def count_by_filters(block: ConvBlock, threads: int) -> int:
    """Into how many parts with whole registers of filters, at most `threads`; one of a sum, whose
    addend is not cut.
    """
    if block.add is not None:
        return 1
    counts = range(2, most_parts(block, threads) + 1)
    return max((n for n in counts if block.g.F % (n * block.work.lanes) == 0), default=1)


def by_filters(block: ConvBlock, count: int, y: Array) -> list[Part]:
    """The parts, which write to y (1, down, across, F)."""
    conv, F, found = block.conv, block.g.F, []
    assert isinstance(conv, Conv2D)
    for k in range(count):
        own = slice(F * k // count, F * (k + 1) // count)
        narrow = like(conv, own.stop - own.start, conv.padding)
        narrow.build(conv.input_shape, dtype=conv.dtype)
        into = Into(y.reshape(-1)[own.start :], F, k)
        norm = norm_of(block, own.stop - own.start)
        part = block.with_conv(narrow, norm=norm, into=into, like=block.convolution)
        found.append(Part(part, own, ALL, ALL))
    return found


# By rows


def cuts_by_rows(block: ConvBlock, threads: int) -> list[int]:
    """The rows of the output at which it is cut, the first and the one after the last included.

    A part begins with a whole window, and in Winograd's way with a whole patch.
    """
    down, (PH, _) = block.output_size[0], block.window
    way = block.convolution
    rows = lcm(PH, way.form.out) // PH if isinstance(way, WinogradConvolution) else 1
    whole = -(-down // rows)
    count = min(most_parts(block, threads), whole)
    return [*(rows * -(-whole * k // count) for k in range(count)), down]


def by_rows(block: ConvBlock, cuts: list[int], y: Array) -> list[Part]:
    """The parts, which write to y (1, down, across, F).

    Of a part's padding the zeros are those that lie beside its rows.
    """
    conv, g, found = block.conv, block.g, []
    assert isinstance(conv, Conv2D)
    for k, (first, last) in enumerate(zip(cuts, cuts[1:], strict=False)):
        reads, padding = rows_seen(g, first * block.window[0], last * block.window[0])
        part, shape = like(conv, g.F, "valid"), (reads.stop - reads.start, g.W, g.C)
        zeros = ZeroPadding2D(padding)
        part.build(zeros.build(shape, dtype=conv.dtype), dtype=conv.dtype)
        rescaling = None
        if block.rescaling is not None:
            rescaling = Rescaling(block.rescaling.scale, block.rescaling.offset)
            rescaling.build(shape, dtype=conv.dtype)
        into = Into(y[0, first:last].reshape(-1), g.F, k)
        others = {"norm": norm_of(block, g.F), "padding": zeros, "rescaling": rescaling}
        made = block.with_conv(part, **others, into=into, like=block.convolution)
        found.append(Part(made, ALL, reads, slice(first, last)))
    return found


def rows_seen(
    g: Geometry, first: int, last: int
) -> tuple[slice, tuple[tuple[int, int], tuple[int, int]]]:
    """The rows of the picture that rows first ... last-1 of the convolution see; and the zeros
    above and below them, and left and right.
    """
    top = first * g.SH - g.top
    bottom = (last - 1) * g.SH - g.top + (g.KH - 1) * g.DH + 1
    right = (g.OW - 1) * g.SW + (g.KW - 1) * g.DW + 1 - g.left - g.W
    zeros = (max(0, -top), max(0, bottom - g.H)), (g.left, max(0, right))
    return slice(max(0, top), min(g.H, bottom)), zeros


# Layers of parts


def like(conv: Conv2D, filters: int, padding: str) -> Conv2D:
    """A layer that is yet to be built, with so many filters, and weights of its own."""
    return Conv2D(
        filters,
        conv.kernel_size,
        strides=conv.strides,
        padding=padding,
        dilation_rate=conv.dilation_rate,
        use_bias=conv.use_bias,
        kernel_initializer="zeros",
    )


def norm_of(block: ConvBlock, channels: int) -> BatchNormalization | None:
    """The block's normalisation for so many channels, with weights of its own."""
    norm = block.norm
    if norm is None:
        return None
    narrow = BatchNormalization(epsilon=norm.epsilon, center=norm.center, scale=norm.scale)
    narrow.build((*norm.input_shape[:-1], channels), dtype=norm.dtype)
    return narrow


def copy_slice(whole: Layer, part: Layer, own: slice) -> None:
    """These filters' weights to the layer that has only them."""
    for name, array in part.variables_by_name.items():
        array[...] = whole.variables_by_name[name][..., own]
