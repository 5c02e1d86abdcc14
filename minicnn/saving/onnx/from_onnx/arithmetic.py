"""What joins values, and arithmetic with constants."""

from functools import reduce
from math import inf
from typing import Any

import numpy as np

from minicnn.saving.onnx.from_onnx.activations import clipped, gated
from minicnn.saving.onnx.from_onnx.affine import (
    aligned,
    applied,
    coefficients,
    constant_side,
    following,
)
from minicnn.saving.onnx.from_onnx.layouts import axis_of, lying, plain
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.values import Value


def _together(reader: Reader, operator: Operator, xs: list[Value]) -> list[Value]:
    """Values with their axes in one order. Raises ModelFileError for different numbers of axes."""
    if len({x.rank for x in xs}) > 1 or len({x.batch for x in xs}) > 1:
        operator.refuse(
            "joins values with different numbers of axes, "
            f"{' and '.join(str(x.rank) for x in xs)}, expected as many"
        )
    if all(x.maps == xs[0].maps and x.dims == xs[0].dims for x in xs):
        return xs if xs[0].maps is not None else _in_order(reader, operator, xs)
    return _in_order(reader, operator, [plain(reader, operator, x) for x in xs])


def _in_order(reader: Reader, operator: Operator, xs: list[Value]) -> list[Value]:
    largest = max(xs, key=lambda x: int(np.prod(x.dims[1:], dtype=np.float64)))
    return [lying(reader, operator, x, largest.perm) for x in xs]


def _joined(kind: str) -> Any:
    """A layer of several inputs."""

    def function(reader: Reader, operator: Operator) -> None:
        places = range(len(operator.inputs))
        if len(places) == 1:
            reader.put(operator, reader.value(operator))
            return
        xs = _together(reader, operator, [reader.value(operator, n) for n in places])
        reader.put(operator, merged(reader, operator, kind, xs))

    return function


def merged(reader: Reader, operator: Operator, kind: str, xs: list[Value]) -> Value:
    """Values in one order, joined number by number."""
    dims = np.broadcast_shapes(*(x.dims for x in xs))
    tensor = reader.layer(kind, operator, [x.tensor for x in xs])
    positive = kind != "Subtract" and all(x.positive for x in xs)
    return xs[0].like(tensor, dims=tuple(int(n) for n in dims), positive=positive)


def arithmetic(reader: Reader, operator: Operator) -> None:
    """Add, Sub, Mul, Div: of two values, or of one and constants, with all such nodes behind."""
    operator.ignore("axis", "broadcast")
    side = constant_side(reader, operator)
    if side is None:
        kind = {"Add": "Add", "Sub": "Subtract", "Mul": "Multiply"}.get(operator.kind)
        if kind is None:
            operator.refuse("divides by what depends on the network's inputs")
        xs = [reader.value(operator, n) for n in (0, 1)]
        for x, gate in (xs, xs[::-1]):
            name = gated(x.tensor, gate.tensor) if kind == "Multiply" else None
            if name is not None and x.perm == gate.perm:
                tensor = reader.layer("Activation", operator, x.tensor, activation=name)
                reader.put(operator, x.like(tensor))
                return
        reader.put(operator, merged(reader, operator, kind, _together(reader, operator, xs)))
        return
    place, c = side
    x = reader.value(operator, 1 - place)
    found = coefficients(operator, place, c)
    if found is None:
        operator.refuse("divides by what depends on the network's inputs")
    parts = [aligned(part, x.dims) for part in found]
    scale, shift = parts
    if scale is None or shift is None:
        operator.refuse(f"has a constant of {c.shape} for a value of {x.dims}")
    sizes = zip(scale.shape, shift.shape, strict=True)
    wide = [axis for axis, both in enumerate(sizes) if max(both) > 1]
    name = operator.outputs[0]
    axis = wide[0] if wide else x.perm[-1]
    if len(wide) < 2 and axis != x.batch and (more := following(reader, name, x.dims, axis)):
        shape = [-1 if n == axis else 1 for n in range(x.rank)]
        a, b, name = more[0].reshape(shape), more[1].reshape(shape), more[2]
        scale, shift = _short(scale * a), _short(shift * a + b)
    reader.keep(name, applied(reader, operator, x, scale, shift))


def _short(numbers: np.ndarray) -> np.ndarray:
    """One number in the place of many that are equal."""
    first = numbers.reshape(-1)[:1]
    return first.reshape((1,) * numbers.ndim) if (numbers == first).all() else numbers


def _extreme(kind: str) -> Any:
    """Max, Min: of values, or of one and a number."""

    def function(reader: Reader, operator: Operator) -> None:
        found = [reader.known(operator, n) for n in range(len(operator.inputs))]
        xs = [one for one in found if isinstance(one, Value)]
        constants = [one for one in found if isinstance(one, np.ndarray)]
        if any(one.size != 1 or one.dtype.kind != "f" for one in constants):
            operator.refuse("compares with constants of several numbers, expected one")
        x = (
            xs[0]
            if len(xs) == 1
            else merged(reader, operator, kind, _together(reader, operator, xs))
        )
        if constants:
            pick = max if kind == "Maximum" else min
            limit = float(reduce(pick, (one.reshape(-1)[0] for one in constants)))
            limits = (limit, inf) if kind == "Maximum" else (-inf, limit)
            x = clipped(reader, operator, x, *limits)
        reader.put(operator, x)

    return function


def power(reader: Reader, operator: Operator) -> None:
    """A square, as a product."""
    x = reader.value(operator)
    exponent = reader.constant(operator, 1, "exponent")
    if exponent.size != 1 or float(exponent.reshape(-1)[0]) not in (1, 2):
        operator.refuse("expected an exponent of 2")
    if float(exponent.reshape(-1)[0]) == 1:
        reader.put(operator, x)
        return
    tensor = reader.layer("Multiply", operator, [x.tensor, x.tensor])
    reader.put(operator, x.like(tensor, positive=True))


def negative(reader: Reader, operator: Operator) -> None:
    """-x."""
    x = reader.value(operator)
    reader.put(operator, x.like(reader.layer("Rescaling", operator, x.tensor, scale=-1.0)))


def concat(reader: Reader, operator: Operator) -> None:
    """Concatenate."""
    xs = [reader.value(operator, n) for n in range(len(operator.inputs))]
    if len(xs) == 1:
        operator.ignore("axis")
        reader.put(operator, xs[0])
        return
    axis = axis_of(xs[0], operator.get("axis", 1), operator)
    xs = [plain(reader, operator, x) for x in xs]
    if any(x.rank != xs[0].rank or x.batch != xs[0].batch for x in xs) or axis == xs[0].batch:
        operator.refuse("joins values along their samples, or with different numbers of axes")
    xs = _in_order(reader, operator, xs)
    tensor = reader.layer(
        "Concatenate", operator, [x.tensor for x in xs], axis=_counted(xs[0], axis)
    )
    total = sum(x.dims[axis] for x in xs)
    dims = tuple(total if n == axis else size for n, size in enumerate(xs[0].dims))
    positive = all(x.positive for x in xs)
    reader.put(operator, xs[0].like(tensor, dims=dims, positive=positive))


def _counted(x: Value, axis: int) -> int:
    place = x.place(axis)
    return -1 if place == len(x.perm) - 1 else place


ARITHMETIC: dict[str, Any] = {
    "Add": arithmetic,
    "Sub": arithmetic,
    "Mul": arithmetic,
    "Div": arithmetic,
    "Sum": _joined("Add"),
    "Mean": _joined("Average"),
    "Max": _extreme("Maximum"),
    "Min": _extreme("Minimum"),
    "Pow": power,
    "Neg": negative,
    "Concat": concat,
}
