"""Activations: their values by definition in more digits than they have, at both ends of the
numbers, and their derivatives.
"""

from decimal import Decimal, getcontext

import numpy as np
import pytest

from minicnn import layers
from minicnn.layers.elementwise import FUNCTIONS, SELU_ALPHA, SELU_SCALE
from minicnn.testing import check_layer

getcontext().prec = 60
ONE, TWO, HALF, THREE = Decimal(1), Decimal(2), Decimal("0.5"), Decimal(3)


def exp(x):
    return x.exp()


def tanh(x):
    return ONE - TWO / (exp(TWO * x) + ONE)


def sigmoid(x):
    return ONE / (ONE + exp(-x))


def softplus(x):
    return (ONE + exp(x)).ln()


def bent(x, alpha=ONE):
    return x if x > 0 else alpha * (exp(x) - ONE)


def hard_sigmoid(x):
    return max(Decimal(0), min(ONE, (x + THREE) / 6))


def silu(x):
    return x * sigmoid(x)


def hard_silu(x):
    return x * hard_sigmoid(x)


DEFINITIONS = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "elu": bent,
    "celu": bent,
    "selu": lambda x: Decimal(SELU_SCALE) * bent(x, Decimal(SELU_ALPHA)),
    "softplus": softplus,
    "softsign": lambda x: x / (ONE + abs(x)),
    "silu": silu,
    "swish": silu,
    "mish": lambda x: x * tanh(softplus(x)),
    "exponential": exp,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": lambda x: max(-ONE, min(ONE, x)),
    "log_sigmoid": lambda x: -softplus(-x),
    "squareplus": lambda x: (x + (x * x + 4).sqrt()) / 2,
    "sparse_plus": lambda x: x if x >= 1 else Decimal(0) if x <= -1 else (x + 1) ** 2 / 4,
    "sparse_sigmoid": lambda x: max(Decimal(0), min(ONE, (x + 1) / 2)),
    "tanh_shrink": lambda x: x - tanh(x),
    "soft_shrink": lambda x: x - HALF if x > HALF else x + HALF if x < -HALF else Decimal(0),
    "hard_shrink": lambda x: x if abs(x) > HALF else Decimal(0),
    "relu": lambda x: max(Decimal(0), x),
    "relu6": lambda x: max(Decimal(0), min(Decimal(6), x)),
    "leaky_relu": lambda x: x if x > 0 else Decimal("0.2") * x,
}
PLACES = np.array([*np.linspace(-8, 8, 41), -0.5, 0.5, -1e-3, 1e-3, -90, 90, -40, 40, -3e3, 3e3])


def test_every_elementwise_function_has_its_definition_here():
    assert FUNCTIONS.keys() <= DEFINITIONS.keys()
    assert layers.activation.NAMES.keys() - DEFINITIONS.keys() == {"gelu", "softmax", "log_softmax"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", DEFINITIONS)
def test_values_are_those_of_the_definition(name, dtype):
    x = PLACES.astype(dtype)
    layer = layers.Activation(name)
    layer.build((len(x),), dtype=dtype)
    received = layer.forward(x[None])[0]
    assert received.dtype == dtype
    with np.errstate(over="ignore"):
        expected = np.array([float(DEFINITIONS[name](Decimal(float(v)))) for v in x]).astype(dtype)
    # tanh_shrink is a difference of what is as large as x
    slack = np.finfo(dtype).eps * np.abs(x) if name == "tanh_shrink" else 0
    with np.errstate(invalid="ignore"):  # exponential: inf - inf
        error = np.abs(received - expected)
    close = error <= 8 * np.finfo(dtype).eps * np.abs(expected) + slack + np.finfo(dtype).tiny
    assert (close | (received == expected)).all(), x[~close]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [*DEFINITIONS, "gelu", "softmax", "log_softmax"])
def test_nan_stays_nan_and_large_numbers_give_numbers(name, dtype):
    layer = layers.Activation(name)
    layer.build((5,), dtype=dtype)
    large = 1e30
    x = np.array([[np.nan] * 5, [-large, -100, 0, 80, large]], dtype)
    y = layer.forward(x, training=True)
    dx = layer.backward(np.ones_like(y))
    assert y.dtype == dx.dtype == dtype and np.isnan(y[0]).all()
    if name == "exponential":
        assert y[1, -1] == np.inf and np.isfinite(y[1, :-1]).all()
    else:
        assert np.isfinite(y[1]).all() and np.isfinite(dx[1]).all()


@pytest.mark.parametrize("name", [*FUNCTIONS, "elu", "log_softmax"])
@pytest.mark.parametrize("seed", range(3))
def test_gradients(name, seed):
    check_layer(layers.Activation(name), (5, 4, 3), seed=seed, samples=120)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "elu", "silu", "hard_swish"])
def test_conv2d_and_dense_take_them_too(name):
    rng = np.random.default_rng(0)
    for layer, plain, shape in (
        (layers.Dense(4, activation=name), layers.Dense(4), (6,)),
        (layers.Conv2D(4, 3, activation=name), layers.Conv2D(4, 3), (5, 5, 2)),
    ):
        x = rng.standard_normal((3, *shape)).astype(np.float32)
        layer.build(shape, np.random.default_rng(1))
        plain.build(shape, np.random.default_rng(1))
        np.testing.assert_array_equal(layer(x), layers.Activation(name)(plain(x)))
        check_layer(layer.clone(), shape)


def test_log_softmax_is_the_logarithm_of_softmax():
    x = np.random.default_rng(0).standard_normal((4, 3, 5)).astype(np.float32)
    expected = np.log(layers.Activation("softmax")(x))
    np.testing.assert_allclose(layers.Activation("log_softmax")(x), expected, rtol=1e-5, atol=1e-6)
    far = layers.Activation("log_softmax")(np.array([[0.0, 200.0]]))
    np.testing.assert_array_equal(far, np.array([[-200, 0]], np.float32))
