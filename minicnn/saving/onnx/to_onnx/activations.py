"""Functions of one number, each as few operators of opset 17, and softmax, which is one of a row.

What is a function of one number is the same in any order of the axes.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

from minicnn.layers import ELU, GELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from minicnn.layers.elementwise import SELU_ALPHA, SELU_SCALE, Elementwise
from minicnn.layers.log_softmax import LogSoftmax
from minicnn.saving.onnx.to_onnx.graph import Graph, Value

Made = Callable[[Graph, str], str]


def _one(operator: str, **attributes: Any) -> Made:
    """A function that is one operator."""
    return lambda graph, x: graph.node(operator, x, **attributes)


def _clip(graph: Graph, x: str, low: float, high: float) -> str:
    return graph.node("Clip", x, graph.floats("low", low), graph.floats("high", high))


def _silu(graph: Graph, x: str) -> str:
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def _mish(graph: Graph, x: str) -> str:
    return graph.node("Mul", x, graph.node("Tanh", graph.node("Softplus", x)))


def _log_sigmoid(graph: Graph, x: str) -> str:
    return graph.node("Neg", graph.node("Softplus", graph.node("Neg", x)))


def _squareplus(graph: Graph, x: str) -> str:
    """(x + r) / 2 with r = sqrt(x^2 + 4); where these cancel, 2 / (r - x)."""
    zero, two, four = (graph.floats(f"{n}", float(n)) for n in (0, 2, 4))
    r = graph.node("Sqrt", graph.node("Add", graph.node("Mul", x, x), four))
    above = graph.node("Div", graph.node("Add", x, r), two)
    below = graph.node("Div", two, graph.node("Sub", r, graph.node("Min", x, zero)))
    return graph.node("Where", graph.node("Greater", x, zero), above, below)


def _sparse_plus(graph: Graph, x: str) -> str:
    """x from 1 on, else (clip(x, -1, 1) + 1)^2 / 4."""
    half = graph.node("HardSigmoid", x, alpha=0.5, beta=0.5)  # (clip(x, -1, 1) + 1) / 2
    above = graph.node("GreaterOrEqual", x, graph.floats("one", 1.0))
    return graph.node("Where", above, x, graph.node("Mul", half, half))


def _tanh_shrink(graph: Graph, x: str) -> str:
    return graph.node("Sub", x, graph.node("Tanh", x))


FUNCTIONS: dict[str, Made] = {
    "sigmoid": _one("Sigmoid"),
    "tanh": _one("Tanh"),
    "celu": _one("Elu", alpha=1.0),
    "selu": _one("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "softplus": _one("Softplus"),
    "softsign": _one("Softsign"),
    "silu": _silu,
    "swish": _silu,
    "mish": _mish,
    "exponential": _one("Exp"),
    "hard_sigmoid": _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_silu": _one("HardSwish"),
    "hard_swish": _one("HardSwish"),
    "hard_tanh": lambda graph, x: _clip(graph, x, -1, 1),
    "log_sigmoid": _log_sigmoid,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _one("HardSigmoid", alpha=0.5, beta=0.5),
    "tanh_shrink": _tanh_shrink,
    "soft_shrink": _one("Shrink", lambd=0.5, bias=0.5),
    "hard_shrink": _one("Shrink", lambd=0.5, bias=0.0),
}


def elementwise(graph: Graph, layer: Elementwise, x: Value) -> Value:
    """The function of that name."""
    return graph.like(x, FUNCTIONS[layer.function](graph, x.name))


def relu(graph: Graph, layer: ReLU, x: Value) -> Value:
    """Relu, Clip or LeakyRelu where one of them does; with a threshold, both sides apart."""
    slope, most, threshold = layer.negative_slope, layer.max_value, layer.threshold
    if not threshold:
        if not slope:
            y = graph.node("Relu", x.name) if most is None else _clip(graph, x.name, 0, most)
            return graph.like(x, y)
        y = graph.node("LeakyRelu", x.name, alpha=slope)
        if most is not None:
            y = graph.node("Min", y, graph.floats("max_value", most))
        return graph.like(x, y)
    if not slope:
        y = graph.node("ThresholdedRelu", x.name, alpha=threshold)
        if most is not None:
            y = graph.node("Min", y, graph.floats("max_value", most))
        return graph.like(x, y)
    limit, above = graph.floats("threshold", threshold), x.name
    rest = graph.node("Sub", x.name, limit)
    below = graph.node("Mul", rest, graph.floats("negative_slope", slope))
    if most is not None:
        above = graph.node("Min", above, graph.floats("max_value", most))
    passes = graph.node("Greater", x.name, limit)
    return graph.like(x, graph.node("Where", passes, above, below))


def leaky_relu(graph: Graph, layer: LeakyReLU, x: Value) -> Value:
    """LeakyRelu."""
    return graph.like(x, graph.node("LeakyRelu", x.name, alpha=layer.negative_slope))


def elu(graph: Graph, layer: ELU, x: Value) -> Value:
    """Elu."""
    return graph.like(x, graph.node("Elu", x.name, alpha=layer.alpha))


def gelu(graph: Graph, layer: GELU, x: Value) -> Value:
    """x (1 + erf(x / sqrt(2))) / 2; approximately, x (1 + tanh(u)) / 2 with the u of the layer."""
    half, one = graph.floats("half", 0.5), graph.floats("one", 1.0)
    if layer.approximate:
        cube = graph.node("Mul", graph.node("Mul", x.name, x.name), x.name)
        inner = graph.node("Mul", cube, graph.floats("cubic", 0.044715))
        inner = graph.node("Add", x.name, inner)
        bent = graph.node("Tanh", graph.node("Mul", inner, graph.floats("scale", sqrt(2 / pi))))
    else:
        scaled = graph.node("Div", x.name, graph.floats("root", sqrt(2)))
        bent = graph.node("Erf", scaled)
    below = graph.node("Mul", graph.node("Add", bent, one), half)
    return graph.like(x, graph.node("Mul", x.name, below))


def softmax(graph: Graph, layer: Softmax, x: Value) -> Value:
    """Softmax; over several axes, of these as one."""
    axes = sorted(axis % x.rank for axis in layer._axes)
    if len(axes) == 1:
        return graph.like(x, graph.node("Softmax", x.name, axis=x.axis(axes[0])))
    if x.rank == 4 and 3 in axes and axes != [1, 2, 3] and axes[0] == 2:
        x = graph.last(x)  # W and C are side by side there
    elif x.rank == 4:
        x = graph.first(x)
    places = sorted(x.axis(axis) for axis in axes)
    if places != list(range(places[0], places[-1] + 1)):
        raise ValueError(f"{layer} works over axes that ONNX cannot join, received {layer.axis}")
    lying = sorted(range(1, x.rank), key=x.axis)
    shape = [0, *(x.shape[axis - 1] for axis in lying)]
    joined = [*shape[: places[0]], -1, *shape[places[-1] + 1 :]]
    y = graph.node("Reshape", x.name, graph.integers("joined", joined))
    y = graph.node("Softmax", y, axis=places[0])
    return graph.like(x, graph.node("Reshape", y, graph.integers("shape", shape)))


def log_softmax(graph: Graph, layer: LogSoftmax, x: Value) -> Value:
    """LogSoftmax."""
    return graph.like(x, graph.node("LogSoftmax", x.name, axis=x.axis(layer.axis)))


def prelu(graph: Graph, layer: PReLU, x: Value) -> Value:
    """PRelu, whose slopes broadcast from the last axis on."""
    alpha = layer.params["alpha"]
    alpha = x.as_sample(alpha)
    return graph.like(x, graph.node("PRelu", x.name, graph.floats("alpha", alpha)))


def activation(graph: Graph, layer: Activation, x: Value) -> Value:
    """What the layer of that name is."""
    return activated(graph, layer, x)


def activated(graph: Graph, layer: Any, x: Value) -> Value:
    """x after what a layer has as `activation=`."""
    inner = layer.activation_layer
    return x if inner is None else ACTIVATIONS[type(inner)](graph, inner, x)


ACTIVATIONS: dict[type, Callable[[Graph, Any, Value], Value]] = {
    Activation: activation,
    Elementwise: elementwise,
    ReLU: relu,
    LeakyReLU: leaky_relu,
    ELU: elu,
    GELU: gelu,
    PReLU: prelu,
    Softmax: softmax,
    LogSoftmax: log_softmax,
}
