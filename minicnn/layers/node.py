"""Symbolic tensors: what layers are joined by before there are any numbers."""

import typing
from collections.abc import Sequence
from itertools import count
from typing import Any, Never, Protocol

import numpy as np

from minicnn.errors import no_attribute
from minicnn.types import Shape

# by sign: what x + y and the like make, which layers/arithmetic.py says, that knows the layers
operators: dict[str, typing.Callable[["Node", Any], Any]] = {}
made = count()  # what can be called is numbered as it is made


class Callable(Protocol):
    """What can be called on symbolic tensors: a layer, or a model as a layer."""

    name: str
    _nodes: "list[Node]"


class Node:
    """One call of a layer, and the symbolic tensor that comes out of it: it has a shape, and no
    numbers yet.

        inputs = Input((32, 32, 3))                  a node without inputs
        x = layers.Conv2D(16, 3)(inputs)             a node whose input is that one
        model = Model(inputs, x)

    Args:
        layer: what is called.
        inputs: on which nodes.
        sample_shape: of one sample of its output.
        dtype: of its numbers.
        training: True or False where the call fixes it, as in `base(x, training=False)`; None takes
            the model's.
        call: the first of the nodes of the same call, where a model with several outputs is called.
        index: the number of this output among them.
    """

    def __init__(
        self,
        layer: Any,
        inputs: Sequence["Node"],
        sample_shape: Shape,
        dtype: np.dtype,
        *,
        training: bool | None = None,
        call: "Node | None" = None,
        index: int = 0,
    ):
        self.layer, self.inputs, self.sample_shape, self.dtype = (
            layer,
            tuple(inputs),
            sample_shape,
            dtype,
        )
        self.training, self.call, self.index = training, self if call is None else call, index
        layer._nodes.append(self)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, H, W, C): with the batch axis, which is open."""
        return (None, *self.sample_shape)

    @property
    def ndim(self) -> int:
        return 1 + len(self.sample_shape)

    @property
    def name(self) -> str:
        """The layer's."""
        return self.layer.name

    def __repr__(self) -> str:
        return f"<Node of {self.layer}: {self.shape}>"

    def _no_numbers(self, *_: Any, **__: Any) -> Never:
        raise TypeError(
            f"{self!r} is symbolic and has no numbers: call layers on it, such as Add()([a, b]), "
            "and make a Model, which computes numbers from arrays"
        )

    __array__ = __getitem__ = __iter__ = __len__ = __float__ = __bool__ = _no_numbers
    __matmul__ = __pow__ = __rtruediv__ = _no_numbers

    __array_ufunc__ = None  # so that NumPy leaves array * x to x

    def __add__(self, other: Any) -> "Node":
        """Add()([x, y]), or Rescaling(1, y)(x) of a number."""
        return operators["+"](self, other)

    def __sub__(self, other: Any) -> "Node":
        """Subtract()([x, y]), or Rescaling(1, -y)(x)."""
        return operators["-"](self, other)

    def __rsub__(self, other: Any) -> "Node":
        """Rescaling(-1, y)(x)."""
        return operators["r-"](self, other)

    def __mul__(self, other: Any) -> "Node":
        """Multiply()([x, y]), or Rescaling(y)(x)."""
        return operators["*"](self, other)

    def __truediv__(self, other: Any) -> "Node":
        """Rescaling(1 / y)(x)."""
        return operators["/"](self, other)

    def __neg__(self) -> "Node":
        """Rescaling(-1)(x)."""
        return operators["*"](self, -1)

    __radd__, __rmul__ = __add__, __mul__


def is_symbolic(x: Any) -> bool:
    """Whether x is a node, or a list of nodes (or of which some are)."""
    if isinstance(x, list | tuple):
        return any(isinstance(part, Node) for part in x)
    return isinstance(x, Node)


def nodes(x: Any, who: str) -> list[Node]:
    """The nodes of a call's argument. Raises TypeError when there are others among them."""
    parts = list(x) if isinstance(x, list | tuple) else [x]
    for part in parts:
        if not isinstance(part, Node):
            raise TypeError(
                f"{who} expected symbolic tensors alone, received {part!r:.80} beside one: an "
                "array is no part of a network, it comes in at an Input"
            )
    return parts


def first_call(layer: Callable, what: str) -> Node:
    """The node of a layer's first call. Raises AttributeError, as in Keras, when there is none."""
    if not layer._nodes:
        raise no_attribute(
            f"{layer} has no {what} yet: call it on a symbolic tensor, layer(Input((32, 32, 3))), "
            "or build its model"
        )
    return layer._nodes[0]
