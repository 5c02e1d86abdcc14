"""Matrix products of any size, cut into micro-kernel tiles, and the packed form of their right-hand sides."""

from minicnn.engine import simd
from minicnn.engine.call import caller
from minicnn.kernels.jit import jit
from minicnn.layers.base import Array

call_tile = caller(simd.ARGUMENTS)


@jit
def multiply(
    tiles,
    limit,
    lanes,
    rows,
    a,
    a_start,
    a_outer,
    a_inner,
    a_step,
    segments,
    a_segment,
    depth,
    b,
    b_start,
    b_row,
    b_segment,
    packed_rows,
    c,
    c_start,
    c_outer,
    c_inner,
    width,
    accumulate,
):
    """C[rows, width] (+)= the product that simd.py defines, in tiles of at most `limit` rows and two registers.

    tiles [vectors - 1, rows]: addresses. All strides of a and c are in elements.
    B is a matrix of rows as wide as C from b_start on; the product begins with its row b_row, and the next segment
    b_segment rows later. packed_rows: 0 when B lies row by row, the number of its rows when `pack` made it.
    """
    parts = (rows + limit - 1) // limit
    for v in range(0, width, 2 * lanes):
        vectors = min(2, (width - v) // lanes)
        b_width, b_first = width, b_start + v
        if packed_rows > 0:
            b_width, b_first = vectors * lanes, b_start + v * packed_rows
        done = 0
        for part in range(parts):
            size = (rows - done + parts - part - 1) // (parts - part)
            call_tile(
                tiles[vectors - 1, size],
                (
                    a, a_start + done * a_inner, a_outer, a_inner, a_step, segments, a_segment, depth,
                    b, b_first + b_row * b_width, b_width, b_segment * b_width,
                    c, c_start + done * c_inner + v, c_outer, c_inner, accumulate,
                ),
            )  # fmt: skip
            done += size


def pack(b: Array, lanes: int, packed: Array) -> None:
    """Cut b (rows, columns) into blocks two registers wide, one after the other in packed (flat), rows in order.

    A tile then reads its block of B as one contiguous stream. The last block may be one register wide; what it has
    beyond b's columns keeps the zeros that packed was made with.
    """
    rows, columns = b.shape
    block = 2 * lanes
    whole = columns // block * block
    packed[: rows * whole].reshape(-1, rows, block)[...] = b[:, :whole].reshape(rows, -1, block).swapaxes(0, 1)
    if whole < columns:
        packed[rows * whole :].reshape(rows, -1)[:, : columns - whole] = b[:, whole:]


@jit
def pack_transposed(b, lanes, groups, packed):
    """pack of every one of `groups` equal parts of b's rows, transposed, one below the other.

    With b (KH*KW*C, F) and groups = KH*KW that is the kernel (KH, KW, F, C) of the input gradient.
    """
    rows, columns = b.shape
    channels = rows // groups
    total = groups * columns
    width = packed.size // total
    for v in range(0, width, 2 * lanes):
        block = min(2 * lanes, width - v)
        for g in range(groups):
            for c in range(block):
                start = v * total + g * columns * block + c
                if v + c < channels:
                    for f in range(columns):
                        packed[start + f * block] = b[g * channels + v + c, f]
                else:
                    for f in range(columns):
                        packed[start + f * block] = 0
