from collections.abc import Callable
from functools import partial
from typing import Unpack

from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.elementwise import FUNCTIONS, Elementwise
from minicnn.layers.elu import ELU
from minicnn.layers.gelu import GELU
from minicnn.layers.leaky_relu import LeakyReLU
from minicnn.layers.log_softmax import LogSoftmax
from minicnn.layers.relu import ReLU
from minicnn.layers.softmax import Softmax
from minicnn.names import instead
from minicnn.types import Array

NAMES: dict[str, Callable[[], Layer]] = {
    "relu": ReLU,
    "relu6": lambda: ReLU(max_value=6.0),
    # Keras: 0.2 as an activation, 0.3 as a layer
    "leaky_relu": lambda: LeakyReLU(negative_slope=0.2),
    "gelu": GELU,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
    **{name: partial(Elementwise, name) for name in FUNCTIONS},
    "elu": ELU,
}


def activation_layer(name: str | None, owner: str) -> Layer | None:
    """The layer that `activation=name` stands for; None for None and "linear".

    Raises ValueError for another name.
    """
    if name is None or name == "linear":
        return None
    if not isinstance(name, str):
        raise ValueError(
            f"{owner} expected activation as a name, one of {', '.join([*NAMES, 'linear'])}, "
            f"received {name!r}: leave it out, and add a layer that does it after {owner}"
        )
    if name not in NAMES:
        raise ValueError(
            f"{owner} has no activation "
            f"{name!r}.{instead(str(name), 'activations', [*NAMES, 'linear'])}"
        )
    return NAMES[name]()


class Activation(Layer):
    """Apply an activation by name: Activation("relu") computes what ReLU() does.

    Args:
        activation: "relu", "relu6", "leaky_relu", "gelu", "softmax", "log_softmax", "linear", or a
            function of elementwise.py: "sigmoid", "tanh", "elu", "selu", "celu", "softplus",
            "softsign", "silu" or "swish", "mish", "exponential", "hard_sigmoid", "hard_silu" or
            "hard_swish", "hard_tanh", "log_sigmoid", "squareplus", "sparse_plus",
            "sparse_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink".

    Shapes: x, y (N, ...)

    >>> layers.Activation("relu")(np.array([[-1.0, 0.0, 2.0]]))
    array([[0., 0., 2.]], dtype=float32)
    """

    def __init__(self, activation: str, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.activation = activation
        self.activation_layer = activation_layer(activation, "Activation")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        return (
            x
            if self.activation_layer is None
            else self.activation_layer.forward(x, training=training)
        )

    def backward(self, dy: Array) -> Array:
        return dy if self.activation_layer is None else self.activation_layer.backward(dy)
