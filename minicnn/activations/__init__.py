"""Keras' activation functions, of arrays and of symbolic tensors.

`activations.silu(x)` is what `layers.Activation("silu")(x)` is, and layers take the function in the
place of the name: `Dense(10, activation=activations.silu)`. Of an array, of any shape, comes an
array, float64 for float64 and else float32.
"""

from collections.abc import Callable
from typing import Any

from minicnn.activations.open_ended import (
    exponential,
    hard_shrink,
    linear,
    log_sigmoid,
    log_softmax,
    soft_shrink,
    tanh_shrink,
)
from minicnn.activations.rectifiers import (
    celu,
    elu,
    gelu,
    hard_silu,
    hard_swish,
    leaky_relu,
    mish,
    relu,
    relu6,
    selu,
    silu,
    softplus,
    sparse_plus,
    squareplus,
    swish,
)
from minicnn.activations.squashing import (
    hard_sigmoid,
    hard_tanh,
    sigmoid,
    softmax,
    softsign,
    sparse_sigmoid,
    tanh,
)
from minicnn.layers.activation import named
from minicnn.names import known_arguments, missing_from

__all__ = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
]

__getattr__ = missing_from(__name__, "activations", __all__)

NAMES: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        celu,
        elu,
        exponential,
        gelu,
        hard_shrink,
        hard_sigmoid,
        hard_silu,
        hard_tanh,
        leaky_relu,
        linear,
        log_sigmoid,
        log_softmax,
        mish,
        relu,
        relu6,
        selu,
        sigmoid,
        silu,
        soft_shrink,
        softmax,
        softplus,
        softsign,
        sparse_plus,
        sparse_sigmoid,
        squareplus,
        tanh,
        tanh_shrink,
    )
} | {"swish": silu, "hard_swish": hard_silu}


@known_arguments
def get(identifier: Any) -> Callable[..., Any]:
    """The function of that name, of None linear; functions of this module and layers are returned
    as they are.

    Raises ValueError for anything else, with what to do instead.

    >>> activations.get("tanh")([0.0])
    array([0.])
    """
    kept = named("linear" if identifier is None else identifier, "activations.get")
    return NAMES[kept] if isinstance(kept, str) else identifier


@known_arguments
def serialize(activation: Any) -> str | dict | None:
    """What files have in the place of an activation: its name, or a layer's class and arguments.

    >>> activations.serialize(activations.swish)
    'silu'
    """
    return named(activation, "activations.serialize")
