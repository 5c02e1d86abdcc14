"""Arithmetic between tensors, x + y, 2 * x, keras.ops.relu(x), which Keras' files list among the
layers, as layers.

Numbers in it are parts of the network: x / 2 + 1 is two Rescaling layers.
"""

from typing import Any

from minicnn.errors import ModelFileError
from minicnn.saving.keras import layers, words

Config = dict[str, Any]
Reference = tuple[str, int, int]  # a layer, its call, and which of that call's outputs

# What Keras 2 calls them: the "function" of a TFOpLambda.
FUNCTIONS = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.truediv": "TrueDivide",
    "math.divide": "TrueDivide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.negative": "Negative",
    "math.reduce_mean": "Mean",
    "math.reduce_max": "Max",
    "math.sigmoid": "Sigmoid",
    "nn.sigmoid": "Sigmoid",
    "math.tanh": "Tanh",
    "nn.tanh": "Tanh",
    "math.exp": "Exp",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "nn.silu": "Silu",
    "nn.swish": "Silu",
    "nn.selu": "Selu",
    "nn.softplus": "Softplus",
    "nn.softmax": "Softmax",
    "concat": "Concatenate",
    "reshape": "Reshape",
    "identity": "Identity",
    "cast": "Identity",
}
MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard_sigmoid",
    "Silu": "silu",
    "HardSilu": "hard_silu",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Selu": "selu",
    "Mish": "mish",
    "Exp": "exponential",
    "LogSigmoid": "log_sigmoid",
}
KINDS = (
    *MERGES,
    *ACTIVATIONS,
    *("TrueDivide", "Divide", "Negative", "Mean", "Max", "Concatenate", "Reshape", "Softmax"),
    *("LogSoftmax", "LeakyRelu", "Elu", "Gelu", "Clip", "Identity", "Cast"),
)


def is_operation(layer: Config, operands: list[Any]) -> bool:
    """Whether a Keras file means one by this, and no layer of that class.

    operands: of all of its calls.
    """
    kind = layer["class_name"]
    if kind == "TFOpLambda" or ".ops." in str(layer.get("module")):
        return True
    numbers = any(not isinstance(one, tuple) for one in operands)
    return kind in KINDS and (numbers or kind not in layers.KINDS)


def kind_of(layer: Config) -> str:
    """Its name in Keras 3."""
    config = layer["config"]
    if layer["class_name"] == "TFOpLambda":
        return FUNCTIONS.get(str(config.get("function")), str(config.get("function")))
    return str(layer["class_name"])


def as_layer(name: str, kind: str, operands: list[Any], given: Config) -> Config:
    """The layer, its class and arguments, that computes an operation.

    Args:
        operands: references and numbers, in order.
        given: its arguments by name.

    Raises ModelFileError for operations and operands that no layer computes.
    """
    numbers = [one for one in operands if not isinstance(one, tuple)]
    try:
        if numbers and len(operands) == 2 and len(numbers) == 1:
            found = _with_number(kind, float(numbers[0]), isinstance(operands[0], tuple))
        else:
            found = None if numbers else _of_tensors(kind, len(operands), given)
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{_refusal(name, kind, operands)}: {error!s:.200}") from error
    if found is None:
        raise ModelFileError(_refusal(name, kind, operands))
    return {"class": found[0], "config": {"name": name} | found[1]}


def _refusal(name: str, kind: str, operands: list[Any]) -> str:
    values = ", ".join("x" if isinstance(one, tuple) else str(one) for one in operands)
    return (
        f"minicnn has no layer for the operation {name!r:.60}, {kind:.60}({values:.80}): "
        "build the network without it"
    )


def _with_number(kind: str, number: float, first: bool) -> tuple[str, Config] | None:
    """x and a number; first: whether x comes first."""
    scaled = {
        "Add": (1.0, number),
        "Multiply": (number, 0.0),
        "Subtract": (1.0, -number) if first else (-1.0, number),
    }
    if kind in scaled:
        scale, offset = scaled[kind]
        return "Rescaling", {"scale": scale, "offset": offset}
    if kind in ("TrueDivide", "Divide") and first and number:
        return "Rescaling", {"scale": 1 / number}
    if kind == "Maximum":
        # max(x, c) is c + relu(x - c), which is a ReLU where c is 0
        return ("ReLU", {}) if number == 0 else None
    return None


def _of_tensors(kind: str, count: int, given: Config) -> tuple[str, Config] | None:
    """Of tensors alone, `count` of them."""
    if kind in MERGES and count == 2:
        return kind, {}
    if kind == "Concatenate" and count > 1:
        return kind, {"axis": given.get("axis", -1)}
    if count != 1:
        return None
    if kind in ACTIVATIONS:
        return "Activation", {"activation": ACTIVATIONS[kind]}
    if kind == "Negative":
        return "Rescaling", {"scale": -1.0}
    if kind in ("Identity", "Cast"):
        return "Identity", {}
    if kind in ("Mean", "Max"):
        return _pooled(kind, given)
    if kind == "Reshape":
        shape = list(given.get("newshape") or given.get("shape") or ())
        return "Reshape", {"target_shape": [-1 if n is None else n for n in shape[1:]]}
    if kind == "LeakyRelu":
        return "LeakyReLU", {"negative_slope": words.number(given.get("negative_slope", 0.2))}
    if kind == "Elu":
        return "ELU", {"alpha": words.number(given.get("alpha", 1.0))}
    if kind == "Gelu":
        return "GELU", {"approximate": bool(given.get("approximate", True))}
    if kind in ("Softmax", "LogSoftmax"):
        if given.get("axis", -1) != -1:
            return None
        return "Activation", {"activation": "softmax" if kind == "Softmax" else "log_softmax"}
    if kind == "Clip" and given.get("x_min") == 0:
        return "ReLU", {"max_value": words.number(given["x_max"])}
    return None


def _pooled(kind: str, given: Config) -> tuple[str, Config] | None:
    axes = given.get("axis")
    if axes not in ([1, 2], [-3, -2]):
        return None
    keepdims = bool(given.get("keepdims") or given.get("keep_dims"))
    pooling = "GlobalAveragePooling2D" if kind == "Mean" else "GlobalMaxPooling2D"
    return pooling, {"keepdims": keepdims}
