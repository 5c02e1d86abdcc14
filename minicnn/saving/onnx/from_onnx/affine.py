"""y = a x + b with constants: what a convolution, a product or a normalisation before takes into
its own weights, and otherwise a layer of its own.
"""

from math import prod

import numpy as np

from minicnn.layers import Normalization, Rescaling
from minicnn.layers.input import InputLayer
from minicnn.layers.node import Node
from minicnn.saving.onnx.from_onnx.layouts import plain, with_last
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader, finite
from minicnn.saving.onnx.from_onnx.values import Constant, Value
from minicnn.types import Array, Shape

CHANNELS = 4096  # at most, of pictures that are normalised when they come in
ARITHMETIC = ("Add", "Sub", "Mul", "Div")


def constant_side(reader: Reader, operator: Operator) -> tuple[int, Constant] | None:
    """Which input of an arithmetic operator is a constant, and that, which is going to be read."""
    if operator.kind not in ARITHMETIC or len(operator.inputs) != 2:
        return None
    known = [reader.values.get(name) for name in operator.inputs]
    for place, found in enumerate(known):
        if isinstance(found, np.ndarray) and found.dtype.kind == "f":
            reader.work.take(found.size)
            return place, found
    return None


def coefficients(operator: Operator, place: int, c: Array) -> tuple[Array, Array] | None:
    """a and b of a x + b, in double precision; None for c / x. Either may be a single number, with
    axes of 1.
    """
    c = c.astype(np.float64)
    one, zero = np.ones((1,) * c.ndim), np.zeros((1,) * c.ndim)
    if operator.kind == "Add":
        return one, c
    if operator.kind == "Mul":
        return c, zero
    if operator.kind == "Sub":
        return (one, -c) if place == 1 else (-one, c)
    if place == 0:
        return None
    return 1 / c, zero


def aligned(c: Constant, dims: Shape) -> Array | None:
    """A constant with as many axes as dims, when x of these dims stays as large with it."""
    while c.ndim > len(dims) and c.shape[0] == 1:
        c = c[0]
    if c.ndim > len(dims):
        return None
    c = c.reshape((1,) * (len(dims) - c.ndim) + c.shape)
    fits = all(n in (1, m) for n, m in zip(c.shape, dims, strict=True))
    return c if fits else None


def following(reader: Reader, name: str, dims: Shape, axis: int) -> tuple[Array, Array, str] | None:
    """What arithmetic with numbers for each channel, or all of them, does to a value that nobody
    else reads: a and b, (C,) or (1,), and the name of the result. These nodes are done then.
    """
    scale, shift = np.ones(1), np.zeros(1)  # an axis may be long where no constant is
    start = name
    while (user := reader.only_user(name)) is not None:
        side = constant_side(reader, user)
        if side is None:
            break
        found = coefficients(user, *side)
        parts = None if found is None else [aligned(part, dims) for part in found]
        if parts is None or any(part is None for part in parts):
            break
        a, b = (part for part in parts if part is not None)
        if any(n != 1 for c in (a, b) for place, n in enumerate(c.shape) if place != axis):
            break
        a, b = a.reshape(-1), b.reshape(-1)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            break
        scale, shift = scale * a, shift * a + b
        reader.done.add(id(user))
        name = user.outputs[0]
    return None if name == start else (scale, shift, name)


def applied(reader: Reader, operator: Operator, x: Value, scale: Array, shift: Array) -> Value:
    """A layer for a x + b. scale and shift broadcast with x, and have as many axes."""
    finite(scale, operator, "numbers"), finite(shift, operator, "numbers")
    wide = [axis for axis in range(x.rank) if max(scale.shape[axis], shift.shape[axis]) > 1]
    if x.batch in wide:
        operator.refuse("has other numbers for each sample")
    if not wide:
        a, b = float(scale.reshape(-1)[0]), float(shift.reshape(-1)[0])
        if (a, b) == (1, 0):
            return x
        return x.like(reader.layer("Rescaling", operator, x.tensor, scale=a, offset=b))
    if len(wide) > 1:
        return _number_by_number(reader, operator, x, scale, shift)
    axis = wide[0]
    if x.maps is None:
        x = with_last(reader, operator, x, axis)
    size = x.dims[axis]
    parts = [np.broadcast_to(part.reshape(-1), size) for part in (scale, shift)]
    if x.maps is not None:
        order = reader.order(x)
        parts = [part[order] for part in parts]
    return x.like(_of_channels(reader, operator, x.tensor, *parts))


def _of_channels(reader: Reader, operator: Operator, x: Node, a: Array, b: Array) -> Node:
    """Normalization of what comes in; elsewhere a frozen BatchNormalization, which nothing moves
    but whoever thaws it.
    """
    if _comes_in(x) and len(a) <= CHANNELS and ((a > 1e-6) & (a < 1e6)).all():
        mean, variance = (-b / a).tolist(), (1 / a**2).tolist()
        return reader.layer(
            "Normalization",
            operator,
            x,
            {"mean": np.asarray(mean), "variance": np.asarray(variance)},
            mean=mean,
            variance=variance,
        )
    zeros, ones = (np.broadcast_to(np.float32(n), a.shape) for n in (0, 1))
    weights = {"gamma": a, "beta": b, "moving_mean": zeros, "moving_variance": ones}
    return reader.layer("BatchNormalization", operator, x, weights, epsilon=0.0, trainable=False)


def _comes_in(x: Node) -> bool:
    """Whether it is an input, shifted and scaled at most."""
    while isinstance(x.layer, Rescaling | Normalization):
        x = x.inputs[0]
    return isinstance(x.layer, InputLayer)


def _number_by_number(
    reader: Reader, operator: Operator, x: Value, scale: Array, shift: Array
) -> Value:
    """Each number of a sample by its own: of vectors, as which samples are laid out."""
    x = plain(reader, operator, x)
    shape = x.tensor.sample_shape
    reader.room.take(2 * prod(shape))
    ones = tuple(1 if axis == x.batch else n for axis, n in enumerate(x.dims))
    parts = [np.broadcast_to(part, ones).transpose(x.perm) for part in (scale, shift)]
    flat = reader.layer("Flatten", operator, x.tensor)
    made = _of_channels(reader, operator, flat, *(part.reshape(-1) for part in parts))
    return x.like(reader.layer("Reshape", operator, made, target_shape=shape))
