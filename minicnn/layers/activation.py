from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

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


# The layers that an activation may be with arguments of one's own; files name no others.
KINDS: dict[str, type[Layer]] = {layer.__name__: layer for layer in (ReLU, LeakyReLU, ELU, GELU)}


def named(activation: "str | Callable | Layer | dict | None", owner: str) -> str | dict | None:
    """An activation as its layer keeps it and files have it: None, its name, or, of a layer with
    other arguments, {"class": "LeakyReLU", "config": {"negative_slope": 0.1}}.

    Args:
        activation: a name, a function of minicnn.activations, a layer, or what this returned.
        owner: the layer that it is an activation of, for messages.

    Raises ValueError for anything else, with what to do instead.
    """
    if activation is None:
        return None
    if isinstance(activation, str):
        if activation not in (known := [*NAMES, "linear"]):
            advice = instead(activation, "activations", known)
            raise ValueError(f"{owner} has no activation {activation!r}.{advice}")
        return activation
    if isinstance(activation, dict):
        return named(described(activation, owner), owner)
    if isinstance(activation, Layer):
        return description(activation, owner)
    name = getattr(activation, "__name__", "")
    if name in [*NAMES, "linear"] and activation.__module__.startswith("minicnn.activations."):
        return name
    if isinstance(activation, type):
        fix = f"give a layer of that class, {name}(), or its activation's name"
    elif name in NAMES:
        fix = f"its name does, activation={name!r}"
    else:
        fix = (
            "a function of your own needs its derivative: write a layers.Layer with forward(x, *, "
            f"training=False) and backward(dy), and add it after {owner}"
        )
    raise ValueError(
        f"{owner} expected activation as a name, a function of minicnn.activations or a layer such "
        f"as LeakyReLU(0.1), received {activation!r:.80}: {fix}"
    )


def description(layer: Layer, owner: str) -> str | dict:
    """A layer without weights as a name, where it has that one's arguments, or else as its class
    and arguments.
    """
    if isinstance(layer, Activation):
        return layer.activation or "linear"
    own = arguments_of(layer)
    for name, make in NAMES.items():
        if type(made := make()) is type(layer) and arguments_of(made) == own:
            return name
    if type(layer) in KINDS.values():
        return {"class": type(layer).__name__, "config": own}
    raise ValueError(
        f"{owner} expected activation as one of {', '.join(KINDS)}, Activation and Softmax() with "
        f"its last axis, received {layer}: leave it out, and add that layer after {owner}"
    )


def arguments_of(layer: Layer) -> dict[str, Any]:
    """What a layer computes by, without what every layer takes."""
    config = layer.get_config()
    return {key: value for key, value in config.items() if key not in ("name", "trainable")}


def described(activation: dict, owner: str) -> Layer:
    """The layer that `description` made this of."""
    kind, config = activation.get("class"), activation.get("config")
    is_whole = activation.keys() == {"class", "config"} and kind in list(KINDS)
    if not is_whole or not isinstance(config, dict):
        raise ValueError(
            f"{owner} expected activation as a dict to have 'class', one of {', '.join(KINDS)}, "
            f"and 'config', its arguments, received {activation!r:.200}: give the layer itself"
        )
    return KINDS[str(kind)](**config)


def activation_layer(activation: str | dict | None, owner: str) -> Layer | None:
    """The layer that runs what `named` returned; None for None and "linear"."""
    if activation is None or activation == "linear":
        return None
    return NAMES[activation]() if isinstance(activation, str) else described(activation, owner)


class Activation(Layer):
    """Apply an activation: Activation("relu") computes what ReLU() does.

    Args:
        activation: a name, a function of minicnn.activations, or a layer such as LeakyReLU(0.1).
            The names are "relu", "relu6", "leaky_relu", "gelu", "softmax", "log_softmax", "linear"
            and those of elementwise.py, where the formulas are: "sigmoid", "tanh", "elu", "selu",
            "celu", "softplus", "softsign", "silu" or "swish", "mish", "exponential",
            "hard_sigmoid", "hard_silu" or "hard_swish", "hard_tanh", "log_sigmoid", "squareplus",
            "sparse_plus", "sparse_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink".

    Shapes: x, y (N, ...)

    >>> layers.Activation("relu")(np.array([[-1.0, 0.0, 2.0]]))
    array([[0., 0., 2.]], dtype=float32)
    """

    def __init__(self, activation: str | Callable | Layer | dict, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.activation = named(activation, "Activation")
        self.activation_layer = activation_layer(self.activation, "Activation")

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        return (
            x
            if self.activation_layer is None
            else self.activation_layer.forward(x, training=training)
        )

    def backward(self, dy: Array) -> Array:
        return dy if self.activation_layer is None else self.activation_layer.backward(dy)
