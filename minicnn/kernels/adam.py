"""The Adam update of all parameters, in one pass and one parallel region."""

from typing import Any

import numpy as np
from numba import carray, prange, types
from numba.extending import intrinsic

from minicnn.kernels.jit import ENABLED, jit, parallel_jit

SMALLEST_MOMENT = 1e-30
PIECE = 8192  # numbers that a thread updates at a time


@jit
def adam(value, grad, m, v, step_size, rate_1, rate_2, epsilon):
    """m += (g - m) * rate_1;  v += (g^2 - v) * rate_2;  value -= step_size * m / (sqrt(v) + epsilon).

    value, grad, m, v: flat arrays of one length and type, which the four numbers share (rate_1 = 1 - beta_1: an integer
    1 in here would turn float32 arithmetic into float64).
    Moments below 1e-30 become 0: a parameter without gradient (a dead unit) would otherwise keep its moments as
    subnormal numbers for ever, which many processors multiply a hundred times slower.
    """
    for i in range(value.size):
        g = grad[i]
        m_i = m[i] + (g - m[i]) * rate_1
        v_i = v[i] + (g * g - v[i]) * rate_2
        m[i] = 0 if abs(m_i) < SMALLEST_MOMENT else m_i
        v[i] = 0 if v_i < SMALLEST_MOMENT else v_i
        value[i] -= step_size * m_i / (np.sqrt(v_i) + epsilon)


class Adam:
    """adam for a set of arrays, cut into pieces that threads share.

    Args:
        arrays: (value, grad, m, v) per parameter, all of one type. They are written in place; one that is not
            C-contiguous (none of minicnn's own) is updated in a copy and written back.
    """

    def __init__(self, arrays: list[tuple[np.ndarray, ...]]):
        self.arrays = arrays
        self.contiguous = [tuple(map(np.ascontiguousarray, group)) for group in arrays]  # kept: the pieces are in them
        self.example = self.contiguous[0][0].reshape(-1)[:0]
        pieces = [
            (*(array.reshape(-1)[start:].ctypes.data for array in group), min(PIECE, group[0].size - start))
            for group in self.contiguous
            for start in range(0, group[0].size, PIECE)
        ]
        self.pieces = np.array(pieces, np.int64)
        pairs = [(a, b) for one, other in zip(arrays, self.contiguous, strict=True) for a, b in zip(one, other, strict=True)]
        self.copies = [(array, copy) for array, copy in pairs if copy is not array]

    def holds(self, arrays: list[tuple[np.ndarray, ...]]) -> bool:
        """Whether it was made for these very arrays."""
        return len(arrays) == len(self.arrays) and all(
            a is b for one, other in zip(arrays, self.arrays, strict=True) for a, b in zip(one, other, strict=True)
        )

    def update(self, *rates: Any) -> None:
        """adam of all arrays, for step_size, rate_1, rate_2, epsilon in their type."""
        for array, copy in self.copies:
            copy[...] = array
        if ENABLED:
            update_pieces(self.pieces, self.example, *rates)
        else:
            for group in self.contiguous:
                adam(*(array.reshape(-1) for array in group), *rates)
        for array, copy in self.copies:
            array[...] = copy


@intrinsic
def pointer(typingctx: Any, address: Any, like: Any) -> Any:  # noqa: ARG001
    """An address as a pointer to numbers of the type of the array `like`."""
    kind = types.CPointer(like.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.inttoptr(args[0], context.get_value_type(kind))

    return kind(types.int64, like), codegen


@parallel_jit
def update_pieces(pieces, example, step_size, rate_1, rate_2, epsilon):
    """adam of the pieces (address of value, grad, m and v; numbers) (n, 5), of the type of `example`."""
    for k in prange(len(pieces)):
        update_piece(pieces[k], example, step_size, rate_1, rate_2, epsilon)


@jit
def update_piece(piece, example, step_size, rate_1, rate_2, epsilon):
    size = piece[4]
    value, grad = carray(pointer(piece[0], example), size), carray(pointer(piece[1], example), size)
    m, v = carray(pointer(piece[2], example), size), carray(pointer(piece[3], example), size)
    adam(value, grad, m, v, step_size, rate_1, rate_2, epsilon)
