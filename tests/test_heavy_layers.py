"""Layers with kernels give what Keras gives, golden/heavy_layers.npz, and what their definitions
say, loop by loop.
"""

import json
import math

import numpy as np
import pytest
import reference
from golden import make_heavy_layers as recipe
from golden.make_layers import draw, unpack
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import Input, Sequential, layers, models
from minicnn.network.steps import steps
from minicnn.testing import check_layer

pytestmark = pytest.mark.nojit
GOLDEN = unpack(recipe.GOLDEN)
CASES = list(recipe.CASES.values())
EXAMPLES = settings(max_examples=60)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_keras(case):
    prefix = f"{case.name}/"
    expected = {
        key.removeprefix(prefix): value for key, value in GOLDEN.items() if key.startswith(prefix)
    }
    layer = getattr(layers, case.layer)(**case.arguments)
    assert layer.build(case.shape[1:], dtype=np.float64) == expected["y"].shape[1:]
    layer.set_weights(
        [draw(case, name, array.shape) for name, array in layer.weights_by_name.items()]
    )
    received = {"y": layer.forward(draw(case, "x", case.shape), training=True)}
    received["dx"] = layer.backward(draw(case, "dy", received["y"].shape))
    received |= {f"d{name}": gradient for name, gradient in layer.grads.items()}
    assert set(received) == set(expected)
    for key, value in expected.items():
        scale = np.abs(value).max()
        assert received[key].shape == value.shape
        np.testing.assert_allclose(received[key], value, rtol=0, atol=1e-12 * scale, err_msg=key)
        if case.values == "integers":
            np.testing.assert_array_equal(received[key], value, err_msg=key)


def integers(rng, shape):
    """Small ones: their sums are exact in float32 in any order, so every index must be right."""
    return rng.integers(-4, 5, shape).astype(np.float32)


def given_integers(layer, x, rng):
    layer.build(x.shape[1:], np.random.default_rng(0))
    for param in layer.params.values():
        param[...] = integers(rng, param.shape)
    return layer


@given(windows(dilated=True, largest=5), st.integers(1, 3), seeds)
@settings(max_examples=40)
def test_depthwise_convolution_is_the_definition_bit_for_bit(window, times, seed):
    rng = np.random.default_rng(seed)
    x = integers(rng, window["x_shape"])
    layer = layers.DepthwiseConv2D(
        window["size"],
        window["strides"],
        window["padding"],
        times,
        dilation_rate=window["dilation"],
    )
    given_integers(layer, x, rng)
    kernel = layer.params["kernel"]
    geometry = window["strides"], window["padding"], window["dilation"]
    y = layer.forward(x, training=True)
    dy = integers(rng, y.shape)
    expected, dx, dkernel = np.zeros_like(y), np.zeros_like(x), np.zeros_like(kernel)
    for n, i, j, kh, kw, h, w in reference.taps(x.shape, kernel.shape, *geometry):
        for c in range(kernel.shape[2]):
            for m in range(times):
                expected[n, i, j, c * times + m] += x[n, h, w, c] * kernel[kh, kw, c, m]
                dx[n, h, w, c] += dy[n, i, j, c * times + m] * kernel[kh, kw, c, m]
                dkernel[kh, kw, c, m] += dy[n, i, j, c * times + m] * x[n, h, w, c]
    np.testing.assert_array_equal(y, expected + layer.params["bias"])
    np.testing.assert_array_equal(layer.backward(dy), dx)
    np.testing.assert_array_equal(layer.grads["kernel"], dkernel)
    np.testing.assert_array_equal(layer.grads["bias"], dy.sum(axis=(0, 1, 2)))


@given(windows(dilated=True, largest=5), st.integers(1, 2), st.integers(1, 3), seeds)
@settings(max_examples=40)
def test_a_separable_convolution_is_a_depthwise_one_and_one_of_single_pixels(
    window, times, filters, seed
):
    rng = np.random.default_rng(seed)
    x = integers(rng, window["x_shape"])
    arguments = {
        "strides": window["strides"],
        "padding": window["padding"],
        "dilation_rate": window["dilation"],
        "depth_multiplier": times,
    }
    layer = layers.SeparableConv2D(filters, window["size"], **arguments)
    given_integers(layer, x, rng)
    first = layers.DepthwiseConv2D(window["size"], **arguments, use_bias=False)
    second = layers.Conv2D(filters, 1)
    second.build(first.build(x.shape[1:]))
    first.set_weights([layer.params["depthwise_kernel"]])
    second.set_weights([layer.params["pointwise_kernel"], layer.params["bias"]])
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(y, second.forward(first.forward(x, training=True), training=True))
    dy = integers(rng, y.shape)
    np.testing.assert_array_equal(layer.backward(dy), first.backward(second.backward(dy)))
    both = [*first.grads.values(), *second.grads.values()]
    for mine, part in zip(layer.grads.values(), both, strict=True):
        np.testing.assert_array_equal(mine, part)


@given(windows(dilated=True, largest=5), st.integers(1, 3), st.integers(1, 2), seeds)
@settings(max_examples=40)
def test_a_grouped_convolution_is_one_for_each_group(window, groups, filters, seed):
    rng = np.random.default_rng(seed)
    *places, C = window["x_shape"]
    x = integers(rng, (*places, groups * C))
    arguments = {
        "kernel_size": window["size"],
        "strides": window["strides"],
        "padding": window["padding"],
        "dilation_rate": window["dilation"],
    }
    layer = layers.Conv2D(groups * filters, groups=groups, **arguments)
    given_integers(layer, x, rng)
    y = layer.forward(x, training=True)
    dy = integers(rng, y.shape)
    dx = layer.backward(dy)
    for g in range(groups):
        own, outs = slice(g * C, (g + 1) * C), slice(g * filters, (g + 1) * filters)
        one = layers.Conv2D(filters, **arguments)
        one.build((*places[1:], C))
        one.set_weights([layer.params["kernel"][..., outs], layer.params["bias"][outs]])
        np.testing.assert_array_equal(y[..., outs], one.forward(x[..., own], training=True))
        np.testing.assert_array_equal(dx[..., own], one.backward(dy[..., outs]))
        np.testing.assert_array_equal(layer.grads["kernel"][..., outs], one.grads["kernel"])
        np.testing.assert_array_equal(layer.grads["bias"][outs], one.grads["bias"])


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 4), st.integers(1, 3), seeds
)
@settings(max_examples=40)
def test_a_dense_layer_connects_every_position_by_itself(axes, inputs, units, seed):
    rng = np.random.default_rng(seed)
    x = integers(rng, (2, *axes, inputs))
    layer = given_integers(layers.Dense(units), x, rng)
    flat = layers.Dense(units)
    flat.build((inputs,))
    flat.set_weights(layer.get_weights())
    y = layer.forward(x, training=True)
    rows = flat.forward(x.reshape(-1, inputs), training=True)
    np.testing.assert_array_equal(y, rows.reshape(2, *axes, units))
    dy = integers(rng, y.shape)
    dx = flat.backward(dy.reshape(-1, units)).reshape(x.shape)
    np.testing.assert_array_equal(layer.backward(dy), dx)
    np.testing.assert_array_equal(layer.grads["kernel"], flat.grads["kernel"])
    np.testing.assert_array_equal(layer.grads["bias"], flat.grads["bias"])


@given(windows(dilated=True, largest=5), st.integers(1, 3), st.booleans(), seeds)
@settings(max_examples=40)
def test_a_transposed_convolution_is_the_adjoint_of_a_convolution(window, filters, exact, seed):
    """<conv(y), x> = <y, transposed(x)>, for all y: bit for bit, as all are small integers."""
    rng = np.random.default_rng(seed)
    arguments = {
        "kernel_size": window["size"],
        "strides": window["strides"],
        "padding": window["padding"],
        "dilation_rate": window["dilation"],
        "use_bias": False,
    }
    sized = {}
    conv = layers.Conv2D(filters, **arguments)
    *places, F = window["x_shape"]
    small = conv.build((*places[1:], F))
    if exact:  # let it lead back to the size that it comes from, where output_padding can
        extent = [(k - 1) * d + 1 for k, d in zip(window["size"], window["dilation"], strict=True)]
        more = [
            large - (n - 1) * stride - (k if window["padding"] == "valid" else k % 2)
            for large, n, stride, k in zip(
                places[1:], small, window["strides"], extent, strict=False
            )
        ]
        if all(0 <= n < stride for n, stride in zip(more, window["strides"], strict=True)):
            sized = {"output_padding": tuple(more)}
    layer = layers.Conv2DTranspose(F, **arguments, **sized)
    large = layer.build(small)
    assert not sized or large == (*places[1:], F)
    conv.build(large)
    kernel = integers(rng, layer.params["kernel"].shape)  # (KH, KW, F, C) is conv's (.., C, F)
    conv.set_weights([kernel])
    layer.set_weights([kernel])
    x, y = integers(rng, (places[0], *small)), integers(rng, (places[0], *large))
    forward = layer.forward(x, training=True)
    np.testing.assert_array_equal(layer.backward(y), conv.forward(y, training=True))
    np.testing.assert_array_equal(conv.backward(x), forward)
    np.testing.assert_array_equal(layer.grads["kernel"], conv.grads["kernel"])


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def definition(x, axes, epsilon):
    """x with every slice along the axes at mean 0 and variance 1, one after the other."""
    y = np.empty_like(x)
    others = [axis for axis in range(x.ndim) if axis not in axes]
    for place in np.ndindex(*[x.shape[axis] for axis in others]):
        index = [slice(None)] * x.ndim
        for axis, n in zip(others, place, strict=True):
            index[axis] = n
        part = x[tuple(index)]
        mean = sum(part.flat) / part.size
        variance = sum((value - mean) ** 2 for value in part.flat) / part.size
        y[tuple(index)] = (part - mean) / math.sqrt(variance + epsilon)
    return y


@given(shapes, st.data(), seeds)
@EXAMPLES
def test_layer_normalization_is_the_definition_and_its_gradients_are_its_derivatives(
    shape, data, seed
):
    ndim = len(shape) + 1
    axis = data.draw(
        st.one_of(
            st.integers(1, ndim - 1),
            st.just(-1),
            st.lists(st.integers(1, ndim - 1), min_size=1, max_size=ndim - 1, unique=True),
        )
    )
    center, scale = data.draw(st.booleans()), data.draw(st.booleans())
    layer = layers.LayerNormalization(axis, 0.25, center, scale)
    check_layer(layer, shape, seed=seed, samples=8)
    x = np.random.default_rng(seed).standard_normal((2, *shape))
    axes = [one % ndim for one in (axis if isinstance(axis, list) else [axis])]
    sizes = [n if place in axes else 1 for place, n in enumerate(x.shape)]
    expected = definition(x, axes, 0.25)
    if scale:
        expected = expected * layer.params["gamma"].reshape(sizes)
    if center:
        expected = expected + layer.params["beta"].reshape(sizes)
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-10, atol=1e-12)


@given(shapes, st.integers(1, 3), st.integers(1, 3), st.booleans(), st.booleans(), seeds)
@EXAMPLES
def test_group_normalization_is_the_definition_and_its_gradients_are_its_derivatives(
    places, groups, channels, center, scale, seed
):
    shape = (*places[:-1], groups * channels)
    layer = layers.GroupNormalization(groups, epsilon=0.25, center=center, scale=scale)
    check_layer(layer, shape, seed=seed, samples=8)
    x = np.random.default_rng(seed).standard_normal((2, *shape))
    y = definition(x.reshape(2, -1, groups, channels), [1, 3], 0.25).reshape(x.shape)
    if scale:
        y = y * layer.params["gamma"]
    if center:
        y = y + layer.params["beta"]
    np.testing.assert_allclose(layer.forward(x), y, rtol=1e-10, atol=1e-12)


def test_normalizations_keep_their_digits_far_from_zero():
    """Of a mean of 10,000 and a deviation of 1 float32 has three digits left of the variance when
    it is E[x^2] - E[x]^2; two passes have all.
    """
    x = np.random.default_rng(0).standard_normal((4, 8, 8, 8)).astype(np.float32) + 10_000
    for layer in (layers.LayerNormalization(axis=[1, 2, 3]), layers.GroupNormalization(1)):
        y = layer(x).astype(np.float64)
        assert y.dtype == np.float64 and layer(x).dtype == np.float32
        np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), 0, atol=1e-6)
        np.testing.assert_allclose(y.var(axis=(1, 2, 3)), 1, atol=2e-3)


# What else there is to a layer

STACKS = {
    "depthwise": lambda: [
        layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D((2, 3), strides=2, padding="same", use_bias=False),
    ],
    "separable": lambda: [
        layers.SeparableConv2D(6, 3, padding="same", activation="relu"),
        layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, use_bias=False),
    ],
    "grouped": lambda: [
        layers.Conv2D(6, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.Conv2D(6, 3, groups=3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 1, groups=2),
    ],
    "transposed": lambda: [
        layers.Conv2DTranspose(3, 3, padding="same", activation="relu"),
        layers.Conv2DTranspose(2, 2, strides=2, output_padding=(0, 1), use_bias=False),
    ],
    "normalized": lambda: [
        layers.Conv2D(4, 3),
        layers.LayerNormalization(),
        layers.Conv2D(6, 1, activation="relu"),
        layers.GroupNormalization(3),
        layers.LayerNormalization(axis=[1, 2], scale=False),
    ],
    "dense": lambda: [
        layers.Dense(6, activation="relu"),
        layers.Dense(3),
    ],
}
SIZES = {
    "depthwise": [(3, 3, 4, 2), (8,), *[(8,)] * 4, (2, 3, 8, 1)],
    "separable": [(3, 3, 4, 1), (1, 1, 4, 6), (6,), (3, 3, 6, 2), (1, 1, 12, 4)],
    "grouped": [(3, 3, 4, 6), (6,), *[(6,)] * 4, (3, 3, 2, 6), (6,), (1, 1, 3, 4), (4,)],
    "transposed": [(3, 3, 3, 4), (3,), (2, 2, 2, 3)],
    "normalized": [(3, 3, 4, 4), *[(4,)] * 3, (1, 1, 4, 6), *[(6,)] * 3, (6, 5)],
    "dense": [(4, 6), (6,), (6, 3), (3,)],
}


COSTS = {  # positions * numbers of the kernel
    "depthwise": 6 * 5 * 3 * 3 * 8 + 3 * 3 * 2 * 3 * 8,
    "separable": 8 * 7 * (9 * 4 + 4 * 6) + 3 * 3 * (9 * 12 + 12 * 4),
    "grouped": 8 * 7 * 9 * 4 * 6 + 6 * 5 * 9 * 2 * 6 + 3 * 2 * 3 * 4,
    "transposed": 8 * 7 * (9 * 3 * 4 + 4 * 2 * 3),
    "normalized": 6 * 5 * (9 * 4 * 4 + 4 * 6),
    "dense": 8 * 7 * (4 * 6 + 6 * 3),
}


def network(kind, dtype="float32"):
    model = Sequential(
        [
            Input((8, 7, 4)),
            *STACKS[kind](),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ],
        seed=0,
        dtype=dtype,
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def pictures(n=10):
    return np.random.default_rng(1).standard_normal((n, 8, 7, 4)), np.arange(n) % 3


@pytest.mark.parametrize("kind", STACKS)
def test_both_engines_train_alike(kind):
    results = []
    for engine in ("fast", "reference"):
        model = network(kind, "float64")
        model.engine = engine
        history = model.fit(*pictures(), epochs=2, batch_size=4, shuffle=False, verbose=0)
        results.append([np.array(history.history["loss"]), *model.get_weights()])
    for fast, plain in zip(*results, strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", STACKS)
def test_files_and_copies(kind, tmp_path):
    model = network(kind)
    x, y = pictures()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model")
    loaded = models.load_model(tmp_path / "model")
    assert [repr(layer) for layer in loaded.layers] == [repr(layer) for layer in model.layers]
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.dtype == model.predict(x).dtype == np.float32
    for one in (loaded, model):
        one.fit(x, y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


@pytest.mark.parametrize("kind", STACKS)
def test_weights_parameters_and_what_they_cost(kind, capsys):
    model = network(kind)
    shapes = [weight.shape for weight in model.get_weights()]
    assert shapes[: len(SIZES[kind])] == SIZES[kind]
    model.summary(flops=True)
    printed = capsys.readouterr().out
    assert f"Total params: {sum(map(np.prod, shapes)):,}" in printed
    assert sum(layer.multiply_adds() for layer in model.layers[:-1]) == COSTS[kind]


@pytest.mark.parametrize("kind", STACKS)
def test_a_frozen_layer_keeps_its_weights(kind):
    model = network(kind)
    first = model.layers[0]
    first.trainable = False
    before = first.get_weights()
    model.fit(*pictures(), verbose=0)
    for array, old in zip(first.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, old)
    for gradient in first.grads.values():
        assert not gradient.any()


def test_steps_show_that_a_grouped_convolution_is_one_of_the_engines():
    model = network("grouped")
    found = [step.runs_as for step in steps(model) if "conv2d" in step.layers[0]]
    if "ConvBlock" in found:  # not without a compiler
        assert set(found) == {"ConvBlock"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.DepthwiseConv2D(3, depth_multiplier=0),
            "DepthwiseConv2D expected depth_multiplier of at least 1, received 0",
        ),
        (
            lambda: layers.DepthwiseConv2D(0),
            "DepthwiseConv2D expected kernel_size to be an integer >= 1 or a pair of them, "
            "received 0",
        ),
        (
            lambda: layers.DepthwiseConv2D(3, padding="full"),
            "DepthwiseConv2D expected padding 'valid' or 'same', received 'full'",
        ),
        (
            lambda: layers.DepthwiseConv2D(5).build((4, 4, 3)),
            "DepthwiseConv2D receives pictures of 4x4, smaller than its 5x5 window: use "
            "padding='same' or leave out a pooling layer before it",
        ),
        (
            lambda: layers.SeparableConv2D(0, 3),
            "SeparableConv2D expected filters of at least 1, received 0",
        ),
        (
            lambda: layers.SeparableConv2D(2, 3, depth_multiplier=1.5),
            "SeparableConv2D expected depth_multiplier of at least 1, received 1.5, which is no "
            "whole number",
        ),
        (
            lambda: layers.Conv2DTranspose(4, 3, strides=2, output_padding=2),
            "Conv2DTranspose expected output_padding below strides=(2, 2), received 2",
        ),
        (
            lambda: layers.Conv2DTranspose(4, 3, output_padding="same"),
            "Conv2DTranspose expected output_padding to be an integer >= 0 or a pair of them, "
            "received 'same'",
        ),
        (
            lambda: layers.Conv2DTranspose(4, 2, padding="same", output_padding=0).build((4, 4, 1)),
            "Conv2DTranspose expected output_padding of at least 1 for a kernel of even size and "
            "padding 'same', received (0, 0)",
        ),
        (
            lambda: layers.Conv2DTranspose(4, 2).build((4, 4)),
            "Conv2DTranspose expected pictures of shape (N, H, W, C), received samples of shape "
            "(4, 4). Input((H, W, C)) and input_shape= leave out the batch axis, build((None, H, "
            "W, C)) has it",
        ),
        (
            lambda: layers.LayerNormalization("last"),
            "LayerNormalization expected axis as an integer or a list of them, received 'last'",
        ),
        (
            lambda: layers.LayerNormalization(axis=0).build((4, 4)),
            "LayerNormalization expected different axes of (N, 4, 4) but for the first, the "
            "samples, received axis=0",
        ),
        (
            lambda: layers.LayerNormalization(axis=[2, -1]).build((4, 4)),
            "LayerNormalization expected different axes of (N, 4, 4) but for the first, the "
            "samples, received axis=[2, -1]",
        ),
        (
            lambda: layers.LayerNormalization(epsilon=-1),
            "LayerNormalization expected epsilon as a finite number of at least 0, received -1",
        ),
        (
            lambda: layers.GroupNormalization(0),
            "GroupNormalization expected groups of at least 1, received 0",
        ),
        (
            lambda: layers.GroupNormalization().build((4, 4, 16)),
            "GroupNormalization expected channels that can be cut into groups=32 equal parts, "
            "received samples of 16 channels: use another number of groups",
        ),
        (
            lambda: layers.GroupNormalization(2, axis=1).build((4, 4, 16)),
            "GroupNormalization expected axis -1, the channels of (N, 4, 4, 16), received axis=1",
        ),
        (
            lambda: layers.Conv2D(4, 3, groups=0),
            "Conv2D expected groups of at least 1, received 0",
        ),
        (
            lambda: layers.Conv2D(4, 3, groups=3),
            "Conv2D expected filters that can be cut into groups=3 equal parts, received "
            "filters=4: use a multiple",
        ),
        (
            lambda: layers.Conv2D(4, 3, groups=2, name="c").build((8, 8, 3)),
            "Conv2D 'c' expected channels that can be cut into groups=2 equal parts, received "
            "pictures of 3 channels",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError) as error:
        make()
    print(error.value)
    assert str(error.value) == message


def test_what_is_not_there_is_not_in_descriptions():
    """So that files of networks without it are what they were."""
    assert set(layers.Conv2D(2, 3).get_config()) == {
        *("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation"),
        *("use_bias", "kernel_initializer", "name", "trainable"),
    }
    assert set(layers.Dense(2).get_config()) == {
        *("units", "activation", "use_bias", "kernel_initializer", "name", "trainable"),
    }
    assert set(layers.BatchNormalization().get_config()) == {
        *("axis", "momentum", "epsilon", "center", "scale", "name", "trainable"),
    }
    json.dumps(layers.Conv2D(2, 3, groups=2, kernel_regularizer="l2").get_config())
