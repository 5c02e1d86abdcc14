"""Networks that learn to be whole numbers: gradients, what they compute, what becomes of them."""

import numpy as np
import pytest
from quantize_models import branching, chain, pictures

from minicnn import Input, Sequential, layers, models, quantize
from minicnn.optimizers import Adam
from minicnn.quantize.aware_layers import rounded

X = pictures(64, (8, 8, 3))
Y = (X.mean(axis=(1, 2)).argmax(axis=-1)).astype(np.int64)


def test_rounding_passes_gradients_straight_through_and_clipping_stops_them():
    """As does clip(x, low, high), by finite differences: that is the function without rounding."""
    layer = quantize.FakeQuantize(-1.0, 1.55)
    x = np.array([[-3.0, -1.1, -0.9, 0.0, 0.3, 1.5, 1.6, 9.0]])
    layer.build(x.shape[1:], np.random.default_rng(0), np.float64)
    dy = np.arange(1.0, 9.0)[None]
    layer.forward(x, training=True)
    step = 1e-6
    low, high = np.clip(x - step, -1, 1.55), np.clip(x + step, -1, 1.55)
    np.testing.assert_allclose(layer.backward(dy), dy * (high - low) / (2 * step), rtol=1e-6)


def test_what_is_rounded_is_what_int8_has():
    layer = quantize.FakeQuantize(-1.0, 1.55)
    x = np.linspace(-2, 2, 5001, dtype=np.float32)[None]
    y = layer(x)
    assert len(np.unique(y)) == 256
    assert np.abs(y - np.clip(x, -1, 1.55)).max() <= 0.00501
    assert 0 in y


KINDS = {
    "conv": (quantize.AwareConv2D, layers.Conv2D, (4, 3), {"padding": "same", "groups": 1}),
    "depthwise": (
        quantize.AwareDepthwiseConv2D,
        layers.DepthwiseConv2D,
        (3,),
        {"depth_multiplier": 2},
    ),
    "dense": (quantize.AwareDense, layers.Dense, (5,), {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_layers_compute_and_differentiate_as_with_a_rounded_kernel(kind):
    """Straight through: dK is that of the rounded kernel."""
    aware, plain, arguments, options = KINDS[kind]
    shape = (6,) if kind == "dense" else (5, 6, 3)
    one, other = (
        make(*arguments, activation="relu", name="it", **options) for make in (aware, plain)
    )
    for layer in (one, other):
        layer.build(shape, np.random.default_rng(1), np.float64)
    kernel = one.params["kernel"].copy()
    other.params["kernel"][...] = one._to_whole(kernel)
    assert not np.array_equal(other.params["kernel"], kernel)
    x = np.random.default_rng(2).normal(size=(3, *shape))
    y = one.forward(x, training=True)
    np.testing.assert_array_equal(y, other.forward(x, training=True))
    np.testing.assert_array_equal(one.params["kernel"], kernel)
    dy = np.random.default_rng(3).normal(size=y.shape)
    np.testing.assert_array_equal(one.backward(dy), other.backward(dy))
    for name, gradient in other.grads.items():
        np.testing.assert_array_equal(one.grads[name], gradient)


def test_kernels_are_rounded_for_each_filter():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 4)) * [1, 100, 0.01, 0]
    steps = rounded(kernel) / np.where((most := np.abs(kernel).max(axis=(0, 1, 2))) > 0, most, 1)
    np.testing.assert_allclose(steps * 63, np.rint(steps * 63), atol=1e-9)


@pytest.mark.parametrize("make", [branching, chain])
def test_without_training_the_whole_numbers_are_the_same(make):
    model = make()
    shape = model.input_shape[1:]
    x = pictures(shape=shape)
    careful = quantize.aware(model, x)
    careful.engine = "reference"
    whole = quantize.quantized(careful)
    # (x / 255) k rounds otherwise than x (k / 255), which may move the last bit of a scale
    at_once = quantize.quantized(model, x).predict(x)
    np.testing.assert_allclose(whole.predict(x), at_once, rtol=1e-6)
    apart = np.abs(careful.predict(x, verbose=0) - whole.predict(x)).max(axis=-1)
    assert apart.max() < 0.02
    assert np.median(apart) < 1e-5  # but for roundings that are halfway
    assert careful.class_names == model.class_names


def test_it_learns_and_comes_out_of_its_file(tmp_path):
    careful = quantize.aware(chain(), X, seed=0)
    careful.engine = "reference"
    careful.compile(Adam(1e-2), "sparse_categorical_crossentropy", ["accuracy"])
    losses = careful.fit(X, Y, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    careful.save(tmp_path / "aware.safetensors")
    again = models.load_model(tmp_path / "aware.safetensors", custom_objects=quantize.LAYERS)
    again.engine = "reference"
    assert np.array_equal(again.predict(X, verbose=0), careful.predict(X, verbose=0))
    whole = quantize.quantized(again)
    apart = np.abs(whole.predict(X) - careful.predict(X, verbose=0)).max(axis=-1)
    assert np.median(apart) < 1e-5


def test_a_rescaling_stays_apart_until_whole_numbers_are_made():
    """A kernel of which 1 / 255 is a part would take steps that are 255 times too large."""
    stack = [Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu")]
    model = Sequential([*stack, layers.Flatten(), layers.Dense(3, activation="softmax")], seed=0)
    model.note_weights()
    x = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype(np.float32)
    careful = quantize.aware(model, x)
    careful.engine = "reference"
    for before, after in zip(model.get_weights(), careful.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    whole = quantize.quantized(careful)
    assert [one.kind for one in whole.operations] == ["conv2d", "reshape", "dense"]
    # (x / 255) k rounds otherwise than x (k / 255), which may move the last bit of a scale
    at_once = quantize.quantized(model, x).predict(x)
    np.testing.assert_allclose(whole.predict(x), at_once, rtol=1e-6)
