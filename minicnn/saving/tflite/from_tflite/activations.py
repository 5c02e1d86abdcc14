"""Functions of one number, and softmax, which is one of a row."""

from typing import Any

from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader

NAMES = {
    "LOGISTIC": "sigmoid",
    "TANH": "tanh",
    "EXP": "exponential",
    "ELU": "elu",
    "HARD_SWISH": "hard_silu",
    "RELU_N1_TO_1": "hard_tanh",
    "LOG_SOFTMAX": "log_softmax",
}


def activation(reader: Reader, operator: Operator) -> Node:
    """Activation of the name that it has in Keras."""
    x = reader.value(operator)
    return reader.layer("Activation", operator, x, activation=NAMES[operator.kind])


def relu(reader: Reader, operator: Operator) -> Node:
    """ReLU."""
    most: dict[str, Any] = {"max_value": 6.0} if operator.kind == "RELU6" else {}
    return reader.layer("ReLU", operator, reader.value(operator), **most)


def leaky_relu(reader: Reader, operator: Operator) -> Node:
    """LeakyReLU."""
    alpha = operator.expect_options("LeakyReluOptions").get("alpha", 0.0)
    return reader.layer("LeakyReLU", operator, reader.value(operator), negative_slope=alpha)


def gelu(reader: Reader, operator: Operator) -> Node:
    """GELU."""
    how = bool(operator.expect_options("GeluOptions").get("approximate"))
    return reader.layer("GELU", operator, reader.value(operator), approximate=how)


def softmax(reader: Reader, operator: Operator) -> Node:
    """Softmax; beta is 1 where there is none of it."""
    beta = operator.expect_options("SoftmaxOptions").get("beta", 0.0)
    x = reader.value(operator)
    if beta != 1:
        x = reader.layer("Rescaling", operator, x, scale=beta)
    return reader.layer("Softmax", operator, x)


def prelu(reader: Reader, operator: Operator) -> Node:
    """PReLU: slopes for each number of a sample, or shared along some axes."""
    x = reader.value(operator)
    alpha = reader.optional(operator, 1, "alpha")
    rank = len(x.sample_shape)
    while alpha is not None and alpha.ndim > rank and alpha.shape[0] == 1:
        alpha = alpha[0]
    if alpha is None or alpha.ndim > rank:
        operator.refuse("expected slopes for each sample alike")
    alpha = alpha.reshape((1,) * (rank - alpha.ndim) + alpha.shape)
    shared = [axis for axis, n in enumerate(alpha.shape, 1) if n == 1 < x.sample_shape[axis - 1]]
    return reader.layer("PReLU", operator, x, {"alpha": alpha}, shared_axes=shared or None)


def local_response_normalization(reader: Reader, operator: Operator) -> Node:
    """LocalResponseNormalization; a sum is of radius channels on each side."""
    options = operator.expect_options("LocalResponseNormalizationOptions")
    radius, alpha = options.get("radius", 0), options.get("alpha", 0.0)
    k, beta = options.get("bias", 0.0), options.get("beta", 0.0)
    size = 2 * radius + 1
    return reader.layer(
        "LocalResponseNormalization",
        operator,
        reader.value(operator),
        size=size,
        alpha=alpha * size,
        beta=beta,
        k=k,
    )


ACTIVATIONS: dict[str, Any] = {
    **dict.fromkeys(NAMES, activation),
    "RELU": relu,
    "RELU6": relu,
    "LEAKY_RELU": leaky_relu,
    "GELU": gelu,
    "SOFTMAX": softmax,
    "PRELU": prelu,
    "LOCAL_RESPONSE_NORMALIZATION": local_response_normalization,
}
