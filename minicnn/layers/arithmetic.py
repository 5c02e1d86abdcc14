"""Arithmetic of symbolic tensors, by layers: x + y is Add()([x, y]), x * 2 is Rescaling(2)(x)."""

from typing import Any

import numpy as np

from minicnn.layers.merging import Add, Multiply, Subtract
from minicnn.layers.node import Node, operators
from minicnn.layers.rescaling import Rescaling


def is_number(value: Any) -> bool:
    """Whether value is one real number, Python's or NumPy's."""
    if isinstance(value, np.ndarray):
        return value.shape == () and value.dtype.kind in "iuf"
    is_real = isinstance(value, int | float | np.integer | np.floating)
    return is_real and not isinstance(value, bool)


def plus(x: Node, y: Any) -> Any:
    """x + y."""
    return Rescaling(1.0, float(y))(x) if is_number(y) else Add()([x, tensor(y, "+")])


def minus(x: Node, y: Any) -> Any:
    """x - y."""
    return Rescaling(1.0, -float(y))(x) if is_number(y) else Subtract()([x, tensor(y, "-")])


def minus_from(x: Node, y: Any) -> Any:
    """y - x."""
    return Rescaling(-1.0, float(y))(x) if is_number(y) else Subtract()([tensor(y, "-"), x])


def times(x: Node, y: Any) -> Any:
    """x * y."""
    return Rescaling(float(y))(x) if is_number(y) else Multiply()([x, tensor(y, "*")])


def over(x: Node, y: Any) -> Any:
    """x / y, for a number y that is not 0."""
    if is_number(y) and y != 0:
        return Rescaling(1 / float(y))(x)
    raise TypeError(
        f"{x!r} can be divided by a number that is not 0, received {y!r:.80}: no layer divides "
        "tensors"
    )


def tensor(y: Any, sign: str) -> Node:
    """y itself. Raises TypeError for what is no symbolic tensor."""
    if isinstance(y, Node):
        return y
    raise TypeError(
        f"a symbolic tensor {sign} y expected y as another one, as in Add()([x, y]), or as a "
        f"number, as in Rescaling(1 / 255)(x), received {type(y).__name__} {y!r:.60}"
    )


operators.update({"+": plus, "-": minus, "r-": minus_from, "*": times, "/": over})
