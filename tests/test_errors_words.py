"""Misspelt words, and what users are told of them."""

import numpy as np
import pytest
from error_cases import classifier, pictures

from minicnn import initializers, layers, losses, metrics, optimizers
from minicnn.errors import DataError, ModelFileError, did_you_mean


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.Conv2D(2, kernal_size=3),
            "Conv2D has no argument 'kernal_size'. Did you mean 'kernel_size'?",
        ),
        (
            lambda: layers.Conv2D(2, 3, stride=2),
            "Conv2D has no argument 'stride'. Did you mean 'strides'?",
        ),
        (
            lambda: layers.Dense(2, activaton="relu"),
            "Dense has no argument 'activaton'. Did you mean 'activation'?",
        ),
        (
            lambda: layers.Dense(2, inputshape=(3,)),
            "Dense has no argument 'inputshape'. Did you mean 'input_shape'?",
        ),
        (
            lambda: layers.MaxPooling2D(size=2),
            "MaxPooling2D has no argument 'size'. Did you mean 'pool_size'?",
        ),
        (
            lambda: layers.Flatten(zzz=1),
            "Flatten has no argument 'zzz'. Known are: input_shape, name, trainable.",
        ),
        (
            lambda: optimizers.SGD(lerning_rate=1),
            "SGD has no argument 'lerning_rate'. Did you mean 'learning_rate'?",
        ),
        (
            lambda: classifier().fit(*pictures(), epoch=3),
            "fit has no argument 'epoch'. Did you mean 'epochs'?",
        ),
        (
            lambda: classifier().compile(optimiser="adam"),
            "compile has no argument 'optimiser'. Did you mean 'optimizer'?",
        ),
    ],
)
def test_a_misspelt_argument(make, message):
    with pytest.raises(TypeError, match=message.replace("?", r"\?")):
        make()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Conv2d", "Conv2D"),
        ("CONV2D", "Conv2D"),
        ("Dens", "Dense"),
        ("MaxPool2d", "MaxPool2D"),
        ("Relu", "ReLU"),
    ],
)
def test_a_misspelt_layer(name, nearest):
    with pytest.raises(
        AttributeError,
        match=rf"module 'minicnn.layers' has no attribute '{name}'. Did you mean '{nearest}'\?",
    ):
        getattr(layers, name)


def test_a_layer_that_minicnn_does_not_have():
    with pytest.raises(
        AttributeError,
        match=r"has no attribute 'Octagon'. Known are: Activation, Add, Average, .*ZeroPadding2D",
    ):
        layers.Octagon  # noqa: B018  the look-up is the test


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.get("adamm"), "unknown optimizer 'adamm'. Did you mean 'adam'?"),
        (
            lambda: optimizers.get("newton"),
            "unknown optimizer 'newton'. Known are: adadelta, adagrad, adam, ad",
        ),
        (lambda: optimizers.get(None), "unknown optimizer None"),
        (
            lambda: optimizers.get(losses.Huber),
            "unknown optimizer <class 'minicnn.losses.robust.Huber'>",
        ),
        (lambda: losses.get("categorical_crossentrpy"), "Did you mean 'categorical_crossentropy'?"),
        (
            lambda: losses.get("zero_one"),
            "unknown loss 'zero_one'. Known are: binary_crossentropy, binary_focal",
        ),
        (lambda: losses.get(7), "unknown loss 7. Known are: binary_crossentropy"),
        (lambda: metrics.get("acuracy"), "unknown metric 'acuracy'. Did you mean 'accuracy'?"),
        (lambda: metrics.get("auk"), "unknown metric 'auk'. Did you mean 'auc'"),
        (
            lambda: initializers.get("glorot_unifrom"),
            "unknown initializer 'glorot_unifrom'. Did you mean 'glorot_uniform'?",
        ),
        (lambda: layers.Dense(2, kernel_initializer="he_norml"), "Did you mean 'he_normal'?"),
        (
            lambda: layers.Conv2D(2, 3, kernel_initializer="thirds"),
            "Conv2D has no kernel_initializer 'thirds'. Known are:",
        ),
        (
            lambda: layers.Dense(2, activation="rellu"),
            "Dense has no activation 'rellu'. Did you mean 'relu'?",
        ),
        (
            lambda: layers.Conv2D(2, 3, activation="Softmax"),
            "Conv2D has no activation 'Softmax'. Did you mean 'softmax'?",
        ),
        (
            lambda: layers.Activation("zigzag"),
            "Activation has no activation 'zigzag'. Known are: celu, elu, exponential, gelu,",
        ),
        (lambda: classifier().compile("adma"), "unknown optimizer 'adma'. Did you mean 'adam'"),
        (
            lambda: classifier().compile(loss="sparse_crossentropy"),
            "unknown loss 'sparse_crossentropy'. Did you mean",
        ),
        (
            lambda: classifier().compile(metrics=["acuracy"]),
            "unknown metric 'acuracy'. Did you mean 'accuracy'?",
        ),
        (
            lambda: classifier().get_layer("dens"),
            "'net' has no layer 'dens'. Did you mean 'dense'?",
        ),
    ],
)
def test_a_misspelt_name(make, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        make()


def test_an_initializer_of_ones_own_cannot_be_kept_in_a_file():
    with pytest.raises(
        ValueError,
        match="cannot be named in a model file: use one of glorot_uniform, glorot_normal, he_uni",
    ):
        layers.Dense(2, kernel_initializer=lambda *given: np.ones(given[0], given[2]))


def test_did_you_mean():
    assert did_you_mean("kernal_size", ["filters", "kernel_size"]) == " Did you mean 'kernel_size'?"
    assert did_you_mean("CONV2D", ["Conv2D", "Dense"]) == " Did you mean 'Conv2D'?"
    assert did_you_mean("xyz", ["b", "a"]) == " Known are: a, b."


def test_the_packages_own_errors_are_value_errors():
    assert issubclass(ModelFileError, ValueError) and issubclass(DataError, ValueError)
