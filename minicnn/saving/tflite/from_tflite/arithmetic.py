"""Arithmetic: of two values, a layer that merges them; of a value and constants, y = a x + b for
all numbers or for each channel.
"""

from typing import Any

import numpy as np

from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.types import Array

MERGES = {
    "ADD": "Add",
    "SUB": "Subtract",
    "MUL": "Multiply",
    "MAXIMUM": "Maximum",
    "MINIMUM": "Minimum",
}
AFFINE = ("ADD", "SUB", "MUL", "DIV")


def _sides(reader: Reader, operator: Operator) -> tuple[list[Any], list[int]]:
    """Both inputs, and the places of those that are constants."""
    if len(operator.inputs) != 2:
        operator.refuse(f"expected two inputs, received {len(operator.inputs)}")
    given = [reader.known(operator, place) for place in (0, 1)]
    if any(one is None for one in given):
        operator.refuse("has an input left out")
    return given, [place for place, one in enumerate(given) if isinstance(one, np.ndarray)]


def arithmetic(reader: Reader, operator: Operator) -> Node:
    """Add and the like of two values; with constants, a x + b, which further constants join."""
    given, constants = _sides(reader, operator)
    if constants:
        x = given[1 - constants[0]]
        a, b = _coefficients(operator, constants[0], given[constants[0]])
        if operator.activation is None:
            a, b = _following(reader, operator, x, a, b)
        y = affine(reader, operator, x, a, b)
    elif operator.kind in MERGES:
        y = reader.layer(MERGES[operator.kind], operator, given)
    else:
        operator.refuse("cannot be read: no layer divides one by the other")
    return reader.activated(operator, y, operator.activation)


def _coefficients(operator: Operator, place: int, c: Array) -> tuple[Array, Array]:
    """a and b of a x + b, in double precision."""
    c = c.astype(np.float64)
    one, zero = np.ones_like(c), np.zeros_like(c)
    if operator.kind == "ADD":
        return one, c
    if operator.kind == "MUL":
        return c, zero
    if operator.kind == "SUB":
        return (one, -c) if place == 1 else (-one, c)
    if place == 0:
        operator.refuse("cannot be read: no layer divides by what it takes")
    with np.errstate(divide="ignore"):
        return 1 / c, zero


def _following(
    reader: Reader, operator: Operator, x: Node, a: Array, b: Array
) -> tuple[Array, Array]:
    """The same with what the next operator does, and the next, where they are alone with that, and
    what comes of it is written down for the last of them.
    """
    last = operator
    while (user := reader.only_user(last.outputs[0])) is not None:
        if user.kind not in AFFINE or len(user.inputs) != 2 or last.activation is not None:
            break
        place = 1 - user.inputs.index(last.outputs[0])
        c = reader.values.get(user.inputs[place])
        if not isinstance(c, np.ndarray) or (user.kind == "DIV" and place == 0):
            break
        if not _is_aligned(x, c):
            break
        more, shift = _coefficients(user, place, c)
        a, b = a * more, b * more + shift
        reader.done.add(id(user))
        last = user
    if last is not operator:
        operator.outputs, operator.options = last.outputs, last.options
    return a, b


def _is_aligned(x: Node, c: Array) -> bool:
    """Whether x stays as large with a constant, which is the same for all samples."""
    shape = (1, *x.sample_shape)
    if c.ndim > len(shape):
        return False
    try:
        return np.broadcast_shapes(shape, c.shape) == shape
    except ValueError:
        return False


def affine(reader: Reader, operator: Operator, x: Node, a: Array, b: Array) -> Node:
    """A layer for a x + b: Rescaling for numbers that are the same everywhere, and else a
    BatchNormalization of the channels, or of all numbers, that is frozen: nothing moves it but
    whoever thaws it.
    """
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        operator.refuse("expected finite numbers")
    if not (_is_aligned(x, a) and _is_aligned(x, b)):
        operator.refuse(f"has constants of {a.shape} and {b.shape} for {x.shape}")
    if a.size == b.size == 1:
        scale, offset = float(a.reshape(-1)[0]), float(b.reshape(-1)[0])
        return reader.layer("Rescaling", operator, x, scale=scale, offset=offset)
    shape = x.sample_shape
    by_channel = all(part.ndim == 0 or part.size == part.shape[-1] for part in (a, b))
    if by_channel:
        return _scaled(reader, operator, x, a.reshape(-1), b.reshape(-1))
    reader.room.take(2 * int(np.prod(shape)))
    parts = [np.broadcast_to(part, (1, *shape)).reshape(-1) for part in (a, b)]
    flat = reader.layer("Flatten", operator, x)
    y = _scaled(reader, operator, flat, *parts)
    return reader.layer("Reshape", operator, y, target_shape=shape)


def _scaled(reader: Reader, operator: Operator, x: Node, a: Array, b: Array) -> Node:
    channels = x.sample_shape[-1]
    a, b = (np.broadcast_to(part, channels).astype(np.float32) for part in (a, b))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        operator.refuse("expected numbers that float32 has")
    weights: dict[str, Array] = {
        "gamma": a,
        "beta": b,
        "moving_mean": np.zeros(channels),
        "moving_variance": np.ones(channels),
    }
    return reader.layer("BatchNormalization", operator, x, weights, epsilon=0.0, trainable=False)


def extreme(reader: Reader, operator: Operator) -> Node:
    """Maximum, Minimum; of a value and a number c, max(x - c, 0) + c or c - max(c - x, 0)."""
    given, constants = _sides(reader, operator)
    if not constants:
        return reader.layer(MERGES[operator.kind], operator, given)
    x, c = given[1 - constants[0]], given[constants[0]]
    if c.size != 1 or not np.isfinite(c).all():
        operator.refuse("expected one finite number")
    limit = float(c.reshape(-1)[0])
    sign = 1.0 if operator.kind == "MAXIMUM" else -1.0
    if (sign, limit) == (1, 0):
        return reader.layer("ReLU", operator, x)
    y = reader.layer("Rescaling", operator, x, scale=sign, offset=-sign * limit)
    y = reader.layer("ReLU", operator, y)
    return reader.layer("Rescaling", operator, y, scale=sign, offset=limit)


def negative(reader: Reader, operator: Operator) -> Node:
    """Rescaling by -1."""
    return reader.layer("Rescaling", operator, reader.value(operator), scale=-1.0)


def square(reader: Reader, operator: Operator) -> Node:
    """x x."""
    x = reader.value(operator)
    return reader.layer("Multiply", operator, [x, x])


def absolute(reader: Reader, operator: Operator) -> Node:
    """max(x, -x)."""
    x = reader.value(operator)
    return reader.layer("Maximum", operator, [x, negative(reader, operator)])


def concatenation(reader: Reader, operator: Operator) -> Node:
    """Concatenate."""
    options = operator.expect_options("ConcatenationOptions")
    given = [reader.value(operator, place) for place in range(len(operator.inputs))]
    axis = options.get("axis", 0)
    rank = given[0].ndim if given else 0
    if not -rank <= axis < rank or axis % rank == 0:
        operator.refuse(f"joins along axis {axis} of {rank}, expected one of a sample's")
    if len(given) == 1:
        y = given[0]
    else:
        y = reader.layer("Concatenate", operator, given, axis=axis % rank)
    return reader.activated(operator, y, operator.activation)


ARITHMETIC: dict[str, Any] = {
    **dict.fromkeys(AFFINE, arithmetic),
    "MAXIMUM": extreme,
    "MINIMUM": extreme,
    "NEG": negative,
    "SQUARE": square,
    "ABS": absolute,
    "CONCATENATION": concatenation,
}
