"""Functions of one number, each as few operators of LiteRT, and softmax, which is one of a row."""

from collections.abc import Callable
from math import prod
from typing import Any

from minicnn.layers import ELU, GELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from minicnn.layers.elementwise import SELU_ALPHA, SELU_SCALE, Elementwise
from minicnn.layers.log_softmax import LogSoftmax
from minicnn.saving.tflite.to_tflite.arithmetic import by_number, either, one, two
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.saving.tflite.to_tflite.shapes import reshaped, transposed

Made = Callable[[Graph, Value], Value]


def _one(kind: str) -> Made:
    """A function that is one operator."""
    return lambda graph, x: one(graph, kind, x)


def _clip(graph: Graph, x: Value, low: float, high: float) -> Value:
    return by_number(graph, "MINIMUM", by_number(graph, "MAXIMUM", x, "low", low), "high", high)


def _elu(graph: Graph, x: Value, alpha: float, scale: float = 1.0) -> Value:
    """scale * (max(x, 0) + alpha * (exp(min(x, 0)) - 1)): LiteRT's own has alpha = 1."""
    if (alpha, scale) == (1, 1):
        return one(graph, "ELU", x)
    below = one(graph, "ELU", by_number(graph, "MINIMUM", x, "zero", 0.0))
    below = by_number(graph, "MUL", below, "alpha", alpha * scale)
    above = one(graph, "RELU", x)
    if scale != 1:
        above = by_number(graph, "MUL", above, "scale", scale)
    return two(graph, "ADD", above, below)


def _silu(graph: Graph, x: Value) -> Value:
    return two(graph, "MUL", x, one(graph, "LOGISTIC", x))


def _softplus(graph: Graph, x: Value) -> Value:
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    small = one(graph, "EXP", one(graph, "NEG", one(graph, "ABS", x)))
    rest = one(graph, "LOG", by_number(graph, "ADD", small, "one", 1.0))
    return two(graph, "ADD", one(graph, "RELU", x), rest)


def _softsign(graph: Graph, x: Value) -> Value:
    return two(graph, "DIV", x, by_number(graph, "ADD", one(graph, "ABS", x), "one", 1.0))


def _mish(graph: Graph, x: Value) -> Value:
    return two(graph, "MUL", x, one(graph, "TANH", _softplus(graph, x)))


def _log_sigmoid(graph: Graph, x: Value) -> Value:
    return one(graph, "NEG", _softplus(graph, one(graph, "NEG", x)))


def _hard_sigmoid(graph: Graph, x: Value) -> Value:
    """min(max(x + 3, 0), 6) / 6."""
    shifted = one(graph, "RELU6", by_number(graph, "ADD", x, "three", 3.0))
    return by_number(graph, "MUL", shifted, "sixth", 1 / 6)


def _sparse_sigmoid(graph: Graph, x: Value) -> Value:
    """(clip(x, -1, 1) + 1) / 2."""
    shifted = by_number(graph, "ADD", one(graph, "RELU_N1_TO_1", x), "one", 1.0)
    return by_number(graph, "MUL", shifted, "half", 0.5)


def _squareplus(graph: Graph, x: Value) -> Value:
    """(x + r) / 2 with r = sqrt(x^2 + 4); where these cancel, 2 / (r - x)."""
    square = by_number(graph, "ADD", two(graph, "MUL", x, x), "four", 4.0)
    r = one(graph, "SQRT", square)
    above = by_number(graph, "MUL", two(graph, "ADD", x, r), "half", 0.5)
    rest = two(graph, "SUB", r, by_number(graph, "MINIMUM", x, "zero", 0.0))
    below = by_number(graph, "DIV", rest, "two", 2.0, first=True)
    return either(graph, "GREATER", x, 0.0, above, below)


def _sparse_plus(graph: Graph, x: Value) -> Value:
    """x from 1 on, else (clip(x, -1, 1) + 1)^2 / 4."""
    half = _sparse_sigmoid(graph, x)
    return either(graph, "GREATER_EQUAL", x, 1.0, x, two(graph, "MUL", half, half))


def _hard_shrink(graph: Graph, x: Value) -> Value:
    """x where |x| > 1/2, else 0."""
    none = by_number(graph, "MUL", x, "zero", 0.0)
    return either(graph, "GREATER", one(graph, "ABS", x), 0.5, x, none)


def _soft_shrink(graph: Graph, x: Value) -> Value:
    """x - clip(x, -1/2, 1/2)."""
    return two(graph, "SUB", x, _clip(graph, x, -0.5, 0.5))


def _tanh_shrink(graph: Graph, x: Value) -> Value:
    return two(graph, "SUB", x, one(graph, "TANH", x))


FUNCTIONS: dict[str, Made] = {
    "sigmoid": _one("LOGISTIC"),
    "tanh": _one("TANH"),
    "celu": _one("ELU"),
    "selu": lambda graph, x: _elu(graph, x, SELU_ALPHA, SELU_SCALE),
    "softplus": _softplus,
    "softsign": _softsign,
    "silu": _silu,
    "swish": _silu,
    "mish": _mish,
    "exponential": _one("EXP"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _one("HARD_SWISH"),
    "hard_swish": _one("HARD_SWISH"),
    "hard_tanh": _one("RELU_N1_TO_1"),
    "log_sigmoid": _log_sigmoid,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": _sparse_sigmoid,
    "tanh_shrink": _tanh_shrink,
    "soft_shrink": _soft_shrink,
    "hard_shrink": _hard_shrink,
}


def elementwise(graph: Graph, layer: Elementwise, x: Value) -> Value:
    """The function of that name."""
    return FUNCTIONS[layer.function](graph, x)


def relu(graph: Graph, layer: ReLU, x: Value) -> Value:
    """RELU or RELU6, a part of the operator before where nobody else reads that; LEAKY_RELU; with a
    threshold, both sides apart.
    """
    slope, most, threshold = layer.negative_slope, layer.max_value, layer.threshold
    if not threshold:
        if slope:
            y = one(graph, "LEAKY_RELU", x, alpha=slope)
        else:
            kind = "RELU6" if most == 6 else "RELU"
            y = graph.fused(x, kind) or one(graph, kind, x)
            if kind == "RELU6":
                return y
        return y if most is None else by_number(graph, "MINIMUM", y, "max_value", most)
    rest = by_number(graph, "SUB", x, "threshold", threshold)
    below = by_number(graph, "MUL", rest, "negative_slope", slope)
    above = x if most is None else by_number(graph, "MINIMUM", x, "max_value", most)
    return either(graph, "GREATER", x, threshold, above, below)


def leaky_relu(graph: Graph, layer: LeakyReLU, x: Value) -> Value:
    """LEAKY_RELU."""
    return one(graph, "LEAKY_RELU", x, alpha=layer.negative_slope)


def elu(graph: Graph, layer: ELU, x: Value) -> Value:
    """ELU, of any alpha."""
    return _elu(graph, x, layer.alpha)


def gelu(graph: Graph, layer: GELU, x: Value) -> Value:
    """GELU."""
    return one(graph, "GELU", x, approximate=bool(layer.approximate))


def softmax(graph: Graph, layer: Softmax, x: Value) -> Value:
    """SOFTMAX, of the last axis; others are brought there, several as one, and back."""
    axes = sorted(axis % x.rank for axis in layer._axes)
    rest = [axis for axis in range(x.rank) if axis not in axes]
    perm = [*rest, *axes]
    turned = transposed(graph, x, perm)
    joined = prod(x.shape[axis - 1] for axis in axes)
    y = reshaped(graph, turned, (*turned.shape[: len(rest) - 1], joined))
    y = graph.node("SOFTMAX", [y.tensor], y.shape, "SoftmaxOptions", beta=1.0)
    y = reshaped(graph, y, turned.shape)
    return transposed(graph, y, [perm.index(axis) for axis in range(x.rank)])


def log_softmax(graph: Graph, layer: LogSoftmax, x: Value) -> Value:  # noqa: ARG001
    """LOG_SOFTMAX, of the last axis, as an activation is."""
    return one(graph, "LOG_SOFTMAX", x)


def prelu(graph: Graph, layer: PReLU, x: Value) -> Value:
    """PRELU."""
    alpha = graph.floats("alpha", layer.params["alpha"])
    return graph.node("PRELU", [x.tensor, alpha], x.shape)


def activation(graph: Graph, layer: Activation, x: Value) -> Value:
    """What the layer of that name is."""
    return activated(graph, layer, x, inside=False)


def activated(graph: Graph, layer: Any, x: Value, inside: bool = True) -> Value:
    """x after what a layer has as `activation=`; inside: x was made in the layer, for it alone."""
    inner = layer.activation_layer
    if inner is None:
        return x
    graph.alone = graph.alone or inside
    return ACTIVATIONS[type(inner)](graph, inner, x)


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
