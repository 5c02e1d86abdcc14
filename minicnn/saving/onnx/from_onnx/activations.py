"""Functions of one number, and softmax."""

from collections.abc import Callable
from math import inf, isclose, sqrt
from typing import Any

import numpy as np

from minicnn.layers import Activation
from minicnn.layers.elementwise import SELU_ALPHA, SELU_SCALE
from minicnn.layers.node import Node
from minicnn.saving.onnx.from_onnx.affine import aligned
from minicnn.saving.onnx.from_onnx.layouts import axis_of, plain, with_last
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.values import Value

Function = Callable[[Reader, Operator], None]


def _named(activation: str, positive: bool = False) -> Function:
    """An activation of that name."""

    def function(reader: Reader, operator: Operator) -> None:
        x = reader.value(operator)
        tensor = reader.layer("Activation", operator, x.tensor, activation=activation)
        reader.put(operator, x.like(tensor, positive=positive))

    return function


def _made(
    kind: str, arguments: Callable[[Operator], dict[str, Any]], positive: bool = False
) -> Function:
    """A layer of that class, with arguments of the node's attributes."""

    def function(reader: Reader, operator: Operator) -> None:
        x = reader.value(operator)
        tensor = reader.layer(kind, operator, x.tensor, **arguments(operator))
        reader.put(operator, x.like(tensor, positive=positive))

    return function


def selu(reader: Reader, operator: Operator) -> None:
    """The usual one; with other numbers, gamma times elu."""
    x = reader.value(operator)
    alpha, gamma = operator.get("alpha", SELU_ALPHA), operator.get("gamma", SELU_SCALE)
    if isclose(alpha, SELU_ALPHA, rel_tol=1e-6) and isclose(gamma, SELU_SCALE, rel_tol=1e-6):
        tensor = reader.layer("Activation", operator, x.tensor, activation="selu")
    else:
        tensor = reader.layer("ELU", operator, x.tensor, alpha=alpha)
        tensor = reader.layer("Rescaling", operator, tensor, scale=gamma)
    reader.put(operator, x.like(tensor))


def hard_sigmoid(reader: Reader, operator: Operator) -> None:
    """Keras' (x + 3) / 6, cut to 0 ... 1; with other numbers, a line that is cut."""
    x = reader.value(operator)
    alpha, beta = operator.get("alpha", 0.2), operator.get("beta", 0.5)
    names = {1 / 6: "hard_sigmoid", 0.5: "sparse_sigmoid"}
    for slope, name in names.items():
        if beta == 0.5 and isclose(alpha, slope, rel_tol=1e-6):
            tensor = reader.layer("Activation", operator, x.tensor, activation=name)
            break
    else:
        tensor = reader.layer("Rescaling", operator, x.tensor, scale=alpha, offset=beta)
        tensor = reader.layer("ReLU", operator, tensor, max_value=1.0)
    reader.put(operator, x.like(tensor, positive=True))


def clip(reader: Reader, operator: Operator) -> None:
    """ReLU, or one that is moved, where it does not begin at 0."""
    x = reader.value(operator)
    limits = []
    for place, name, default in ((1, "min", -inf), (2, "max", inf)):
        given = reader.optional(operator, place, name)
        if given is not None and given.size != 1:
            operator.refuse(f"expected {name} as a number, received {given.shape}")
        limit = operator.get(name, default) if given is None else float(given.reshape(-1)[0])
        limits.append(limit if abs(limit) < 3e38 else default)
    operator.ignore("min", "max")
    reader.put(operator, clipped(reader, operator, x, *limits))


def clipped(reader: Reader, operator: Operator, x: Value, low: float, high: float) -> Value:
    """min(max(x, low), high)."""
    if not low < high:
        operator.refuse(f"cuts to {low} ... {high}, which leaves nothing")
    if (low, high) == (-inf, inf):
        return x

    def line(y: Node, scale: float, offset: float) -> Node:
        return reader.layer("Rescaling", operator, y, scale=scale, offset=offset)

    if low == -inf:  # b - relu(b - x)
        y = line(x.tensor, -1.0, high)
        y = line(reader.layer("ReLU", operator, y), -1.0, high)
    elif (low, high) == (-1, 1):
        y = reader.layer("Activation", operator, x.tensor, activation="hard_tanh")
    else:
        y = line(x.tensor, 1.0, -low) if low else x.tensor
        top = None if high == inf else high - low
        y = reader.layer("ReLU", operator, y, max_value=top)
        y = line(y, 1.0, low) if low else y
    return x.like(y, positive=low >= 0)


def prelu(reader: Reader, operator: Operator) -> None:
    """PReLU, with an alpha for each channel, or for whatever the file has one for."""
    x = plain(reader, operator, reader.value(operator))
    slope = reader.constant(operator, 1, "slope")
    alpha = aligned(slope, x.dims)
    if alpha is None or alpha.shape[x.batch] != 1 or alpha.dtype.kind != "f":
        operator.refuse(f"has a slope of {slope.shape} for {x.dims}")
    alpha = alpha.transpose(x.perm)[0]
    shared = [
        n + 1
        for n, (size, whole) in enumerate(zip(alpha.shape, x.tensor.sample_shape, strict=True))
        if size != whole
    ]
    weights = {"alpha": alpha}
    tensor = reader.layer("PReLU", operator, x.tensor, weights, shared_axes=shared or None)
    reader.put(operator, x.like(tensor))


def softmax(reader: Reader, operator: Operator) -> None:
    """Along one axis; before opset 13 over all axes from that one on."""
    x = plain(reader, operator, reader.value(operator))
    old = operator.version < 13
    axis = axis_of(x, operator.get("axis", 1 if old else -1), operator)
    axes = list(range(axis, x.rank)) if old else [axis]
    if x.batch in axes:
        operator.refuse("works along the axis of the samples")
    places = sorted(x.place(one) for one in axes)
    if places == [len(x.perm) - 1]:
        places = [-1]
    one = places[0] if len(places) == 1 else places
    tensor = reader.layer("Softmax", operator, x.tensor, axis=one)
    reader.put(operator, x.like(tensor, positive=True))


def log_softmax(reader: Reader, operator: Operator) -> None:
    """Along one axis, which becomes the last."""
    x = plain(reader, operator, reader.value(operator))
    old = operator.version < 13
    axis = axis_of(x, operator.get("axis", 1 if old else -1), operator)
    if old and any(n != 1 for n in x.dims[axis + 1 :]):
        operator.refuse(f"works over all axes from axis={axis} on, expected the last")
    x = with_last(reader, operator, x, axis)
    tensor = reader.layer("Activation", operator, x.tensor, activation="log_softmax")
    reader.put(operator, x.like(tensor))


def erf(reader: Reader, operator: Operator) -> None:
    """The middle of x (1 + erf(x / sqrt(2))) / 2, of which GELU is made; nothing else has it."""
    inner = reader.value(operator)
    layer, before = inner.tensor.layer, inner.tensor.inputs
    scale = getattr(layer, "scale", None)
    if not before or not isinstance(scale, float) or not isclose(scale, sqrt(0.5), rel_tol=1e-4):
        operator.refuse("is no part of x * (1 + erf(x / sqrt(2))) / 2")
    x = before[0]
    user = reader.only_user(operator.outputs[0])
    done = []
    name = operator.outputs[0]
    if user is not None and user.kind == "Add" and _scalar(reader, user) == 1:
        done, name = [user], user.outputs[0]
    halved = whole = False
    while done and not (halved and whole) and (user := reader.only_user(name)) is not None:
        if user.kind not in ("Mul", "Div"):
            break
        others = [one for one in user.inputs if one != name]
        found = reader.values.get(others[0]) if len(others) == 1 else None
        half = _scalar(reader, user)
        if half is not None and not halved and half == (0.5 if user.kind == "Mul" else 2):
            halved = True
        elif isinstance(found, Value) and user.kind == "Mul" and not whole:
            if found.tensor is x:
                whole = True
            elif _is_half_of(found.tensor, x) and not halved:
                halved = whole = True
            else:
                break
        else:
            break
        done, name = [*done, user], user.outputs[0]
    if not (halved and whole):
        operator.refuse("is no part of x * (1 + erf(x / sqrt(2))) / 2")
    reader.done.update(id(one) for one in done)
    reader.keep(name, inner.like(reader.layer("GELU", operator, x)))


def _scalar(reader: Reader, operator: Operator) -> float | None:
    """The number that a node of two inputs adds or multiplies with."""
    for name in operator.inputs:
        found = reader.values.get(name)
        if isinstance(found, np.ndarray) and found.size == 1:
            return float(found.reshape(-1)[0])
    return None


def _is_half_of(y: Node, x: Node) -> bool:
    layer = y.layer
    is_half = getattr(layer, "scale", None) == 0.5 and not getattr(layer, "offset", 1)
    return is_half and y.inputs == (x,)


def gated(x: Node, gate: Node) -> str | None:
    """The activation that x times a function of x is: silu, hard_silu, mish."""
    if not isinstance(gate.layer, Activation):
        return None
    names = {"sigmoid": "silu", "hard_sigmoid": "hard_silu"}
    if gate.inputs == (x,):
        return names.get(str(gate.layer.activation))
    before = gate.inputs[0]
    is_mish = (
        gate.layer.activation == "tanh"
        and isinstance(before.layer, Activation)
        and before.layer.activation == "softplus"
        and before.inputs == (x,)
    )
    return "mish" if is_mish else None


def swish(reader: Reader, operator: Operator) -> None:
    """x sigmoid(x)."""
    operator.expect("alpha", 1.0)
    _named("silu")(reader, operator)


def celu(reader: Reader, operator: Operator) -> None:
    """With alpha = 1, an elu."""
    operator.expect("alpha", 1.0)
    _named("celu")(reader, operator)


def shrink(reader: Reader, operator: Operator) -> None:
    """Those two that Keras has."""
    operator.expect("lambd", 0.5)
    bias = operator.get("bias", 0.0)
    if bias not in (0, 0.5):
        operator.refuse(f"expected bias=0.5 or 0, received {bias}")
    _named("soft_shrink" if bias else "hard_shrink")(reader, operator)


def gelu(reader: Reader, operator: Operator) -> None:
    """GELU."""
    x = reader.value(operator)
    how = operator.get("approximate", "none")
    if how not in ("none", "tanh"):
        operator.refuse(f"expected approximate='none' or 'tanh', received {how!r:.40}")
    tensor = reader.layer("GELU", operator, x.tensor, approximate=how == "tanh")
    reader.put(operator, x.like(tensor))


ACTIVATIONS: dict[str, Function] = {
    "Relu": _made("ReLU", lambda _: {}, positive=True),
    "LeakyRelu": _made("LeakyReLU", lambda one: {"negative_slope": one.get("alpha", 0.01)}),
    "Elu": _made("ELU", lambda one: {"alpha": one.get("alpha", 1.0)}),
    "ThresholdedRelu": _made(
        "ReLU", lambda one: {"threshold": one.get("alpha", 1.0)}, positive=True
    ),
    "Sigmoid": _named("sigmoid", positive=True),
    "Tanh": _named("tanh"),
    "Softplus": _named("softplus", positive=True),
    "Softsign": _named("softsign"),
    "Exp": _named("exponential", positive=True),
    "HardSwish": _named("hard_silu"),
    "Mish": _named("mish"),
    "Swish": swish,
    "Celu": celu,
    "Shrink": shrink,
    "Selu": selu,
    "Gelu": gelu,
    "Erf": erf,
    "HardSigmoid": hard_sigmoid,
    "Clip": clip,
    "PRelu": prelu,
    "Softmax": softmax,
    "LogSoftmax": log_softmax,
}
