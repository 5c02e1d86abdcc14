"""Convolution with fewer multiplications: Winograd's F(2x2, 3x3), for 3x3 kernels of stride 1.

Two outputs of a 3-tap filter g over four inputs d are 6 multiplications as written, and 4 in this way:

    y = A^T [ (G g) * (B^T d) ]            * element by element

          | 1  0 -1  0 |        |  1    0    0  |
    B^T = | 0  1  1  0 |    G = | 1/2  1/2  1/2 |    A^T = | 1  1  1  0 |
          | 0 -1  1  0 |        | 1/2 -1/2  1/2 |          | 0  1 -1 -1 |
          | 0  1  0 -1 |        |  0    0    1  |

B and A only add and subtract, and G g is made once for all pictures. Applied to rows and then to columns, 2x2 outputs
of a 3x3 filter take 16 multiplications in place of 36. With many channels, each of the 16 is a matrix product of them:

    V = B^T d B  of every 4x4 patch d of the picture (patches overlap by two),   U = G g G^T  of every filter
    M[k] = V[k] U[k],   k < 16      (patches, C) (C, F)
    z = A^T M A      of every patch: 2x2 outputs

Every line is linear, so backward is the same chain in reverse with transposed matrices:

    dM = A dz A^T,   dV[k] = dM[k] U[k]^T,   dx += B dV B^T,   dU[k] = V[k]^T dM[k],   dg = G^T dU G

The matrices hold nothing but 0, 1 and 1/2, so the result is as precise as the sum as written, and exact on small
integers.

Source: Lavin & Gray 2015, arXiv:1509.09308, sections 4.1 and 5; Winograd 1980, "Arithmetic complexity of computations".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from llvmlite import ir

from minicnn.engine import row_kernels
from minicnn.engine.block_data import Programs, programs
from minicnn.engine.call import caller, clear
from minicnn.engine.emit import Emitter, kernel, lanes
from minicnn.engine.geometry import Geometry
from minicnn.engine.products import Left, Program, Right, run, transpose
from minicnn.kernels.jit import jit_part

Matrix = tuple[tuple[float, ...], ...]
BT: Matrix = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G: Matrix = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
AT: Matrix = ((1, 1, 1, 0), (0, 1, -1, -1))
OUT, PATCH, PRODUCTS = len(AT), len(BT), len(BT) ** 2

FEW_CHANNELS = 16
FEW_PATCHES = 32  # fewer rows than that make poor products: several pictures are taken together
SPARE = 5 * 16  # numbers: an odd count of cache lines, and a multiple of the lanes
MOST_DATA = 20 * 1024 * 1024  # bytes of a picture's V and M: more cost more time for memory than they save
MOST_WEIGHTS = 64 * 1024 * 1024  # bytes of U, for the same reason

TRANSFORM = "x* y* down across"


def transposed(matrix: Matrix) -> Matrix:
    """Rows and columns exchanged."""
    return tuple(zip(*matrix, strict=True))


class Steps(NamedTuple):
    """Elements from one row and column of a patch, and from one patch below and beside another, to the next."""

    row: int
    column: int
    down: int
    across: int


@kernel
def transform(dtype: str, matrix: Matrix, x: Steps, y: Steps, channels: int, add: bool = False) -> Emitter:
    """y = P x P^T (y += if add) for every patch x of a grid of down x across patches, all channels."""
    emit = Emitter(dtype, TRANSFORM)
    arg, build = emit.arg, emit.builder
    size, taps = len(matrix), len(matrix[0])

    def combine(weights: Sequence[float], values: Sequence[ir.Value]) -> ir.Value:
        """The sum of weights[i] * values[i], without multiplications by 0, 1 and -1."""
        total = None
        for weight, value in sorted(zip(weights, values, strict=True), key=lambda pair: -pair[0]):
            if weight == 0:
                continue
            if abs(weight) != 1:
                value = build.fmul(emit.fill(abs(weight)), value)
            if total is None:
                total = value if weight > 0 else build.fneg(value)
            else:
                total = build.fadd(total, value) if weight > 0 else build.fsub(total, value)
        return total

    def place(base: ir.Value, steps: Steps, row: int, column: int) -> ir.Value:
        return emit.at(base, emit.integer(row * steps.row + column * steps.column))

    def patch(i: ir.Value, j: ir.Value, c: ir.Value) -> None:
        def start(base: ir.Value, steps: Steps) -> ir.Value:
            down, across = build.mul(i, emit.integer(steps.down)), build.mul(j, emit.integer(steps.across))
            return emit.at(base, build.add(build.add(down, across), c))

        source, target = start(arg["x"], x), start(arg["y"], y)
        columns = [[emit.load(place(source, x, row, column)) for row in range(taps)] for column in range(taps)]
        half = [[combine(weights, column) for column in columns] for weights in matrix]  # (size, taps)
        for row in range(size):
            for column in range(size):
                value, to = combine(matrix[column], half[row]), place(target, y, row, column)
                emit.store(build.fadd(emit.load(to), value) if add else value, to)

    def turn(i: ir.Value, j: ir.Value, v: ir.Value) -> Sequence[ir.Value]:
        patch(i, j, v)
        return []

    def row(i: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
        def column(j: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
            def register(v: ir.Value, _: Sequence[ir.Value]) -> Sequence[ir.Value]:
                patch(i, j, build.mul(v, emit.integer(emit.lanes)))
                return []

            return emit.loop(emit.integer(channels // emit.lanes), [], register)

        return emit.loop(arg["across"], [], column)

    emit.loop(arg["down"], [], row)
    return emit


call_transform, call_copy = caller(TRANSFORM), caller(row_kernels.COPY)


class Winograd(NamedTuple):
    """How some pictures together are convolved: sizes, and addresses of the transforms.

    A picture of H x W pixels lies in a frame, `columns` wide, from (top, left) on, with a border of zeros, cut into
    down x across patches. Buffers: frame (rows, columns, C); V (16, pictures * patches, C), M (16, pictures * patches,
    F), U (16, C, F) and U transposed (16, F, C), packed, each plane with some spare room after it; dU (16, C, F); z and
    dz (pictures, 2 down, 2 across, F).
    """

    top: int = 0
    left: int = 0
    down: int = 0
    across: int = 0
    columns: int = 0
    to_v: int = 0
    to_z: int = 0
    to_dm: int = 0
    to_dx: int = 0
    to_dkernel: int = 0
    u_block: int = 1
    ut_block: int = 1
    to_u: int = 0
    to_ut: int = 0


def frame(g: Geometry) -> tuple[int, int, int, int]:
    """(down, across, rows, columns): patches of a picture, and the size of its frame."""
    down, across = -(-g.OH // OUT), -(-g.OW // OUT)
    return down, across, OUT * down + PATCH - OUT, OUT * across + PATCH - OUT


def applies(g: Geometry, dtype: np.dtype) -> bool:
    """Whether F(2x2, 3x3) can compute this convolution, and has an advantage.

    There must be enough channels to make up for the transforms; pictures and kernels must not be huge, and pictures not
    so tiny that the direct way, which leaves out the border, multiplies less.
    """
    if (g.KH, g.KW, g.SH, g.SW, g.DH, g.DW) != (3, 3, 1, 1, 1, 1) or g.F % lanes(dtype) or g.C % lanes(dtype):
        return False
    down, across, _, _ = frame(g)
    data, weights = (PRODUCTS * n * dtype.itemsize for n in (down * across * (g.C + g.F), g.C * g.F))
    fits = data <= MOST_DATA and weights <= MOST_WEIGHTS
    return fits and min(g.C, g.F) >= FEW_CHANNELS and g.met_cells() > PRODUCTS * down * across


def plane(rows: int, channels: int) -> int:
    """Numbers from V[k] to V[k + 1]: a little more than it needs.

    Without that, planes of a round size would lie at distances of which a multiple is a power of two, and the 16
    numbers of a patch would compete for the same few places of the first-level cache.
    """
    return rows * channels + SPARE


def winograd(g: Geometry, dtype: np.dtype, pictures: int) -> tuple[Winograd, Programs]:
    """The transforms and programs for so many pictures together."""
    name = np.dtype(dtype).name
    down, across, _, columns = frame(g)
    rows = pictures * down * across

    def products(channels: int) -> Steps:  # where the 16 numbers of a patch lie, and those of the next
        return Steps(PATCH * plane(rows, channels), plane(rows, channels), across * channels, channels)

    def pixels(width: int, channels: int) -> Steps:
        return Steps(width * channels, channels, OUT * width * channels, OUT * channels)

    forward, weights, inputs = Program(dtype, g.F), Program(dtype, g.F), Program(dtype, g.C)
    for k in range(PRODUCTS):
        v, m = k * plane(rows, g.C), k * plane(rows, g.F)
        u, ut = k * plane(g.C, g.F), k * plane(g.F, g.C)
        packed_u, packed_ut = (Right(n, packed=block(f, dtype) < f) for n, f in ((g.C, g.F), (g.F, g.C)))
        forward.multiply((1, rows), Left(0, g.C, 0, 1), 1, g.C, packed_u, (0, g.F), starts=(v, u, m))
        inputs.multiply((1, rows), Left(0, g.F, 0, 1), 1, g.F, packed_ut, (0, g.C), starts=(m, ut, v))
        weights.multiply((1, g.C), Left(0, 1, 0, g.C), 1, rows, Right(0, packed=False), (0, g.F), starts=(v, m, u))
    BT_columns, AT_columns = pixels(columns, g.C), pixels(OUT * across, g.F)
    way = Winograd(
        *(g.top, g.left, down, across, columns),
        to_v=transform(name, BT, BT_columns, products(g.C), g.C),
        to_z=transform(name, AT, products(g.F), AT_columns, g.F),
        to_dm=transform(name, transposed(AT), AT_columns, products(g.F), g.F),
        to_dx=transform(name, transposed(BT), products(g.C), BT_columns, g.C, True),
        to_dkernel=transform(name, transposed(G), *kernel_steps(g.C, g.F, g.F)[::-1], g.F),
        u_block=block(g.F, dtype),
        ut_block=block(g.C, dtype),
        to_u=transform(name, G, *kernel_steps(g.C, g.F, block(g.F, dtype)), block(g.F, dtype)),
        to_ut=transform(name, G, *kernel_steps(g.F, g.C, block(g.C, dtype)), block(g.C, dtype)),
    )
    bands = np.array([(0, g.OH, 0, 0)], np.int64)
    return way, programs(forward=forward.table(), bands=bands, weights=weights.table(), inputs=inputs.table())


def block(F: int, dtype: np.dtype) -> int:
    """The columns of a block of U packed (products.py), which is a block of its own where F leaves a half one."""
    return F if F % (2 * lanes(dtype)) else 2 * lanes(dtype)


def kernel_steps(C: int, F: int, block: int) -> tuple[Steps, Steps]:
    """Where the 9 numbers of a filter lie in a kernel (3, 3, C, F), and the 16 in U, packed in such blocks.

    And those of the same filter of the next block, and of the next channel.
    """
    return Steps(len(G[0]) * C * F, C * F, block, F), Steps(PATCH * plane(C, F), plane(C, F), C * block, block)


@jit_part
def load_part(s, w, like, weights, u, first, last):
    """Channels first ... last-1 of U."""
    call_transform(w.to_u, like, (weights, first * s.F, u, first * w.u_block, s.F // w.u_block, last - first))


@jit_part
def load_transposed_part(s, w, work, like, weights, turned, ut, first, last):
    """Filters first ... last-1 of U transposed, by way of the kernel transposed."""
    for k in range(s.cells):
        source, target = k * s.C * s.F + first, (k * s.F + first) * s.C
        transpose(
            work.square, work.copy, like, work.lanes, weights, source, s.F, s.C, last - first, turned, target, s.C
        )  # fmt: skip
    call_transform(w.to_ut, like, (turned, first * s.C, ut, first * w.ut_block, s.C // w.ut_block, last - first))


@jit_part
def patches_of(s, w, copy, like, x, n, images, frame, v):
    """V of the pictures from the n-th on; frame is the scratch of one."""
    place, row = (w.top * w.columns + w.left) * s.C, s.W * s.C
    for p in range(images):
        call_copy(copy, like, (x, (n + p) * s.H * row, row, frame, place, w.columns * s.C, s.H, row))
        call_transform(w.to_v, like, (frame, 0, v, p * w.down * w.across * s.C, w.down, w.across))


@jit_part
def forward(s, w, p, copy, like, x, n, images, u, frame, v, m, z):
    """z of the pictures from the n-th on."""
    patches_of(s, w, copy, like, x, n, images, frame, v)
    run(p.forward, 0, p.forward_calls, like, v, 0, u, 0, m, 0)
    patches = w.down * w.across
    for i in range(images):
        call_transform(w.to_z, like, (m, i * patches * s.F, z, i * OUT * OUT * patches * s.F, w.down, w.across))


@jit_part
def gradient_patches(s, w, like, images, dz, m):
    """dM from dz."""
    patches = w.down * w.across
    for i in range(images):
        call_transform(w.to_dm, like, (dz, i * OUT * OUT * patches * s.F, m, i * patches * s.F, w.down, w.across))


@jit_part
def input_gradient(s, w, p, copy, like, n, images, ut, frame, v, m, dx):
    """dx (N, H, W, C) of the pictures from the n-th on, from dM."""
    run(p.inputs, 0, p.input_calls, like, m, 0, ut, 0, v, 0)
    place, row = (w.top * w.columns + w.left) * s.C, s.W * s.C
    for i in range(images):
        clear(frame, (OUT * w.down + PATCH - OUT) * w.columns * s.C * like.itemsize)
        call_transform(w.to_dx, like, (v, i * w.down * w.across * s.C, frame, 0, w.down, w.across))
        call_copy(copy, like, (frame, place, w.columns * s.C, dx, (n + i) * s.H * row, row, s.H, row))
