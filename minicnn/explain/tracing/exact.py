"""Arrays as JSON and back, to the bit.

A number is the shortest decimal that its type reads back as itself. What JSON has no word for is
"NaN", "Infinity" or "-Infinity", which JavaScript's Number() reads. True and False are 1 and 0.
"""

from typing import Any

import numpy as np

from minicnn.types import Array

BYTES = {"float32": 12, "float64": 20, "bool": 2, "int32": 6}  # of text, for a number, about
NOT_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
TYPES = ("float32", "float64", "bool", "int8", "uint8", "int16", "int32", "int64")


def text_of(array: Array) -> str:
    """[0.1,0.25], the numbers of an array in its order.

    float32's 0.1 is written 0.1. JavaScript and Python read a double and round it to float32; that
    is the number again, since the shortest decimal lies nearer to it than any other float32 does.
    """
    flat = array.ravel()
    if array.dtype.kind in "biu":
        return f"[{','.join(map(str, flat.astype(np.int64).tolist()))}]"
    words = [str(number) for number in flat]
    return f"[{','.join(NOT_FINITE.get(word, word) for word in words)}]"


def array_of(values: Any, shape: Any, dtype: Any) -> Array:
    """The array of such numbers. Raises ValueError for what is none of that shape and type."""
    if dtype not in TYPES:
        raise ValueError(f"expected numbers of type {', '.join(TYPES)}, received {dtype!r:.40}")
    if not isinstance(values, list) or not isinstance(shape, list):
        raise ValueError(f"expected lists of values and sizes, received {values!r:.40}")
    numbers = [float(value) if isinstance(value, str) else value for value in values]
    return np.array(numbers).astype(dtype).reshape(shape)


def weight(array: Array) -> int:
    """How many bytes of text it takes, about."""
    return array.size * BYTES.get(array.dtype.name, 8)
