"""The whole numbers of integers.py, bit for bit, as fast as the processor can.

Weights are packed once, when a network first predicts. The zero point of what comes in goes into
the bias: sum of (q - z) * w is the sum of q * w, less z times the sum of w, and cells of padding
hold z. What has no fast form here is made by integers.py, operation by operation, and so is
everything on processors without AVX2, or with MINICNN_ENGINE=reference.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from minicnn.engine import integer_passes as passes
from minicnn.engine import integer_tiles as tiles
from minicnn.kernels.whole import add_alone, add_whole, pool_alone, pool_whole
from minicnn.machine import threads
from minicnn.machine.jit import ENABLED
from minicnn.quantize import checks, integers
from minicnn.quantize.arithmetic import window
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import Computation
from minicnn.types import Array, Shape

BLOCK = 2**17  # bytes of patches that a thread has at once
FRAME = 2**15  # bytes of a band of pictures
SHARE = 2**22  # multiplications of a product that are worth another thread
WORTH = 4  # of these, that any other step of a number takes as long as

Step = Callable[[list[Array]], Array]


def available() -> bool:
    """Whether whole numbers run in machine code of their own here."""
    asked = os.environ.get("MINICNN_ENGINE", "fast")
    return ENABLED and asked != "reference" and tiles.available()


class Native:
    """A computation with its weights packed. Later changes of its arrays go unseen.

    Raises ValueError for operations that do not fit: addresses are computed from their shapes.
    """

    def __init__(self, computation: Computation, of_input: Quantization):
        checks.check(computation, of_input)
        self.input_shape = computation.input_shape
        self.reads = [operation.reads for operation in computation.operations]
        self.last_use = {n: place for place, reads in enumerate(self.reads) for n in reads}
        made = [of_input, *(operation.makes for operation in computation.operations)]
        self.steps: list[Step] = []
        for operation, reads in zip(computation.operations, self.reads, strict=True):
            form = FORMS.get(operation.kind, Defined)
            shapes = [computation.shape(n) for n in reads]
            self.steps.append(form(operation, [made[n] for n in reads], shapes))

    def __call__(self, q: Array) -> Array:
        """The last value, int8, of what comes in, int8 (N, ...)."""
        assert q.shape[1:] == self.input_shape and q.dtype == np.int8
        values = {0: np.ascontiguousarray(q)}
        for place, (step, reads) in enumerate(zip(self.steps, self.reads, strict=True)):
            values[place + 1] = step([values[n] for n in reads])
            for n in set(reads):
                if self.last_use[n] == place:
                    del values[n]
        return values[len(self.steps)]


class Defined:
    """An operation as integers.py has it."""

    def __init__(self, operation: IntegerOperation, of: list[Quantization], _: list[Shape]):
        self.operation, self.of = operation, of

    def __call__(self, xs: list[Array]) -> Array:
        return np.ascontiguousarray(integers.made(self.operation, xs, self.of))


class Product:
    """conv2d and dense: rows of patches by panels of filters."""

    def __init__(self, operation: IntegerOperation, of: list[Quantization], shapes: list[Shape]):
        assert operation.kernel is not None
        kernel, self.shape = operation.kernel, operation.shape
        if operation.kind == "dense":
            self.picture: Shape = (1, 1, *shapes[0])
            self.slid, self.groups = passes.Slid(1, 1, 1, 1, 1, 1, 0, 0, 1, 1), 1
        else:
            self.picture, self.groups = shapes[0], operation.settings["groups"]
            self.slid = _slid(operation, shapes[0])
        self.zero = of[0].zero_point
        rows = kernel.reshape(-1, self.groups, operation.shape[-1] // self.groups)
        self.packed = packed(operation, of[0], rows.transpose(1, 0, 2))
        self.filters = operation.shape[-1] // self.groups

    def __call__(self, xs: list[Array]) -> Array:
        x = xs[0].reshape(len(xs[0]), *self.picture)
        pixels = len(x) * self.slid.OH * self.slid.OW
        depth = 2 * self.packed.b.shape[2]
        parts = _parts(pixels * depth * self.shape[-1])
        block = max(tiles.ROWS, min(-(-pixels // parts), BLOCK // (2 * depth)))
        parts = min(parts, -(-pixels // block))
        scratch = np.empty((parts, block, depth), np.int16)
        y = np.empty((pixels, self.shape[-1]), np.int8)
        run = passes.multiply if parts > 1 else passes.multiply_alone
        made_by = kernels(self.filters % tiles.WIDTH or tiles.WIDTH)
        run(x, self.slid, self.packed, self.filters, self.zero, made_by, scratch, y)
        return y.reshape(len(x), *self.shape)


class Depthwise:
    """depthwise_conv2d: windows over a frame, 16 channels at a time."""

    def __init__(self, operation: IntegerOperation, of: list[Quantization], shapes: list[Shape]):
        assert operation.kernel is not None
        self.slid, self.shape = _slid(operation, shapes[0]), operation.shape
        self.zero = of[0].zero_point
        KH, KW = operation.kernel.shape[:2]
        taps = operation.kernel.reshape(KH * KW, -1)
        self.packed = packed(operation, of[0], taps[None])
        b = np.ascontiguousarray(self.packed.b[..., tiles.UNPACKED, :])
        self.packed = self.packed._replace(b=b)
        wide = self.packed.b.shape[1] * tiles.WIDTH
        slid = self.slid
        self.width = (slid.OW - 1) * slid.SW + (KW - 1) * slid.DW + 1
        self.extent = (KH - 1) * slid.DH + 1
        self.places = np.zeros(2 * self.packed.b.shape[2], np.int64)
        for kh, kw in np.ndindex(KH, KW):
            place = (kh * slid.DH * self.width + kw * slid.DW) * wide
            self.places[kh * KW + kw] = place

    def __call__(self, xs: list[Array]) -> Array:
        slid, wide = self.slid, self.packed.b.shape[1] * tiles.WIDTH
        rows = FRAME // (self.width * wide)
        band = min(max(1, (rows - self.extent) // slid.SH + 1, 4), slid.OH)
        multiplications = len(xs[0]) * slid.OH * slid.OW * len(self.places) * wide
        parts = min(_parts(WORTH * multiplications), len(xs[0]) * -(-slid.OH // band))
        deep = (band - 1) * slid.SH + self.extent
        frames = np.empty((parts, deep, self.width, wide), np.int8)
        lines = np.empty((parts, slid.OW, wide), np.int8)
        y = np.empty((len(xs[0]), *self.shape), np.int8)
        run = passes.slide_all if parts > 1 else passes.slide_alone
        run(
            xs[0], slid, self.packed, self.places, self.zero, kernels(tiles.WIDTH), band, frames,
            lines, y,
        )  # fmt: skip
        return y


class Pool:
    """max_pooling2d and average_pooling2d."""

    def __init__(self, operation: IntegerOperation, _: list[Quantization], shapes: list[Shape]):
        self.slides, self.shape = window(operation, shapes[0]), operation.shape
        self.mean = operation.kind == "average_pooling2d"

    def __call__(self, xs: list[Array]) -> Array:
        y = np.empty((len(xs[0]), *self.shape), np.int8)
        sums = np.empty((len(y), y.shape[-1] if self.mean else 0), np.int64)
        slides = self.slides
        run = pool_whole if _parts(WORTH * xs[0].size) > 1 else pool_alone
        run(xs[0], self.mean, slides.size, slides.strides, slides.before, sums, y)
        return y


class Add:
    """add."""

    def __init__(self, operation: IntegerOperation, of: list[Quantization], _: list[Shape]):
        wholes, shift = integers.factors(operation, of)
        low, high = operation.makes.limits(operation.activation)
        zeros = tuple(one.zero_point for one in of)
        self.told = tuple(wholes), zeros, shift, low, high, operation.makes.zero_point

    def __call__(self, xs: list[Array]) -> Array:
        y = np.empty_like(xs[0])
        a, b, flat = (values.reshape(len(y), -1) for values in (*xs, y))
        run = add_whole if _parts(WORTH * y.size) > 1 else add_alone
        run(a, b, *self.told, flat)
        return y


FORMS: dict[str, Any] = {
    "conv2d": Product,
    "dense": Product,
    "depthwise_conv2d": Depthwise,
    "max_pooling2d": Pool,
    "average_pooling2d": Pool,
    "add": Add,
}


def packed(operation: IntegerOperation, of: Quantization, rows: Array) -> passes.Packed:
    """Kernels (G, K, F) as panels of pairs: the filters filled up to 16, K to an even number."""
    assert operation.bias is not None and operation.kernel_scale is not None
    G, K, F = rows.shape
    panels, pairs = -(-F // tiles.WIDTH), -(-K // 2)
    b = np.zeros((G, 2 * pairs, panels * tiles.WIDTH), np.int16)
    b[:, :K, :F] = rows
    b = b.reshape(G, pairs, 2, panels, tiles.WIDTH).transpose(0, 3, 1, 4, 2)
    moved = rows.sum(axis=1, dtype=np.int64) * of.zero_point
    bias = operation.bias.reshape(G, F) - moved
    multiplier = of.scale * operation.kernel_scale / operation.makes.scale
    low, high = operation.makes.limits(operation.activation)
    zero = operation.makes.zero_point
    return passes.Packed(
        np.ascontiguousarray(b),
        # sums that fit may pass 32 bits on their way, and come back
        _filled(bias, panels).astype(np.int32),
        _filled(multiplier.reshape(G, F), panels),
        np.array([low - zero, high - zero, zero], np.float32),
    )


def _filled(numbers: Array, panels: int) -> Array:
    G, F = numbers.shape
    filled = np.zeros((G, panels * tiles.WIDTH), numbers.dtype)
    filled[:, :F] = numbers
    return filled.reshape(G, panels, tiles.WIDTH)


def _slid(operation: IntegerOperation, picture: Shape) -> passes.Slid:
    slides = window(operation, picture)
    numbers = slides.output, slides.size, slides.strides, slides.before, slides.dilation
    return passes.Slid(*(int(n) for pair in numbers for n in pair))


def kernels(last: int) -> passes.Kernels:
    """Those for panels of 16 filters, of which the last has so many; compiled when first asked
    for.
    """
    full, ragged = ([tiles.tile(rows, F) for rows in (tiles.ROWS, 1)] for F in (tiles.WIDTH, last))
    moves = tiles.move(False), tiles.move(True)
    return passes.Kernels(full[0], full[1], ragged[0], ragged[1], *moves, tiles.slide())


def _parts(multiplications: int) -> int:
    """How many threads so much work is worth."""
    shares = 1 + multiplications // SHARE
    return 1 if shares == 1 else min(int(threads.state()["used"]), shares)
