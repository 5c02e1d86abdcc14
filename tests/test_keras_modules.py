"""Modules that Keras has or had: those that are there, and what the others say."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn as keras
from minicnn import applications, layers

GOLDEN = json.loads((Path(__file__).parent / "golden" / "preprocess_input.json").read_text())
PICTURE = np.array([GOLDEN["picture"]], np.uint8)


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "picture"])
def test_pixels_enter_networks_as_in_keras(name):
    prepare = getattr(applications, name).preprocess_input
    for picture in (PICTURE, PICTURE.astype(np.float32), PICTURE.astype(np.float64)):
        before = picture.copy()
        prepared = prepare(picture, data_format=None)
        np.testing.assert_allclose(prepared, [GOLDEN[name]], rtol=1e-6, atol=1e-6)
        assert np.array_equal(picture, before) and name == "efficientnet" or prepared is not picture
        assert name == "efficientnet" or prepared.dtype == np.result_type(picture, np.float32)


def test_networks_are_in_the_modules_of_their_names():
    assert applications.mobilenet_v2.MobileNetV2 is applications.MobileNetV2
    assert applications.resnet50.ResNet50 is applications.resnet.ResNet50 is applications.ResNet50
    assert applications.efficientnet.EfficientNetB0 is applications.EfficientNetB0
    from minicnn.applications.mobilenet_v2 import preprocess_input

    assert preprocess_input is keras.applications.mobilenet_v2.preprocess_input


def test_symbolic_pixels_get_a_layer():
    inputs = keras.Input((2, 2, 3))
    model = keras.Model(inputs, applications.mobilenet_v2.preprocess_input(inputs))
    np.testing.assert_allclose(model(PICTURE), [GOLDEN["mobilenet_v2"]], atol=1e-6)
    assert isinstance(model.layers[-1], layers.Rescaling)
    assert applications.efficientnet.preprocess_input(inputs) is inputs


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (
            lambda: applications.resnet50.preprocess_input(keras.Input((2, 2, 3))),
            TypeError,
            r"resnet50.preprocess_input expected pictures \(N, H, W, 3\), received the symbolic "
            r".*no layer exchanges channels.*preprocessing_function=preprocess_input\)",
        ),
        (
            lambda: applications.resnet50.preprocess_input(np.ones((1, 2, 2, 1))),
            ValueError,
            r"received shape \(1, 2, 2, 1\): np.repeat\(x, 3, axis=-1\) makes three channels",
        ),
        (
            lambda: applications.mobilenet_v2.preprocess_input(PICTURE, data_format="channels_f"),
            TypeError,
            "preprocess_input expected data_format=None, .* minicnn is channels-last",
        ),
    ],
)
def test_pixels_that_do_not_enter(ask, error, message):
    with pytest.raises(error, match=message) as caught:
        ask()
    print(caught.value)


def test_the_backend_has_what_scripts_still_ask_of_it():
    from minicnn import backend as K  # noqa: N812 (as scripts write it)

    assert (K.epsilon(), K.floatx(), K.image_data_format()) == (1e-7, "float32", "channels_last")
    assert keras.utils.clear_session is K.clear_session
    K.clear_session()
    model = keras.Sequential([layers.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Conv2D(2, 1)])
    K.clear_session(free_memory=False)
    again = keras.Sequential([layers.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Conv2D(2, 1)])
    for made in (model, again):
        assert [layer.name for layer in made.layers] == ["conv2d", "conv2d_1"]


def test_models_are_loaded_by_saving_too(tmp_path):
    assert keras.saving.load_model is keras.models.load_model
    from minicnn.saving import load_model

    keras.Sequential([layers.Input((3,)), layers.Dense(2)]).save(tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors").count_params() == 8


@pytest.mark.parametrize(
    ("look_up", "message"),
    [
        (
            lambda: keras.backend.set_value,
            r"'minicnn.backend' has no attribute 'set_value'. Use optimizer.learning_rate = value",
        ),
        (lambda: keras.backend.mean, "'mean'. There is no backend: use numpy for arrays"),
        (lambda: keras.backend.set_image_data_format, "There is nothing to be set: leave it out"),
        (lambda: keras.backend.get_value, r"Use float\(optimizer.learning_rate\)"),
        (lambda: keras.applications.resnet.ResNet101, "'ResNet101'. It is not there: ResNet50,"),
        (
            lambda: keras.applications.mobilenet_v2.decode_predictions,
            r"'decode_predictions'. ImageNet's names do not come with minicnn: predict\(x\).argmax",
        ),
        (
            lambda: layers.experimental.preprocessing.RandomFlip,
            "'experimental'. There are no such parts: every layer is in layers itself.",
        ),
        (lambda: keras.optimizers.legacy.Adam, "'legacy'. Use the optimizers themselves: Adam"),
        (lambda: keras.saving.save_model, r"'save_model'. Use model.save\(filepath\)."),
        (
            lambda: layers.normalization.BatchNormalization,
            "'BatchNormalization'. Import it from minicnn.layers.",
        ),
    ],
)
def test_what_a_module_says_of_a_name_that_is_not_there(look_up, message):
    with pytest.raises(AttributeError, match=message) as caught:
        look_up()
    print(caught.value)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "from minicnn.applications.vgg16 import VGG16, preprocess_input",
            "No module named 'minicnn.applications.vgg16'. It is not there: ResNet50, MobileNetV2",
        ),
        (
            "import minicnn.applications.inception_v3",
            "'minicnn.applications.inception_v3'. It is not there",
        ),
        (
            "from minicnn.layers.core import Dense",
            "'minicnn.layers.core'. There are no such parts: every layer is in layers itself.",
        ),
        (
            "from minicnn.layers.convolutional import Conv2D",
            "'minicnn.layers.convolutional'. There are no such parts",
        ),
        (
            "from minicnn.layers.experimental.preprocessing import RandomFlip",
            "'minicnn.layers.experimental'. There are no such parts",
        ),
        (
            "from minicnn.utils.np_utils import to_categorical",
            "'minicnn.utils.np_utils'. Use utils.to_categorical.",
        ),
        ("from minicnn.utils.vis_utils import plot_model", "Use utils.plot_model."),
        (
            "from minicnn.optimizers.legacy import Adam",
            "'minicnn.optimizers.legacy'. Use the optimizers themselves",
        ),
        (
            "from minicnn.preprocessing.sequence import pad_sequences",
            "minicnn classifies pictures: use preprocessing.image.",
        ),
        (
            "from minicnn.engine.topology import Layer",
            "'minicnn.engine.topology'. Use layers.Layer, layers.Input, Model and Sequential.",
        ),
        (
            "from minicnn.wrappers.scikit_learn import KerasClassifier",
            "'minicnn.wrappers'. Use minicnn.sklearn.CNNClassifier, a classifier for scikit-learn.",
        ),
        ("import minicnn.laeyrs", "^No module named 'minicnn.laeyrs'$"),
        ("import minicnn.kernels.nothing", "'minicnn.kernels.nothing'$"),
        ("import nothing_of_minicnn", "^No module named 'nothing_of_minicnn'$"),
    ],
)
def test_a_module_that_is_not_there(statement, message):
    with pytest.raises(ModuleNotFoundError, match=message) as caught:
        exec(statement)
    print(caught.value)
    assert caught.value.name not in sys.modules


@pytest.mark.parametrize("name", ["minicnn.laeyrs", "minicnn.layers.Dense", "minicnn.cli.x"])
def test_whoever_asks_whether_there_is_a_module_gets_an_answer(name):
    assert importlib.util.find_spec(name) is None


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "from minicnn.layers.normalization import BatchNormalization",
            "'BatchNormalization' from 'minicnn.layers.normalization'. Import it from minicnn.lay",
        ),
        ("from minicnn.layers import experimental", "'experimental' from 'minicnn.layers'. There"),
        ("from minicnn.utils import np_utils", "'np_utils' from 'minicnn.utils'. Use utils.to_ca"),
        (
            "from minicnn.saving import register_keras_serializable",
            r"Use models.load_model\(filepath, custom_objects={'MyLayer': MyLayer}\).",
        ),
    ],
)
def test_a_name_that_is_not_in_a_module(statement, message):
    with pytest.raises(ImportError, match=message) as caught:
        exec(statement)
    print(caught.value)
