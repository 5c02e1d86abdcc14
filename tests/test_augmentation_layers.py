"""Augmentation layers in inference, their shapes, files and mistakes."""

import re

import numpy as np
import pytest
from augmentation_cases import EVERY, built, every_layer, some_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Sequential, layers, models


@every_layer
def test_inference_leaves_pictures_as_they_are(make):
    x = some_bytes(3, 7, 5, 3)
    y = built(make(), (7, 5, 3)).forward(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x)


@every_layer
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=15)
def test_every_size_of_picture(make, height, width, channels, count):
    layer = layers.RandomCrop(height, width, padding=2) if make is EVERY["crop"] else make()
    shape = built(layer, (height, width, channels)).output_shape
    assert shape == (height, width, channels)
    x = some_bytes(count, *shape)
    for pictures in (x, x.astype(np.float64), x[:, ::-1]):  # the last one is not contiguous
        y = layer.forward(pictures, training=True)
        assert y.shape == x.shape and y.dtype == np.float32 and y.flags.c_contiguous
        assert ((y >= 0) & (y <= 255)).all()


def test_a_model_with_every_layer_is_saved_and_loaded(tmp_path):
    every = [make() for make in EVERY.values()] + [
        layers.RandomErasing(0.3, fill_value=(1.0, 2.0, 3.0))
    ]
    model = Sequential([layers.Input((7, 5, 3)), *every, layers.Flatten(), layers.Dense(2)], seed=8)
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(tmp_path / "model.safetensors")
    for ours, theirs in zip(model.layers, loaded.layers, strict=True):
        assert type(ours) is type(theirs)
        assert repr(ours).replace("(", "[").replace(")", "]") == repr(theirs).replace(
            "(", "["
        ).replace(")", "]")
    x = some_bytes(4, 7, 5, 3)
    np.testing.assert_array_equal(model.forward(x), loaded.forward(x))
    # the same seed
    np.testing.assert_array_equal(model.forward(x, training=True), loaded.forward(x, training=True))


def test_a_rotation_says_its_degrees():
    assert repr(layers.RandomRotation(0.1)).endswith(": -36 to 36 degrees")
    assert repr(layers.RandomRotation((0.25, -0.1))).endswith(": -36 to 90 degrees")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.RandomFlip("sideways"),
            "RandomFlip expected mode to be one of ['horizontal', 'vertical', ",
        ),
        (
            lambda: layers.RandomFlip(alternate=True),
            "RandomFlip(alternate=True) expected one direction, received mode='horizontal_and_",
        ),
        (
            lambda: layers.RandomFlip("vertical", alternate="yes"),
            "RandomFlip expected alternate as True or False, received 'yes'",
        ),
        (
            lambda: layers.RandomRotation(2),
            "RandomRotation expected factor as a number from -1 to 1, or a pair of ",
        ),
        (
            lambda: layers.RandomZoom(0.1, "a"),
            "RandomZoom expected width_factor as a number from -1 to 1, or a pair",
        ),
        (
            lambda: layers.RandomTranslation((1, 2), 0),
            "RandomTranslation expected height_factor as a number from -1",
        ),
        (
            lambda: layers.RandomTranslation(0.1, (0, 0, 0)),
            "RandomTranslation expected width_factor as a number",
        ),
        (
            lambda: layers.RandomRotation(0.1, fill_mode="mirror"),
            "RandomRotation expected fill_mode to be one of ['constant', 'nearest', 'reflect', "
            "'wrap'], received 'mirror'",
        ),
        (
            lambda: layers.RandomZoom(0.1, interpolation="cubic"),
            "RandomZoom expected interpolation to be one of ['bilinear', 'nearest'], received "
            "'cubic'",
        ),
        (
            lambda: layers.RandomCrop(0, 3),
            "RandomCrop expected height and width of at least 1, received 0",
        ),
        (
            lambda: layers.RandomCrop(3, 3, padding=-1),
            "RandomCrop expected padding of at least 0, received -1",
        ),
        (
            lambda: layers.RandomCrop(3, 3, padding=10**9),
            "RandomCrop expected padding of at most 65535 pixels, received 1000000000: a few are "
            "usual",
        ),
        (
            lambda: layers.RandomCrop(3, 3, padding_mode="mirror"),
            "RandomCrop expected padding_mode to be one of ['constant', 'edge', 'reflect', "
            "'symmetric', 'wrap'], received 'mirror'",
        ),
        (
            lambda: built(layers.RandomCrop(10, 8, padding=1), (7, 7, 3)),
            "RandomCrop expected pictures of at least 10x8 with padding=1, received 7x7: padding=2 "
            "would do",
        ),
        (
            lambda: layers.RandomBrightness(0.1, (1, 0)),
            "RandomBrightness expected value_range as (low, high), such as (0, 255) or (0, 1), "
            "received (1, 0)",
        ),
        (
            lambda: layers.RandomBrightness(0.1, 255),
            "RandomBrightness expected value_range as (low, high), such as",
        ),
        (
            lambda: layers.RandomContrast(-0.1),
            "RandomContrast expected factor as a number from 0 to 1, or a pair",
        ),
        (
            lambda: layers.RandomErasing(scale=2.0),
            "RandomErasing expected scale as a number from 0 to 1, or a pair",
        ),
        (
            lambda: built(layers.RandomErasing(fill_value=(1, 2)), (7, 7, 3)),
            "RandomErasing expected fill_value to be None, a number or one for each of 3 channels, "
            "received (1, 2)",
        ),
        (
            lambda: built(layers.RandomFlip(), (10,)),
            "RandomFlip expected pictures of shape (N, H, W, C), received samples of shape (10,)",
        ),
        (
            lambda: built(layers.RandomBrightness(0.1), (2, 2, 1)).forward(
                np.full((1, 2, 2, 1), 256.0), training=True
            ),
            "RandomBrightness expected values from 0 to 255, received 256 to 256, which it would "
            "cut off: value_range must be that of the pictures as they reach the layer: (0, 255), "
            "or (0, 1) after Rescaling",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make()


@pytest.mark.parametrize("make", [layers.RandomBrightness, layers.RandomContrast])
def test_pictures_of_another_range_than_expected_warn_once(make):
    x = np.random.default_rng(0).random((2, 3, 3, 1))
    layer = built(make(0.2), (3, 3, 1))
    with pytest.warns(
        UserWarning,
        match=r"expects values from 0 to 255, but they only reach 0\.9\d+: value_range must",
    ):
        layer.forward(x, training=True)
    layer.forward(x, training=True)
    built(make(0.2, value_range=(0, 1)), (3, 3, 1)).forward(x, training=True)
