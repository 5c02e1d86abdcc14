"""The Adam update of all parameters in one parallel region: kernels/adam.py on pieces of them."""

from collections.abc import Sequence
from itertools import chain
from operator import is_
from typing import Any

import numpy as np
from numba import carray, prange, types
from numba.extending import intrinsic

from minicnn.kernels.adam import adam
from minicnn.kernels.jit import ENABLED, jit_part, parallel_jit

PIECE = 8192  # numbers that a thread updates at a time


class AdamUpdate:
    """adam for a set of arrays, cut into pieces that threads share.

    Args:
        arrays: (value, grad, m, v) per parameter, all of one type. They are written in place; one that is not
            C-contiguous (none of minicnn's own) is updated in a copy and written back.
    """

    def __init__(self, arrays: Sequence[tuple[np.ndarray, ...]]):
        self.arrays = arrays
        self.contiguous = [tuple(map(np.ascontiguousarray, group)) for group in arrays]  # kept: the pieces are in them
        self.example = self.contiguous[0][0].reshape(-1)[:0]
        pieces = [
            (*(array.reshape(-1)[start:].ctypes.data for array in group), min(PIECE, group[0].size - start))
            for group in self.contiguous
            for start in range(0, group[0].size, PIECE)
        ]
        self.pieces = np.array(pieces, np.int64)
        both = zip(chain(*arrays), chain(*self.contiguous), strict=True)
        self.copies = [(array, copy) for array, copy in both if copy is not array]

    def holds(self, arrays: Sequence[tuple[np.ndarray, ...]]) -> bool:
        """Whether it was made for these very arrays."""
        return len(arrays) == len(self.arrays) and all(map(is_, chain(*arrays), chain(*self.arrays)))

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


@jit_part
def update_piece(piece, example, step_size, rate_1, rate_2, epsilon):
    """adam of one piece."""
    size = piece[4]
    value, grad = carray(pointer(piece[0], example), size), carray(pointer(piece[1], example), size)
    m, v = carray(pointer(piece[2], example), size), carray(pointer(piece[3], example), size)
    adam(value, grad, m, v, step_size, rate_1, rate_2, epsilon)
