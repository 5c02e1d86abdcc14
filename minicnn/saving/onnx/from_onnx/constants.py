"""What is known without any picture: nodes of constants alone are computed at once.

Nothing is made before its size is known to be small: each number that is read or written, and each
byte that is kept, is taken from a budget before.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from minicnn.saving.graphs.limits import AXES
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import MADE, Reader
from minicnn.saving.onnx.from_onnx.values import Constant
from minicnn.types import Array

FLOATS = (1, 10, 11, 16)
WHOLE = {2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_}
WHOLE |= {12: np.uint32, 13: np.uint64}
Inputs = list[Constant]


def constant(reader: Reader, operator: Operator) -> None:  # noqa: ARG001
    """A tensor, or numbers, among the attributes."""
    found = operator.attributes
    operator.ignore(*found)
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32),
                        ("value_int", np.int64), ("value_ints", np.int64)):  # fmt: skip
        if name in found:
            reader.put(operator, np.asarray(found[name], dtype))
            return
    if not isinstance(found.get("value"), np.ndarray):
        operator.refuse("has no numbers")
    reader.put(operator, found["value"])


def _sizes(operator: Operator, given: Array) -> tuple[int, ...]:
    """A vector as a shape. Raises ModelFileError for a large one."""
    if given.ndim != 1 or given.size > AXES or given.dtype.kind not in "iu":
        operator.refuse(f"expected a shape of a few axes, received {given.shape}")
    shape = tuple(int(n) for n in given)
    if min(shape, default=0) < 0 or prod(shape) > MADE:
        operator.refuse(f"makes a constant of shape {shape}, of more than {MADE:,} numbers")
    return shape


def _constant_of_shape(operator: Operator, xs: Inputs) -> Any:
    value = operator.attributes.get("value", np.zeros(1, np.float32))
    operator.ignore("value")
    if not isinstance(value, np.ndarray) or value.size != 1:
        operator.refuse("expected its value as one number")
    return np.broadcast_to(value.reshape(-1)[0], _sizes(operator, xs[0]))


def _cast(operator: Operator, xs: Inputs) -> Any:
    kind = operator.get("to", 0)
    operator.ignore("saturate", "round_mode")
    if kind in FLOATS:
        return xs[0].astype(np.float32)
    if kind not in WHOLE:
        operator.refuse(f"makes numbers of type {kind}")
    return xs[0].astype(WHOLE[kind])


def _whole(operator: Operator, name: str, xs: Inputs, place: int) -> Any:
    """Axes and such: of an input, or of an attribute as in older files."""
    operator.ignore(name)
    if place < len(xs) and xs[place] is not None:
        return [int(n) for n in xs[place].reshape(-1)[:64]]
    return operator.attributes.get(name)


def _reshape(operator: Operator, xs: Inputs) -> Any:
    wanted = _whole(operator, "shape", xs, 1) or []
    literal = operator.get("allowzero", 0)
    sizes = [
        xs[0].shape[n] if size == 0 and not literal and n < xs[0].ndim else size
        for n, size in enumerate(wanted)
    ]
    return xs[0].reshape(sizes)


def _squeeze(operator: Operator, xs: Inputs) -> Any:
    axes = _whole(operator, "axes", xs, 1)
    return np.squeeze(xs[0], None if axes is None else tuple(axes))


def _unsqueeze(operator: Operator, xs: Inputs) -> Any:
    return np.expand_dims(xs[0], tuple(_whole(operator, "axes", xs, 1) or ()))


def _slice(operator: Operator, xs: Inputs) -> Any:
    starts, ends = _whole(operator, "starts", xs, 1), _whole(operator, "ends", xs, 2)
    axes = _whole(operator, "axes", xs, 3)
    steps = _whole(operator, "steps", xs, 4) or [1] * len(starts)
    cut = [slice(None)] * xs[0].ndim
    for axis, start, end, step in zip(
        range(len(starts)) if axes is None else axes, starts, ends, steps, strict=True
    ):
        end = None if step < 0 and end < -xs[0].shape[axis] else end
        cut[axis] = slice(start, end, step)
    return xs[0][tuple(cut)]


def _gather(operator: Operator, xs: Inputs) -> Any:
    return np.take(xs[0], xs[1].astype(np.int64), operator.get("axis", 0))


def _concat(operator: Operator, xs: Inputs) -> Any:
    return np.concatenate(xs, operator.get("axis", 0))


def _transpose(operator: Operator, xs: Inputs) -> Any:
    operator.ignore("perm")
    return xs[0].transpose(operator.attributes.get("perm"))


def _expand(operator: Operator, xs: Inputs) -> Any:
    shape = np.broadcast_shapes(xs[0].shape, _sizes(operator, xs[1]))
    return np.broadcast_to(xs[0], shape)


def _divided(a: Array, b: Array) -> Array:
    quotient = np.asarray(a / b)
    return quotient if a.dtype.kind == "f" else np.trunc(quotient, out=quotient).astype(a.dtype)


def _binary(function: Callable[[Array, Array], Any]) -> Any:
    def computed(operator: Operator, xs: Inputs) -> Any:
        operator.ignore("axis", "broadcast")
        return function(*xs)

    return computed


def _unary(function: Callable[[Array], Any]) -> Any:
    def computed(operator: Operator, xs: Inputs) -> Any:  # noqa: ARG001
        return function(xs[0])

    return computed


def _shape(operator: Operator, xs: Inputs) -> Any:
    operator.ignore("start", "end")
    start, end = operator.get("start", 0), operator.get("end", xs[0].ndim)
    return np.asarray(xs[0].shape[start:end], np.int64)


def _dequantized(operator: Operator, xs: Inputs) -> Any:
    """(q - zero) * scale, along an axis: weights that were kept in 8 bits."""
    axis = operator.get("axis", 1)
    scale, zero = xs[1], xs[2] if len(xs) > 2 else np.zeros_like(xs[1])
    if (
        scale.ndim > 1
        or zero.shape != scale.shape
        or scale.ndim == 1
        and scale.size not in (1, xs[0].shape[axis])
    ):
        operator.refuse(f"expected a scale for each of an axis, received {scale.shape}")
    if scale.ndim == 1:
        shape = [1] * xs[0].ndim
        shape[axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return (xs[0].astype(np.float32) - zero.astype(np.float32)) * scale


FOLDED: dict[str, Callable[[Operator, Inputs], Any]] = {
    "ConstantOfShape": _constant_of_shape,
    "Cast": _cast,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Gather": _gather,
    "Concat": _concat,
    "Transpose": _transpose,
    "Expand": _expand,
    "Identity": _unary(lambda x: x),
    "Shape": _shape,
    "Size": _unary(lambda x: np.asarray(x.size, np.int64)),
    "Neg": _unary(np.negative),
    "Sqrt": _unary(np.sqrt),
    "Reciprocal": _unary(lambda x: 1 / x),
    "Exp": _unary(np.exp),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divided),
    "Pow": _binary(np.power),
    "DequantizeLinear": _dequantized,
}


def _made(operator: Operator, xs: Inputs) -> tuple[int, int]:
    """How many numbers a node is going to make, and of how many bytes each."""
    kind, first = operator.kind, xs[0]
    if kind == "ConstantOfShape":
        return prod(_sizes(operator, first)), 4
    if kind == "Expand":
        return prod(np.broadcast_shapes(first.shape, _sizes(operator, xs[1]))), first.itemsize
    if kind == "Gather":
        along = first.shape[operator.get("axis", 0)]
        return first.size // max(along, 1) * xs[1].size, first.itemsize
    if kind == "Concat":
        return sum(x.size for x in xs), max(x.itemsize for x in xs)
    if kind in ("Add", "Sub", "Mul", "Div", "Pow"):
        return prod(np.broadcast_shapes(*(x.shape for x in xs))), max(x.itemsize for x in xs)
    if kind == "Cast":
        return first.size, np.dtype(WHOLE.get(operator.get("to", 0), np.float32)).itemsize
    return first.size, first.itemsize


def fold(reader: Reader, operator: Operator) -> None:
    """Put what a node of constants alone makes. Raises ModelFileError for one that is not known."""
    function = FOLDED.get(operator.kind)
    if function is None:
        operator.refuse("has constants as its inputs alone, and is not computed")
    xs: Any = [reader.values[name] if name else None for name in operator.inputs]
    while xs and xs[-1] is None:
        xs.pop()
    if not xs or xs[0] is None:
        operator.refuse("has no inputs")
    read = [x.size for x in xs if x is not None]
    size, width = _made(operator, xs)
    if size > max(MADE, *read):
        operator.refuse(f"makes a constant of {size:,} numbers, expected at most {MADE:,}")
    reader.work.take(sum(read) + size + 1)
    reader.kept.take(size * max(width, 4))
    result = np.asarray(function(operator, xs))
    if result.ndim > AXES:
        operator.refuse(f"makes a constant of shape {result.shape}, expected at most {AXES} axes")
    if result.dtype == np.float64:
        result = result.astype(np.float32)
    reader.put(operator, result)
