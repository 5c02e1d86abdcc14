"""The table of planted mistakes, how layers with one are drawn, and what they are written with."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from gradient_cases import Pen

from minicnn.layers.base import Layer


@dataclass
class Row:
    mistake: str  # its name
    tensor: str  # that is wrong
    make: Callable[[Pen], tuple[Layer, Any]]


PLANTED: dict[str, Row] = {}


def planted(mistake: str, tensor: str, make: Callable) -> Callable:
    """Put a subclass into the table; make(cls, pen) draws a layer and a sample shape."""

    def put(cls: type) -> type:
        PLANTED[cls.__name__] = Row(mistake, tensor, lambda pen: make(cls, pen))
        return cls

    return put


# How layers are drawn: large enough that a mistake can be seen


def conv(cls: type, pen: Pen, **fixed: Any) -> tuple:
    options: dict[str, Any] = {
        "kernel_size": pen.pair(2, 3),
        "strides": pen.pair(1, 2),
        "padding": pen.pick(("valid", "same")),
        "activation": pen.pick((None, None, "gelu", "tanh")),
    }
    layer = cls(pen.integer(2, 4), **(options | fixed))
    return layer, (pen.integer(5, 7), pen.integer(5, 7), pen.integer(2, 4))


def drawn_conv(**fixed: Any) -> Callable:
    return lambda cls, pen: conv(cls, pen, **fixed)


def dense(cls: type, pen: Pen, **fixed: Any) -> tuple:
    options = {"activation": pen.pick((None, None, "tanh", "gelu"))} | fixed
    return cls(pen.integer(2, 5), **options), (pen.integer(2, 5),)


def square_dense(cls: type, pen: Pen) -> tuple:
    n = pen.integer(2, 5)
    return cls(n, activation=pen.pick((None, "tanh"))), (n,)


def norm(cls: type, pen: Pen) -> tuple:
    return cls(epsilon=pen.number(0.01, 0.3)), (*pen.pair(2, 4), pen.integer(2, 4))


def layer_norm(cls: type, pen: Pen) -> tuple:
    return cls(epsilon=pen.number(0.01, 0.3)), (*pen.pair(2, 4), pen.integer(3, 5))


def group_norm(cls: type, pen: Pen) -> tuple:
    groups = pen.integer(2, 3)
    layer = cls(groups, epsilon=pen.number(0.01, 0.3))
    return layer, (*pen.pair(2, 3), 2 * groups)


def plain(cls: type, pen: Pen) -> tuple:
    return cls(), (pen.integer(2, 4), pen.integer(2, 4), pen.integer(2, 3))


def dropout(cls: type, pen: Pen) -> tuple:
    return cls(pen.number(0.2, 0.7)), (*pen.pair(2, 4), pen.integer(2, 3))


def vectors(cls: type, pen: Pen) -> tuple:
    return cls(), (pen.integer(3, 6),)


def pool(cls: type, pen: Pen, **fixed: Any) -> tuple:
    options = {"pool_size": (2, 2), "strides": None, "padding": "valid"} | fixed
    return cls(**options), (pen.integer(4, 6), pen.integer(4, 6), pen.integer(1, 3))


def drawn_pool(**fixed: Any) -> Callable:
    return lambda cls, pen: pool(cls, pen, **fixed)


def three(cls: type, pen: Pen) -> tuple:
    return cls(), [(*pen.pair(2, 4),)] * 3


def two(cls: type, pen: Pen) -> tuple:
    return cls(), [(*pen.pair(2, 4),)] * 2


# How mistakes are written


@contextmanager
def set_to(layer: Layer, **values: Any):
    """Other attributes for a while."""
    kept = {name: vars(layer)[name] for name in values}
    vars(layer).update(values)
    try:
        yield
    finally:
        vars(layer).update(kept)


@contextmanager
def other_kernel(layer: Layer, kernel: np.ndarray):
    kept = layer.params["kernel"].copy()
    layer.params["kernel"][...] = kernel
    try:
        yield
    finally:
        layer.params["kernel"][...] = kept


def inner_dy(layer: Layer, dy: np.ndarray) -> np.ndarray:
    """dy before the layer's activation, whose cache stays for its own backward."""
    activation = layer.activation_layer
    if activation is None:
        return dy
    cache = activation._cache
    try:
        return activation.backward(dy)
    finally:
        activation._cache = cache
