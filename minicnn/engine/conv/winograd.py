"""Convolution with fewer multiplications: Winograd's F(2x2, 3x3) and its larger kin, for 3x3
kernels of stride 1.

Two outputs of a 3-tap filter g over four inputs d are 6 multiplications as written, and 4 in this
way:

    y = A^T [ (G g) * (B^T d) ]            * element by element

          | 1  0 -1  0 |        |  1    0    0  |
    B^T = | 0  1  1  0 |    G = | 1/2  1/2  1/2 |    A^T = | 1  1  1  0 |
          | 0 -1  1  0 |        | 1/2 -1/2  1/2 |          | 0  1 -1  1 |
          | 0 -1  0  1 |        |  0    0    1  |

B and A only add and subtract, and G g is made once for all pictures. Applied to rows and then to
columns, 2x2 outputs of a 3x3 filter take 16 multiplications in place of 36. With many channels,
each of the 16 is a matrix product of them:

    V = B^T d B            of every 4x4 patch d of the picture (patches overlap by two)
    U = G g G^T            of every filter
    M[k] = V[k] U[k]       k < 16; (patches, C) (C, F)
    z = A^T M A            of every patch: 2x2 outputs

Every line is linear, so backward is the same chain in reverse with transposed matrices:

    dM = A dz A^T,   dV[k] = dM[k] U[k]^T,   dx += B dV B^T,   dU[k] = V[k]^T dM[k],   dg = G^T dU G

dU is summed up over some pictures at a time, for each chunk of the batch; or where it is large and
patches are few, over all pictures at once, and then threads share the planes k.

These matrices hold nothing but 0, 1 and 1/2, so the result is as precise as the sum as written, and
exact on small integers. F(4x4, 3x3) makes 4x4 outputs from 6x6 inputs with 36 multiplications in
place of 144, F(5x5, 3x3) 5x5 from 7x7 with 49 in place of 225. Their matrices (winograd_form.py)
hold fractions, so they lose two and four bits of a float32's 24, and are taken where they multiply
less: 13x13 outputs are 16 patches of 4x4, but 9 of 5x5.

Source: Lavin & Gray 2015, arXiv:1509.09308, sections 4.1 and 5; Winograd 1980, "Arithmetic
    complexity of computations".
"""

from typing import NamedTuple

import numpy as np

from minicnn.engine.conv.geometry import Geometry
from minicnn.engine.conv.layout import CHUNKS, Programs, programs
from minicnn.engine.conv.winograd_form import (
    F2,
    F4,
    F5,
    TAPS,
    Form,
    Steps,
    transform,
    transposed,
)
from minicnn.engine.products import Left, Program, Right
from minicnn.machine.processor import lanes

FORMS = (F2, F4, F5)  # the more precise ones first
WORTH = 0.9  # a form that rounds more must do with less than this share of the multiplications
FEW_CHANNELS = 16
FEW_PATCHES = 32  # fewer rows than that make poor products: several pictures are taken together
SPARE = 5 * 16  # numbers: an odd count of cache lines, and a multiple of the lanes
MIB = 1024 * 1024
MOST_DATA = 20 * MIB  # bytes of a picture's V and M: more cost more time for memory than they save
MOST_WEIGHTS = {F2: 64 * MIB, F4: 16 * MIB, F5: 16 * MIB}  # bytes of U, for the same reason
# What is lost grows with the terms of a sum: up to here less than 1e-5 of the largest output.
MOST_CHANNELS = {F5: 64}


class Winograd(NamedTuple):
    """How some pictures together are convolved: sizes, and addresses of the transforms.

    A picture of H x W pixels lies in a frame of rows x columns, from (top, left) on, with a border
    of zeros, cut into down x across patches, which make `outputs` pixels of z. Buffers, K being the
    products of a patch: V (K, pictures * patches, C), M (K, pictures * patches, F), U (K, C, F) and
    U transposed (K, F, C), packed, each plane with some spare room after it; dU (K, C, F). V and dM
    may be kept for all pictures, in planes of all their patches.
    """

    top: int = 0
    left: int = 0
    down: int = 0
    across: int = 0
    rows: int = 0
    columns: int = 0
    outputs: int = 0
    to_v: int = 0
    to_kept_v: int = 0
    to_z: int = 0
    to_dm: int = 0
    to_dx: int = 0
    to_dkernel: int = 0
    u_block: int = 1
    ut_block: int = 1
    to_u: int = 0
    to_ut: int = 0


def frame(g: Geometry, form: Form) -> tuple[int, int, int, int]:
    """(down, across, rows, columns): patches of a picture, and the size of its frame."""
    down, across = -(-g.OH // form.out), -(-g.OW // form.out)
    return down, across, form.out * down + TAPS - 1, form.out * across + TAPS - 1


def best_form(g: Geometry, dtype: np.dtype, trains: bool = True) -> Form | None:
    """What computes this convolution with the fewest multiplications; None if the sum as written
    does.

    A form that rounds more must save a tenth of them. There must be enough channels to make up for
    the transforms; pictures and kernels must not be huge. In inference, where a picture may come
    alone, a single patch of it would take as long as to read all of U, so a form with a smaller U
    is taken, if there is one.
    """
    if (
        (g.KH, g.KW, g.SH, g.SW, g.DH, g.DW) != (TAPS, TAPS, 1, 1, 1, 1)
        or g.F % lanes(dtype)
        or g.C % lanes(dtype)
    ):
        return None
    best, fewest = None, g.met_cells()
    for form in FORMS if min(g.C, g.F) >= FEW_CHANNELS else ():
        if max(g.C, g.F) > MOST_CHANNELS.get(form, max(g.C, g.F)):
            continue
        down, across, _, _ = frame(g, form)
        if best is not None and down * across == 1 and not trains:
            continue
        multiplications = form.products * down * across
        data, weights = (
            form.products * n * dtype.itemsize for n in (down * across * (g.C + g.F), g.C * g.F)
        )
        if multiplications < WORTH * fewest and data <= MOST_DATA and weights <= MOST_WEIGHTS[form]:
            best, fewest = form, multiplications
    return best


def plane(rows: int, channels: int) -> int:
    """Numbers from V[k] to V[k + 1]: a little more than it needs.

    Without that, planes of a round size would lie at distances of which a multiple is a power of
    two, and the numbers of a patch would compete for the same few places of the first-level cache.
    """
    return rows * channels + SPARE


def at_once(g: Geometry, form: Form, n: int) -> bool:
    """Whether dU is made of all n pictures at once: where V and M of all of them are smaller than
    the chunks' dU.
    """
    down, across, _, _ = frame(g, form)
    return n * down * across * (g.C + g.F) <= CHUNKS * g.C * g.F


def winograd(
    g: Geometry, form: Form, dtype: np.dtype, pictures: int, kept: int, trains: bool = True
) -> tuple[Winograd, Programs]:
    """The transforms and programs for so many pictures together, V and dM of `kept` pictures; those
    of backward too, if it trains.
    """
    name, out, patch = np.dtype(dtype).name, form.out, form.patch
    down, across, height, width = frame(g, form)
    rows, kept_rows = pictures * down * across, kept * down * across

    def products(rows: int, channels: int) -> Steps:
        """Where the numbers of a patch lie, and those of the next."""
        return Steps(
            patch * plane(rows, channels), plane(rows, channels), across * channels, channels
        )

    def pixels(columns: int, channels: int) -> Steps:
        return Steps(columns * channels, channels, out * columns * channels, out * channels)

    def kernels(C: int, F: int, block: int) -> tuple[Steps, Steps]:
        """Where the 9 numbers of a filter lie in a kernel (3, 3, C, F), and its numbers in U,
        packed in such blocks.

        And those of the same filter of the next block, and of the next channel.
        """
        return Steps(TAPS * C * F, C * F, block, F), Steps(
            patch * plane(C, F), plane(C, F), C * block, block
        )

    forward, weights, inputs = Program(dtype, g.F), Program(dtype, g.F), Program(dtype, g.C)
    slices = [0]
    u_block, ut_block = block(g.F, dtype), block(g.C, dtype)
    for k in range(form.products):
        v, m = k * plane(rows, g.C), k * plane(rows, g.F)
        kept_v, dm = k * plane(kept_rows, g.C), k * plane(kept_rows, g.F)
        u, ut = k * plane(g.C, g.F), k * plane(g.F, g.C)
        packed_u, packed_ut = Right(g.C, packed=u_block < g.F), Right(g.F, packed=ut_block < g.C)
        forward.multiply(
            (1, rows), Left(0, g.C, 0, 1), 1, g.C, packed_u, (0, g.F), starts=(v, u, m)
        )
        if not trains:
            continue
        inputs.multiply(
            (1, rows), Left(0, g.F, 0, 1), 1, g.F, packed_ut, (0, g.C), starts=(dm, ut, v)
        )
        weights.multiply(
            (1, g.C),
            Left(0, 1, 0, g.C),
            1,
            kept_rows,
            Right(0, packed=False),
            (0, g.F),
            starts=(kept_v, dm, u),
        )
        slices.append(len(weights.calls))
    of_picture, of_z = pixels(width, g.C), pixels(out * across, g.F)
    way = Winograd(
        *(g.top, g.left, down, across, height, width, out * out * down * across),
        to_v=transform(name, form.BT, of_picture, products(rows, g.C), g.C),
        to_z=transform(name, form.AT, products(rows, g.F), of_z, g.F),
        u_block=u_block,
        to_u=transform(name, form.G, *kernels(g.C, g.F, u_block), u_block),
    )
    bands = np.array([(0, g.OH, 0, 0)], np.int64)
    if not trains:
        return way, programs(forward=forward.table(), bands=bands)
    way = way._replace(
        to_kept_v=transform(name, form.BT, of_picture, products(kept_rows, g.C), g.C),
        to_dm=transform(name, transposed(form.AT), of_z, products(kept_rows, g.F), g.F),
        to_dx=transform(name, transposed(form.BT), products(rows, g.C), of_picture, g.C, True),
        to_dkernel=transform(name, transposed(form.G), *kernels(g.C, g.F, g.F)[::-1], g.F),
        ut_block=ut_block,
        to_ut=transform(name, form.G, *kernels(g.F, g.C, ut_block), ut_block),
    )
    return way, programs(
        forward=forward.table(),
        bands=bands,
        weights=weights.table(),
        inputs=inputs.table(),
        slices=np.array(slices, np.int64),
        at_once=kept > pictures,
    )


def block(F: int, dtype: np.dtype) -> int:
    """Columns of a block of U as products.py packs it; all F, unpacked, where the last block would
    be half as wide.
    """
    return F if F % (2 * lanes(dtype)) else 2 * lanes(dtype)
