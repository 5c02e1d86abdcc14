"""Arguments of a wrong kind are refused where they are given, and what Keras' users write works."""

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, applications, layers, losses, models
from minicnn.models import load_model

X = np.random.default_rng(0).random((6, 4, 4, 2), np.float32)


@pytest.mark.parametrize("axis", [(1, 2), [3], [-1, 1]])
def test_a_softmax_over_several_axes_is_saved_and_loaded(axis, tmp_path):
    model = Sequential([Input((4, 4, 2)), layers.Softmax(axis=axis)], seed=0)
    y = model.forward(X)
    np.testing.assert_allclose(y.sum(axis=tuple(axis)), 1, rtol=1e-6)
    model.save(tmp_path / "m.safetensors")
    assert np.array_equal(load_model(tmp_path / "m.safetensors").forward(X), y)


WRONG = [
    (lambda: layers.Softmax(axis="x"), "Softmax expected axis as an integer or a list of them"),
    (lambda: layers.Softmax(axis=1.5), "Softmax expected axis as an integer or a list of them"),
    (lambda: Sequential([Input((4,)), layers.Softmax(axis=7)]), "axes of its samples, each once"),
    (lambda: layers.Softmax(axis=0).build((4,)), "each once, counted with the batch axis, 1 to 1"),
    (lambda: layers.Softmax(axis=(1, -1)).build((4,)), r"received axis=\[1, -1\]"),
    (lambda: losses.deserialize("x"), "losses expected a description as"),
    (lambda: losses.deserialize(None), "losses expected a description as"),
    (lambda: models.clone_model("x"), "clone_model expected a model, received 'x'"),
    (
        lambda: applications.MobileNetV2(weights=None, input_tensor="x"),
        "MobileNetV2 expected input_tensor as a symbolic tensor",
    ),
    (
        lambda: layers.Conv2D(2, 1, use_bias="False"),
        "Conv2D expected use_bias as True or False, received 'False'",
    ),
    (lambda: layers.Dense(2, use_bias=None), "Dense expected use_bias as True or False"),
    (lambda: layers.GaussianNoise(0.5, seed=1.5), "GaussianNoise expected seed"),
    (lambda: layers.Dropout(0.5, seed="x"), "Dropout expected seed"),
    (lambda: layers.RandomFlip(seed=-1), "RandomFlip expected seed"),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_is_of_a_wrong_kind_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message) as error:
        make()
    print(error.value)


def test_an_input_layer_begins_a_sequential():
    model = Sequential([layers.InputLayer(shape=(4, 4, 2)), layers.Flatten(), layers.Dense(3)])
    assert model.output_shape == (None, 3)
    assert [layer.name for layer in model.layers] == ["flatten", "dense"]


def test_a_list_of_one_output_is_one_output():
    """As in Keras: U-Nets are written Model(inputs=[x], outputs=[y])."""
    x = Input((4, 4, 2))
    model = Model(inputs=[x], outputs=[layers.Flatten()(x)])
    assert isinstance(model.predict(X), np.ndarray) and isinstance(model(X), np.ndarray)
    assert model.output_shape == (None, 32)


def test_batches_are_measured_and_predicted():
    model = Sequential([Input((4, 4, 2)), layers.Flatten(), layers.Dense(3, "softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    y = np.arange(6) % 3
    assert model.test_on_batch(X, y) == model.evaluate(X, y, verbose=0)
    assert model.test_on_batch(X, y, return_dict=True).keys() == {"loss", "accuracy"}
    model.train_on_batch(X, y)
    assert np.array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))


def test_pooling_layers_have_keras_short_names():
    assert layers.AvgPool2D is layers.AveragePooling2D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    assert layers.GlobalMaxPool2D is layers.GlobalMaxPooling2D
