"""The engine's numbers: exact on small integers, as precise as promised, and true to ties, NaN and
large means.
"""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import Sequential, layers, testing
from minicnn.engine.conv import winograd
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.dense import DenseStep


def assert_same_bits(step, layer, x, rng):
    """Outputs, dx and gradients of the engine's step and of its layer, for small integers, whose
    sums are exact.
    """
    expected = layer.forward(x, training=True)
    np.testing.assert_array_equal(step.forward(x, training=True), expected)
    dy = rng.integers(-4, 5, expected.shape).astype(np.float32)
    dx, grads = layer.backward(dy), {name: grad.copy() for name, grad in layer.grads.items()}
    np.testing.assert_array_equal(step.backward(dy), dx)
    for name, grad in grads.items():
        np.testing.assert_array_equal(layer.grads[name], grad)


@given(windows(dilated=True, largest=6), st.sampled_from([1, 4, 17]), st.integers(1, 20), seeds)
@settings(max_examples=30)
def test_convolution_of_small_integers_is_exact(window, filters, batch, seed):
    """In float32 sums of small integers are exact: the engine must equal the layer bit for bit."""
    rng = np.random.default_rng(seed)
    shape = window["x_shape"][1:]
    layer = layers.Conv2D(
        filters,
        window["size"],
        window["strides"],
        window["padding"],
        dilation_rate=window["dilation"],
    )
    layer.build(shape, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (batch, *shape)).astype(np.float32)
    block = ConvBlock(layer)
    assert_same_bits(block, layer, x, rng)


def winograd_block(monkeypatch, form, shape, filters, dtype=np.float32, **options):
    """A built layer and the engine's block for it, computed in that form."""
    monkeypatch.setattr(winograd, "FORMS", (form,))
    monkeypatch.setattr(winograd, "WORTH", np.inf)
    layer = layers.Conv2D(filters, 3, **options)
    layer.build(shape, np.random.default_rng(0), dtype)
    block = ConvBlock(layer)
    assert block.convolution.form is form
    return layer, block


@pytest.mark.parametrize("size", [(4, 4), (4, 5), (6, 6), (13, 8), (15, 15)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("batch", [1, 9, 70])
def test_f2_of_small_integers_is_exact(monkeypatch, size, padding, batch):
    """Its matrices hold 0, 1 and 1/2 only.

    Several pictures are taken together, also where the last ones are fewer.
    """
    rng = np.random.default_rng(0)
    layer, block = winograd_block(monkeypatch, winograd.F2, (*size, 16), 32, padding=padding)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (batch, *size, 16)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


@pytest.mark.parametrize(
    ("size", "padding"),
    [
        ((3, 3), "same"),
        ((4, 4), "same"),
        ((7, 6), "same"),
        ((13, 8), "same"),
        ((5, 8), "valid"),
        ((15, 15), "valid"),
    ],
)
@pytest.mark.parametrize("batch", [1, 9, 70])
@pytest.mark.parametrize(("form", "precision"), [("F4", 1e-13), ("F5", 3e-13)])
def test_larger_forms_equal_the_sum_as_written(monkeypatch, form, precision, size, padding, batch):
    """In double, where their rounding leaves 13 digits."""
    rng = np.random.default_rng(0)
    layer, block = winograd_block(
        monkeypatch, getattr(winograd, form), (*size, 16), 32, np.float64, padding=padding
    )
    x, dy = (
        rng.standard_normal((batch, *size, 16)),
        rng.standard_normal((batch, *layer.output_shape)),
    )
    y, dx = layer.forward(x, training=True), layer.backward(dy)
    expected = {"y": y, "dx": dx} | {name: grad.copy() for name, grad in layer.grads.items()}
    found = {"y": block.forward(x, training=True).copy(), "dx": block.backward(dy)} | layer.grads
    for name, value in expected.items():
        np.testing.assert_allclose(
            found[name], value, rtol=0, atol=precision * np.abs(value).max(), err_msg=name
        )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("form", "channels"), [("F4", 16), ("F4", 128), ("F5", 16), ("F5", 64)])
def test_larger_forms_of_small_integers_are_exact_once_rounded(
    monkeypatch, form, channels, padding
):
    """What rounding loses is a small part of 1, where every result is an integer."""
    rng = np.random.default_rng(0)
    layer, block = winograd_block(
        monkeypatch, getattr(winograd, form), (15, 13, channels), 32, padding=padding
    )
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (9, 15, 13, channels)).astype(np.float32)
    y = layer.forward(x, training=True)
    dy = rng.integers(-4, 5, y.shape).astype(np.float32)
    dx, dkernel = layer.backward(dy), layer.grads["kernel"].copy()
    np.testing.assert_array_equal(np.rint(block.forward(x, training=True)), y)
    np.testing.assert_array_equal(np.rint(block.backward(dy)), dx)
    np.testing.assert_array_equal(np.rint(layer.grads["kernel"]), dkernel)


@pytest.mark.parametrize(
    ("form", "channels", "times"),
    [("F2", 16, 2), ("F2", 128, 2), ("F4", 16, 8), ("F4", 128, 8), ("F5", 64, 16)],
)
def test_how_much_precision_a_form_loses(monkeypatch, channels, form, times):
    """In float32, against the layer in float64: its error beside the layer's own, which is the
    rounding of sums.
    """
    rng = np.random.default_rng(0)
    layer, block = winograd_block(
        monkeypatch, getattr(winograd, form), (12, 12, channels), 32, use_bias=False
    )
    exact = layers.Conv2D(32, 3, use_bias=False)
    exact.build((12, 12, channels), dtype=np.float64)
    exact.params["kernel"][...] = layer.params["kernel"]
    x = rng.standard_normal((4, 12, 12, channels)).astype(np.float32)
    z = exact.forward(x)
    errors = [np.abs(each.forward(x) - z).max() / np.abs(z).max() for each in (block, layer)]
    assert errors[0] < min(times * 1e-6, 1e-5) and errors[0] < times * errors[1] + 5e-7, errors


@pytest.mark.parametrize("form", [winograd.F2, winograd.F4, winograd.F5])
def test_a_form_is_a_convolution(form):
    """For all inputs and taps, since it is linear in both: checked on those with one 1."""
    BT, G, AT = (np.array(matrix) for matrix in (form.BT, form.G, form.AT))
    for d in np.eye(form.patch):
        for g in np.eye(3):
            expected = [d[k : k + 3] @ g for k in range(form.out)]
            np.testing.assert_allclose(AT @ ((G @ g) * (BT @ d)), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("picture", "filters", "kernel", "stride", "by_slices"),
    [
        ((8, 8, 64), 256, 3, 2, True),  # more than half a megabyte
        ((7, 7, 440), 300, 1, 1, True),
        ((7, 5, 82), 270, (3, 2), 1, True),
        ((7, 7, 20), 300, 1, 1, False),
        ((7, 5, 3), 270, (3, 2), 1, False),
        ((31, 31, 3), 24, 2, 1, False),
    ],
    ids=str,
)
def test_weight_gradients_by_slices_and_bare_convolutions_are_exact(
    picture, filters, kernel, stride, by_slices, bias
):
    rng = np.random.default_rng(0)
    layer = layers.Conv2D(filters, kernel, stride, "same", use_bias=bias)
    layer.build(picture, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    block = ConvBlock(layer)
    assert block.convolution.by_slices is by_slices
    x = rng.integers(-4, 5, (19, *picture)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


@pytest.mark.parametrize("batch", [1, 19, 130])
@pytest.mark.parametrize(
    ("picture", "filters", "kernel", "stride", "padding"),
    [
        ((3, 3, 16), 301, 3, 1, "same"),
        ((3, 3, 301), 16, 3, 1, "same"),
        ((2, 3, 4), 5, 3, 1, "same"),
        ((5, 5, 64), 256, 3, 2, "same"),
        ((6, 5, 8), 24, 2, 2, "same"),
        ((7, 7, 3), 16, 7, 1, "valid"),
    ],
    ids=str,
)
def test_pictures_of_a_few_pixels_are_exact(picture, filters, kernel, stride, padding, batch):
    """They are taken together, as many at a time as fit; also where the last ones are fewer."""
    rng = np.random.default_rng(0)
    layer = layers.Conv2D(filters, kernel, stride, padding)
    layer.build(picture, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    block = ConvBlock(layer)
    assert block.convolution.gathers and not block.convolution.winograd
    x = rng.integers(-4, 5, (batch, *picture)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.booleans(), seeds)
@settings(max_examples=30)
def test_dense_of_small_integers_is_exact(batch, inputs, units, relu, seed):
    rng = np.random.default_rng(seed)
    layer = layers.Dense(units, activation="relu" if relu else None)
    layer.build((inputs,), rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (batch, inputs)).astype(np.float32)
    step = DenseStep(layer, layer.activation_layer)
    assert_same_bits(step, layer, x, rng)


@pytest.mark.parametrize("gamma", [1.0, -1.0, 0.0])
def test_ties_and_the_sign_of_gamma_choose_the_cell_that_the_layers_choose(gamma):
    """Few distinct values: most windows hold ties.

    For gamma 0 every cell of a window ties after normalisation.
    """
    rng = np.random.default_rng(0)
    conv, norm, pool = (
        layers.Conv2D(16, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
    )
    shape = (7, 9, 1)
    for layer in (conv, norm, pool):
        shape = layer.build(shape, rng, np.float64)
    conv.params["kernel"][...] = 1
    norm.params["gamma"][...] = gamma
    x = rng.integers(0, 2, (4, 7, 9, 1)).astype(np.float64)
    reference = [copy.deepcopy(layer) for layer in (conv, norm, pool)]
    expected = x
    for layer in reference:
        expected = layer.forward(expected, training=True)
    block = ConvBlock(conv, norm=norm, pool=pool)
    np.testing.assert_allclose(block.forward(x, training=True), expected, rtol=1e-13, atol=1e-13)
    dy = rng.standard_normal(expected.shape)
    dx = dy
    for layer in reversed(reference):
        dx = layer.backward(dx)
    np.testing.assert_allclose(block.backward(dy), dx, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("cell", range(4))
def test_nan_in_any_cell_of_a_window_propagates(cell):
    x = np.ones((1, 2, 2, 1), np.float32)
    x[0, cell // 2, cell % 2] = np.nan
    conv, pool = (
        layers.Conv2D(3, 1, activation="relu", kernel_initializer="ones"),
        layers.MaxPooling2D(),
    )
    pool.build(conv.build((2, 2, 1)))
    assert np.isnan(ConvBlock(conv, before=layers.ReLU(), pool=pool).forward(x)).all()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_whole_network_passes_the_gradient_check(engine):
    model = testing.standard_model()
    model.engine = engine
    report = testing.measure_model(model)
    assert report.error <= testing.MODEL_TOLERANCE and report.kinks < 0.01


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0, 1), (100, 1), (5, 0.1), (1e4, 1), (300, 0.01), (-1e4, 1)], ids=str
)
def test_the_variance_survives_a_large_mean(mean, deviation):
    """As it does in the layer: to 1e-6, in float32."""
    conv, norm = (
        layers.Conv2D(1, 1, kernel_initializer="ones"),
        layers.BatchNormalization(momentum=0.0, epsilon=1e-12),
    )
    norm.build(conv.build((32, 32, 1)))
    x = np.random.default_rng(0).normal(mean, deviation, (8, 32, 32, 1)).astype(np.float32)
    y = ConvBlock(conv, norm=norm).forward(x, training=True)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(norm.state["moving_variance"], exact.var(), rtol=1e-6)
    np.testing.assert_allclose(norm.state["moving_mean"], exact.mean(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(y, (exact - exact.mean()) / np.sqrt(exact.var() + 1e-12), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 1 / 3, 1e4 + 0.1, -7e8])
def test_a_constant_channel_comes_out_as_exactly_beta(value, dtype):
    conv, norm = layers.Conv2D(1, 1, kernel_initializer="ones"), layers.BatchNormalization()
    norm.build(conv.build((5, 7, 1), dtype=dtype), dtype=dtype)
    norm.params["gamma"][...], norm.params["beta"][...] = 3, 0.1
    block = ConvBlock(conv, norm=norm)
    y = block.forward(np.full((19, 5, 7, 1), value, dtype), training=True)
    assert (y == norm.params["beta"]).all()


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("conv", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        layers.ReLU,
        lambda: layers.ReLU(6.0),
        lambda: layers.LeakyReLU(0.3),
        lambda: layers.LeakyReLU(1e39),  # infinite in float32; Keras with TensorFlow does the same
        lambda: layers.Activation("hard_sigmoid"),
        layers.GELU,
    ],
)
def test_infinities_go_through_activations_as_through_the_layers(make, conv, pool):
    """Forward and back: of a slope of 0 in what a normalisation would do they would make NaN."""
    x = np.array([-2, 0, 3, 1e30, np.inf, -np.inf, np.nan, 0.5], np.float32)
    x = np.broadcast_to(x[:, None], (2, 2, 8, 16)).copy()
    found = {}
    for engine in ("fast", "reference"):
        stack = [layers.DepthwiseConv2D(1, use_bias=False)] * conv + [make()]
        stack += [layers.MaxPooling2D((2, 1))] * pool
        model = Sequential([layers.Input((2, 8, 16)), *stack])
        model.engine = engine
        if conv:
            model.set_weights([np.ones((1, 1, 16, 1), np.float32)])
        with np.errstate(all="ignore"):
            y = model.forward(x, training=True).copy()
            found[engine] = y, model.backward(np.ones_like(y)).copy()
    for fast, layer in zip(found["fast"], found["reference"], strict=True):
        np.testing.assert_allclose(fast, layer, rtol=1e-5, atol=1e-6)
