"""The forms that operations of whole numbers have in machine code: each is made once, of an
operation and of what is done in the same pass, with its weights packed, and is called with values.
"""

from typing import Any

import numpy as np

from minicnn.engine import integer_inputs as inputs
from minicnn.engine import integer_passes as passes
from minicnn.engine import integer_slides as slides
from minicnn.engine import integer_tiles as tiles
from minicnn.engine import integer_windows as windows
from minicnn.engine.integer_sets import Instructions
from minicnn.kernels import whole
from minicnn.machine import threads
from minicnn.quantize import integers
from minicnn.quantize.arithmetic import moved, window
from minicnn.quantize.fusing import Pass
from minicnn.quantize.numbers import HIGH, LOW, Quantization, requantized
from minicnn.quantize.packing import packed_product, packed_windows
from minicnn.types import Array, Shape

BLOCK = 2**16  # bytes of patches that a thread has at once
FRAME = 2**15  # and of a band of pictures
SHARE = 2**22  # multiplications of a product that are worth another thread
WORTH = 4  # of these, that any other step of a number takes as long as


class Rounded:
    """What comes in: real numbers as whole ones. It is called with them, not with a list."""

    def __init__(self, of: Quantization, isa: Instructions):
        self.told = np.array([of.scale, of.zero_point, LOW, HIGH], np.float32)
        self.kernel = inputs.rounded(isa)

    def __call__(self, x: Array) -> Array:
        x = np.ascontiguousarray(x, np.float32)
        y = np.empty(x.shape, np.int8)
        parts = _parts(WORTH * x.size)
        if parts > 1:
            inputs.round_all(parts, x.reshape(-1), self.told, self.kernel, y.reshape(-1))
        else:
            inputs.round_alone(x.reshape(-1), self.told, self.kernel, y.reshape(-1))
        return y


class Defined:
    """An operation as integers.py has it."""

    def __init__(self, one: Pass, of: list[Quantization], _: list[Shape], __: Instructions):
        self.operation, self.of = one.operation, of

    def __call__(self, xs: list[Array]) -> Array:
        return np.ascontiguousarray(integers.made(self.operation, xs, self.of))


class Moved:
    """What only moves whole numbers, or picks some."""

    def __init__(self, one: Pass, _: list[Quantization], __: list[Shape], ___: Instructions):
        self.operation = one.operation

    def __call__(self, xs: list[Array]) -> Array:
        return np.ascontiguousarray(moved(self.operation, xs))


class Product:
    """conv2d and dense, with what follows: tiles over frames of pixels, or over rows of them."""

    def __init__(self, one: Pass, of: list[Quantization], shapes: list[Shape], isa: Instructions):
        operation, self.isa = one.operation, isa
        ends = [operation, *([] if one.norm is None else [one.norm])]
        self.shape = (ends[-1] if one.pool is None else one.pool).shape
        kernel, groups, self.picture = operation.kernel, 1, shapes[0]
        assert kernel is not None
        if operation.kind == "dense":
            self.picture = (1, 1, *shapes[0])
            self.slid = passes.Slid(1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1)
        else:
            groups = operation.settings["groups"]
            self.slid = _slid(operation, shapes[0])
        if one.pool is not None:
            size = one.pool.settings["pool_size"]
            self.slid = self.slid._replace(
                OH=self.shape[0], OW=self.shape[1], PH=size[0], PW=size[1]
            )
        slid = self.slid
        self.filters = operation.shape[-1] // groups
        self.stages, self.pad = len(ends), of[0].zero_point + isa.offset
        alone = slid.KH * slid.KW * slid.SH * slid.SW * slid.PH * slid.PW == 1
        self.framed = not alone and groups == 1 and slid.DW == 1
        # for filters (G, F): the KW*C numbers of a kernel's row together, or all of them
        lines = slid.KH if self.framed else 1
        flat = kernel.reshape(lines, -1, groups, self.filters).transpose(2, 0, 1, 3)
        signs = np.ones(operation.shape[-1], np.int64)
        if one.pool is not None and one.norm is not None:
            assert one.norm.kernel is not None
            signs[one.norm.kernel.reshape(-1) < 0] = -1
        self.packed = packed_product(isa, flat, ends, of[0], signs)
        self.multiplications = slid.OH * slid.OW * slid.PH * slid.PW * self.packed.b.size
        self.multiplications //= 1 if self.framed else groups
        needed = (slid.OW * slid.PW - 1) * slid.SW + (slid.KW - 1) * slid.DW + 1
        self.cells = max(slid.left + self.picture[1], needed)

    def __call__(self, xs: list[Array]) -> Array:
        x = xs[0].reshape(len(xs[0]), *self.picture)
        y = np.empty((len(x), *self.shape), np.int8)
        parts = _parts(len(x) * self.multiplications)
        (self._by_frames if self.framed else self._by_rows)(x, parts, y)
        return y

    def _by_frames(self, x: Array, parts: int, y: Array) -> None:
        slid, isa = self.slid, self.isa
        row = slid.PH * slid.SH  # of a picture, for one of the result
        extent = (slid.KH - 1) * slid.DH + 1 + row - slid.SH
        numbers = self.cells * self.picture[2]
        size = np.dtype(isa.tap).itemsize
        most = max(1, (FRAME // (numbers * size) - extent) // row + 1)
        # as many bands as threads at least, of nearly equal size
        bands = max(-(-slid.OH // most), min(slid.OH, -(-parts // len(x))))
        band = -(-slid.OH // bands)
        parts = min(parts, len(x) * -(-slid.OH // band))
        rows = (band - 1) * row + extent
        # the last lane of the last patch may have taps that are not there, with weights of 0
        frames = np.empty((parts, rows * numbers + isa.taps - 1), isa.tap)
        tiles_of_row = -(-slid.OW // max(1, isa.rows // (slid.PH * slid.PW)))
        made_by = kernels(
            isa, -(-slid.OW // tiles_of_row), (slid.PH, slid.PW), self.filters, self.stages
        )
        run = passes.multiply_bands if parts > 1 else passes.multiply_bands_alone
        run(x, slid, band, self.cells, self.packed, self.filters, self.pad, made_by, frames, y)

    def _by_rows(self, x: Array, parts: int, y: Array) -> None:
        isa, slid = self.isa, self.slid
        y = y.reshape(-1, self.shape[-1])
        depth = isa.taps * self.packed.b.shape[3]
        most = max(isa.rows, BLOCK // (depth * np.dtype(isa.tap).itemsize))
        block = min(most, -(-len(y) // parts))
        parts = min(parts, -(-len(y) // block))
        rows = np.empty((parts, block, depth), isa.tap)
        made_by = kernels(isa, min(isa.rows, block), (1, 1), self.filters, self.stages)
        run = passes.multiply_blocks if parts > 1 else passes.multiply_blocks_alone
        run(x, slid, self.packed, self.filters, self.pad, made_by, rows, y)


class Depthwise:
    """depthwise_conv2d, with what follows: windows over lines of pixels."""

    def __init__(self, one: Pass, of: list[Quantization], shapes: list[Shape], isa: Instructions):
        ends = [one.operation, *([] if one.norm is None else [one.norm])]
        kernel, self.isa = one.operation.kernel, isa
        assert kernel is not None
        self.slid, self.shape, self.repeats = (
            _slid(one.operation, shapes[0]),
            one.operation.shape,
            kernel.shape[3],
        )
        self.packed = packed_windows(isa, ends, of[0])
        slid, C = self.slid, self.shape[2]
        self.cells = (slid.OW - 1) * slid.SW + (slid.KW - 1) * slid.DW + 1
        self.blank = np.full(max(shapes[0][1], self.cells) * C, of[0].zero_point, np.int8)
        self.multiplications = slid.OH * slid.OW * self.packed.b.size
        lanes = isa.lanes
        self.made_by = slides.SlideKernels(
            windows.weave(isa),
            windows.slide(isa, lanes, len(ends)),
            windows.slide(isa, C % lanes or lanes, len(ends)),
            lanes,
        )

    def __call__(self, xs: list[Array]) -> Array:
        x, slid, isa = xs[0], self.slid, self.isa
        if self.repeats > 1:
            x = np.repeat(x, self.repeats, axis=3)
        y = np.empty((len(x), *self.shape), np.int8)
        parts = min(_parts(WORTH * len(x) * self.multiplications), len(x) * slid.OH)
        # the last register of the last cell may have lanes that are not there
        size = (self.cells * self.shape[2] + isa.lanes - 1) * passes.LANE
        lines = np.empty((parts, self.packed.b.shape[2], size), np.uint8)
        run = slides.slide_rows if parts > 1 else slides.slide_rows_alone
        run(x, slid, self.packed, self.blank, self.made_by, lines, y)
        return y


class Pool:
    """max_pooling2d and average_pooling2d."""

    def __init__(self, one: Pass, _: list[Quantization], shapes: list[Shape], __: Instructions):
        self.slides, self.shape = window(one.operation, shapes[0]), one.operation.shape
        self.mean = one.operation.kind == "average_pooling2d"

    def __call__(self, xs: list[Array]) -> Array:
        y = np.empty((len(xs[0]), *self.shape), np.int8)
        sums = np.empty((len(y), y.shape[-1] if self.mean else 0), np.int64)
        slides = self.slides
        run = whole.pool_whole if _parts(WORTH * xs[0].size) > 1 else whole.pool_alone
        run(xs[0], self.mean, slides.size, slides.strides, slides.before, sums, y)
        return y


class GlobalAverage:
    """global_average."""

    def __init__(self, one: Pass, of: list[Quantization], _: list[Shape], __: Instructions):
        self.operation, self.of = one.operation, of[0]

    def __call__(self, xs: list[Array]) -> Array:
        N, H, W, C = xs[0].shape
        totals = np.empty((N, C), np.int64)
        run = whole.total_whole if _parts(WORTH * xs[0].size) > 1 else whole.total_alone
        run(xs[0].reshape(N, H * W, C), totals)
        makes, of = self.operation.makes, self.of
        multiplier = of.scale / makes.scale / np.float32(H * W)
        totals -= H * W * of.zero_point
        mean = requantized(totals, multiplier, makes, self.operation.activation)
        return mean.reshape(N, *self.operation.shape)


class Add:
    """add."""

    def __init__(self, one: Pass, of: list[Quantization], _: list[Shape], __: Instructions):
        makes = one.operation.makes
        wholes, shift = integers.factors(one.operation, of)
        low, high = makes.limits(one.operation.activation)
        zeros = tuple(value.zero_point for value in of)
        self.told = tuple(wholes), zeros, shift, low, high, makes.zero_point

    def __call__(self, xs: list[Array]) -> Array:
        y = np.empty_like(xs[0])
        a, b, flat = (values.reshape(len(y), -1) for values in (*xs, y))
        run = whole.add_whole if _parts(WORTH * y.size) > 1 else whole.add_alone
        run(a, b, *self.told, flat)
        return y


FORMS: dict[str, Any] = {
    "conv2d": Product,
    "dense": Product,
    "depthwise_conv2d": Depthwise,
    "max_pooling2d": Pool,
    "average_pooling2d": Pool,
    "global_average": GlobalAverage,
    "global_max": Moved,
    "reshape": Moved,
    "concatenate": Moved,
    "add": Add,
}


def _slid(operation: integers.IntegerOperation, picture: Shape) -> passes.Slid:
    slides = window(operation, picture)
    numbers = slides.output, slides.size, slides.strides, slides.before, slides.dilation
    return passes.Slid(*[int(n) for pair in (*numbers, (1, 1)) for n in pair])


def kernels(
    isa: Instructions, pixels: int, pool: tuple[int, int], filters: int, stages: int
) -> passes.Kernels:
    """Those for tiles of so many pixels; compiled when first asked for."""
    last = filters % isa.width or isa.width
    width = min(filters, isa.width)
    tile, tile_1, last_tile, last_1 = (
        tiles.tile(isa, n, pool, wide, stages) for wide in (width, last) for n in (pixels, 1)
    )
    return passes.Kernels(windows.move(isa), tile, tile_1, last_tile, last_1, pixels, isa.width)


def _parts(multiplications: int) -> int:
    """How many threads so much work is worth."""
    shares = 1 + multiplications // SHARE
    return 1 if shares == 1 else min(int(threads.state()["used"]), shares)
