"""Mistakes that users make with networks, and what they are told: who, what was expected, what was
received, and the likely fix.
"""

import warnings

import numpy as np
import pytest
from error_cases import classifier, pictures, used

from minicnn import Input, Sequential, layers
from minicnn.errors import ModelFileError

# Windows and ranks


@pytest.mark.parametrize(
    ("layer", "window"),
    [
        (layers.Conv2D(1, 3), "3x3"),
        (layers.Conv2D(1, (1, 3)), "1x3"),
        (layers.MaxPooling2D((3, 2)), "3x2"),
        (layers.AveragePooling2D(3), "3x3"),
        (layers.Conv2D(1, 2, dilation_rate=2), "2x2"),
    ],
)
def test_a_window_larger_than_its_input(layer, window):
    model = Sequential([Input((5, 5, 1)), layers.MaxPooling2D()])  # 5 -> 2
    message = (
        rf"^{type(layer).__name__} '\w+' receives pictures of 2x2, smaller than its {window} "
        r"window.*: "
        r"use padding='same' or leave out a pooling layer before it"
    )
    with pytest.raises(ValueError, match=message):
        model.add(layer)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(1, 1),
        layers.MaxPooling2D(),
        layers.AveragePooling2D(2),
        layers.ZeroPadding2D(),
        layers.GlobalAveragePooling2D(),
        layers.GlobalMaxPooling2D(),
    ],
)
def test_layers_for_pictures_on_something_else(layer):
    message = (
        rf"^{type(layer).__name__} '\w+' expected pictures of shape \(N, H, W, C\), received "
        r"samples of .* \(4,\)"
    )
    with pytest.raises(ValueError, match=message):
        Sequential([Input((4,)), layer])


def test_a_model_whose_output_is_a_picture():
    """Without a Flatten, (N, 6, 6, 3) goes into the loss, where NumPy would broadcast it with the
    labels.
    """
    x, y = pictures()
    model = Sequential([Input((8, 8, 2)), layers.Conv2D(3, 3, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    message = (
        r"expected integer labels \(N, 6, 6\) .*received shape \(6,\): .*put Flatten\(\) or "
        r"GlobalAveragePooling2D\(\)"
    )
    for method in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=message):
            method(x, y)


# Pixels


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_pixels_up_to_255_without_a_layer_for_them(method):
    x, y = pictures()
    model = used(classifier())
    arguments = (x * 255,) if method == "predict" else (x * 255, y)
    message = (
        r"pixels up to 25\d(\.\d)? go into Conv2D 'conv2d' as they are: "
        r"put Rescaling\(1 / 255\) first in the model, or divide them by 255"
    )
    with pytest.warns(UserWarning, match=message) as got:
        getattr(model, method)(*arguments, verbose=0)
    assert [w.filename for w in got] == [__file__]


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_pixels_up_to_1_with_a_rescaling(method):
    x, y = pictures()
    model = used(classifier(layers.Rescaling(1 / 255)))
    message = (
        r"Rescaling 'rescaling' multiplies pixels by 0.003922, but they only reach (1|0.\d+): "
        r"hand over the original 0 ... 255, or leave out the layer"
    )
    with pytest.warns(UserWarning, match=message):
        getattr(model, method)(*((x,) if method == "predict" else (x, y)), verbose=0)


@pytest.mark.parametrize(
    ("first", "scale", "shift"),
    [
        ([], 1, 0),
        ([], 255, -128),  # centred: whoever did that knows
        ([layers.Rescaling(1 / 255)], 255, 0),
        ([layers.Rescaling(1 / 255)], 0, 0),  # black pictures say nothing
        ([layers.Rescaling(2.0, offset=-1)], 1, 0),
        ([layers.Normalization(mean=120.0, variance=3600.0)], 255, 0),
        ([layers.BatchNormalization()], 255, 0),
        # no weight sees the raw pixels
        (
            [layers.ZeroPadding2D(), layers.Rescaling(1 / 255)],
            255,
            0,
        ),
    ],
)
def test_pixels_as_the_model_wants_them_are_fine(first, scale, shift):
    x, y = pictures()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(*first).fit(x * scale + shift, y, verbose=0)


# Order of calls


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_training_before_compile(method):
    x, y = pictures()
    model = Sequential([Input((8, 8, 2)), layers.Flatten(), layers.Dense(3)], name="net")
    message = (
        r"'net' is not compiled: call compile\(optimizer='adam', loss='categorical_crossentropy', "
        r".* first"
    )
    with pytest.raises(RuntimeError, match=message):
        getattr(model, method)(x, y)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_a_model_without_layers(method):
    x, y = pictures()
    model = Sequential(name="empty")
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(
        ValueError, match=r"Sequential 'empty' has no layers: add\(\.\.\.\) some first"
    ):
        getattr(model, method)(x, y)


def test_predictions_of_fresh_weights():
    x, y = pictures()
    message = (
        "'net' has neither been trained nor loaded: its predictions are random. Call fit, "
        "load_weights or"
    )
    with pytest.warns(UserWarning, match=message) as got:
        classifier().predict(x)
    assert got[0].filename == __file__
    for use in (
        lambda m: m.fit(x, y, verbose=0),
        lambda m: m.train_on_batch(x, y),
        lambda m: m.set_weights(m.get_weights()),
        lambda m: [layer.set_weights(layer.get_weights()) for layer in m.layers],
    ):
        model = classifier()
        use(model)
        model.predict(x)  # no warning, which would be an error here
    Sequential([Input((8, 8, 2)), layers.Flatten()]).predict(x)  # nothing to train
    model = classifier()
    model.get_layer("conv2d").set_weights(model.get_layer("conv2d").get_weights())
    with pytest.warns(UserWarning, match=message):  # the dense layer's are still random
        model.predict(x)
    model.fit(x, y, verbose=0)
    Sequential(model.layers[:-1]).predict(x)  # a part of a trained model


def test_a_layer_before_build():
    with pytest.raises(
        RuntimeError,
        match=r"Dense has no weights yet: call build\(input_shape\) first, or use it in",
    ):
        layers.Dense(3).forward(np.zeros((1, 2)))


@pytest.mark.parametrize("shape", [(6, 4), (5, 3)])
def test_a_gradient_of_another_shape(shape):
    x, _ = pictures()
    model = classifier()
    model.forward(x, training=True)
    message = (
        r"Dense 'dense'.backward expected dy of its output's shape \(6, 3\), received "
        rf"\({shape[0]}, {shape[1]}\)"
    )
    with pytest.raises(ValueError, match=message):
        model.backward(np.zeros(shape, np.float32))


# Weights of another model


def test_weights_of_another_model(tmp_path):
    x, y = pictures()
    source, target = classifier(classes=3), classifier(classes=4)
    source.save_weights(tmp_path / "three.safetensors")
    table = (
        r"three.safetensors' does not fit 'net' \(skip_mismatch=True loads what fits\):\n"
        r"  weight +in the file +in the model\n"
        r"  dense/kernel +\(72, 3\) +\(72, 4\)\n"
        r"  dense/bias +\(3,\) +\(4,\)$"
    )
    with pytest.raises(ModelFileError, match=table):
        target.load_weights(tmp_path / "three.safetensors")


def test_set_weights_of_another_shape():
    model = classifier()
    message = (
        r"Dense 'dense' expected weights kernel \(72, 3\), bias \(3,\), received shapes "
        r"\[\(72, 4\), \(3,\)\]"
    )
    with pytest.raises(ValueError, match=message):
        model.get_layer("dense").set_weights([np.zeros((72, 4)), np.zeros(3)])
