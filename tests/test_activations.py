"""Activations: their values by definition in more digits than they have, at both ends of the
numbers, and their derivatives.
"""

from decimal import Decimal, getcontext
from inspect import signature

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, activations, layers, models
from minicnn.errors import ModelFileError
from minicnn.layers.elementwise import FUNCTIONS, SELU_ALPHA, SELU_SCALE
from minicnn.saving.fields import make
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
@pytest.mark.parametrize("name", [*DEFINITIONS, "gelu", "gelu by tanh", "softmax", "log_softmax"])
def test_nan_stays_nan_and_large_numbers_give_numbers(name, dtype):
    by_tanh = name == "gelu by tanh"
    layer = layers.GELU(approximate=True) if by_tanh else layers.Activation(name)
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


# minicnn.activations

NAMED = [*layers.activation.NAMES, "linear"]


@pytest.mark.parametrize("name", NAMED)
def test_functions_are_the_layers_of_their_names(name):
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    function = getattr(activations, name)
    expected = layers.Activation(name)(x)
    np.testing.assert_array_equal(function(x), expected)
    node = function(Input((3, 4)))
    np.testing.assert_array_equal(Model(node.layer.input, node)(x), expected)
    assert activations.get(name) is function
    assert layers.Dense(2, activation=function).get_config()["activation"] == function.__name__
    assert activations.serialize(function) == function.__name__


def test_functions_take_arrays_of_any_shape_and_type():
    assert activations.tanh(0.0) == 0 and activations.tanh(0.0).shape == ()
    assert activations.relu([-1, 2]).dtype == np.float32
    assert activations.sigmoid(np.zeros((0, 3))).shape == (0, 3)
    x = np.log(np.array([[1.0, 3.0], [3.0, 1.0]]))
    np.testing.assert_allclose(activations.softmax(x, axis=0), activations.softmax(x.T).T)
    np.testing.assert_allclose(activations.log_softmax(x, axis=0), np.log(activations.softmax(x)).T)


@pytest.mark.parametrize("slope", [0, 0.5])
@pytest.mark.parametrize("most", [None, 2])
@pytest.mark.parametrize("threshold", [0, 1])
def test_relu_with_all_of_keras_arguments(slope, most, threshold):
    """Keras' definition: f(x) = max_value for x >= max_value, x for threshold <= x < max_value,
    negative_slope * (x - threshold) otherwise.
    """
    x = np.array([-3.0, -1, -0.25, 0.25, 0.75, 1.5, 1.75, 2.5, np.nan])

    def definition(v):
        if np.isnan(v):
            return v
        if v > threshold:
            return v if most is None else min(v, most)
        return slope * (v - threshold)

    expected = [definition(v) for v in x]
    received = activations.relu(x, negative_slope=slope, max_value=most, threshold=threshold)
    np.testing.assert_array_equal(received, expected)
    layer = layers.ReLU(most, slope, threshold)
    check_layer(layer, (5, 4, 3), samples=100)
    np.testing.assert_array_equal(layer.clone()(x[None, :8]), np.float32(expected)[None, :8])
    plain = not slope and not threshold
    assert ("negative_slope" in layer.get_config()) == bool(slope)
    assert layer.is_plain == (plain and most is None)


def test_the_engine_does_not_take_a_relu_with_arguments_for_a_plain_one():
    x = np.random.default_rng(0).standard_normal((4, 6, 6, 2)).astype(np.float32)
    for relu in (layers.ReLU(negative_slope=0.5), layers.ReLU(threshold=0.5)):
        model = Sequential([Input((6, 6, 2)), layers.Conv2D(3, 3), relu], seed=0)
        received = model.forward(x)
        model.engine = "reference"
        np.testing.assert_allclose(received, model.forward(x), rtol=1e-5, atol=1e-6)


# What an activation may be


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (activations.swish, "silu"),
        (activations.relu6, "relu6"),
        (layers.ReLU(), "relu"),
        (layers.ReLU(6), "relu6"),
        (layers.ELU(), "elu"),
        (layers.Softmax(), "softmax"),
        (layers.Activation("mish"), "mish"),
        (layers.LeakyReLU(0.2), "leaky_relu"),
        (layers.LeakyReLU(0.1), {"class": "LeakyReLU", "config": {"negative_slope": 0.1}}),
        (layers.GELU(approximate=True), {"class": "GELU", "config": {"approximate": True}}),
        (
            layers.ReLU(negative_slope=0.5),
            {"class": "ReLU", "config": {"max_value": None, "negative_slope": 0.5}},
        ),
    ],
)
def test_activations_are_kept_by_name_or_as_class_and_arguments(given, kept, tmp_path):
    layer = layers.Dense(3, activation=given)
    assert layer.activation == kept and layer.clone().activation == kept
    model = Sequential([Input((4,)), layer, layers.Activation(given)], seed=0)
    model.save(tmp_path / "m.minicnn")
    loaded = models.load_model(tmp_path / "m.minicnn")
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    np.testing.assert_array_equal(loaded.forward(x), model.forward(x))
    assert [one.activation for one in loaded.layers] == [kept, kept]
    assert eval(repr(layer), vars(layers)).activation == kept
    check_layer(layers.Dense(3, activation=given), (4,))


def swirl(x):
    return x


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (
            swirl,
            "Dense expected activation as a name, a function of minicnn.activations or a layer "
            "such as LeakyReLU.0.1., received <function swirl .*>: a function of your own needs "
            "its derivative: write a layers.Layer with forward.x, .*, training=False. and "
            "backward.dy., and add it after Dense$",
        ),
        (lambda x: x, "a function of your own needs its derivative"),
        (np.tanh, "received <ufunc 'tanh'>: its name does, activation='tanh'$"),
        (layers.LeakyReLU, "give a layer of that class, LeakyReLU.., or its activation's name$"),
        (5, "Dense expected activation as a name, .*, received 5: "),
        (
            layers.BatchNormalization(),
            "Dense expected activation as one of ReLU, LeakyReLU, ELU, GELU, Activation and "
            "Softmax.. with its last axis, received BatchNormalization: leave it out, and add that "
            "layer after Dense$",
        ),
        (layers.Softmax(axis=1), "received Softmax: leave it out, and add that layer after"),
        ({"class": "Dense", "config": {}}, "have 'class', one of ReLU, LeakyReLU, ELU, GELU, and"),
        ({"class": ["ReLU"], "config": {}}, "expected activation as a dict to have 'class'"),
        ({"class": "ReLU"}, "and 'config', its arguments, received .* give the layer itself"),
        ({"class": "ReLU", "config": {"threshold": -1}}, "ReLU expected threshold as a finite num"),
    ],
)
def test_what_is_no_activation(activation, message):
    with pytest.raises(ValueError, match=message) as caught:
        layers.Dense(2, activation=activation)
    print(caught.value)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: activations.get("rellu"), "has no activation 'rellu'. Did you mean 'relu'"),
        (lambda: activations.get(swirl), "activations.get expected activation as a name, a func"),
        (lambda: activations.relu([1.0], threshold=-1), "ReLU expected threshold as a finite"),
        (lambda: layers.ELU("a"), "ELU expected alpha as a finite number, received 'a'"),
        (lambda: layers.ReLU(negative_slope=None), "negative_slope as a finite number of at least"),
        (lambda: layers.GELU(approximate="tanh"), "GELU expected approximate as True or False"),
    ],
)
def test_bad_arguments(act, message):
    with pytest.raises(ValueError, match=message) as caught:
        act()
    print(caught.value)


def test_functions_refuse_what_is_no_array():
    with pytest.raises(TypeError, match="expected an array of numbers or a symbolic tensor, rec"):
        activations.sigmoid("high")
    with pytest.raises(TypeError, match="celu expected alpha=1.0, .* ELU.alpha. is near it"):
        activations.celu([1.0], alpha=2)


def test_a_file_cannot_name_another_layer_as_an_activation():
    for activation in ({"class": "Lambda", "config": {}}, {"class": "GELU", "config": {"at": 1}}):
        config = {"units": 2, "activation": activation}
        with pytest.raises(ModelFileError, match="gives Dense arguments that it does not take: "):
            make({"class": "Dense", "config": config}, layers.LAYERS, "layer")


def test_every_layer_that_takes_an_activation_takes_a_layer():
    taking = {
        kind
        for kind in layers.LAYERS.values()
        if "activation" in signature(kind.__init__).parameters and kind is not layers.Activation
    }
    assert layers.Conv2D in taking and layers.Dense in taking
    for kind in taking:
        size = {} if kind in (layers.Dense, layers.DepthwiseConv2D) else {"kernel_size": 1}
        made = kind(3, **size, activation=layers.LeakyReLU(0.1))
        assert made.activation == {"class": "LeakyReLU", "config": {"negative_slope": 0.1}}
        assert made.clone().activation_layer.negative_slope == 0.1
        with pytest.raises(ValueError, match=f"add it after {kind.__name__}$"):
            kind(3, **size, activation=swirl)
