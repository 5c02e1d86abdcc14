"""The engine computes what the layers compute: drawn architectures, exactness, guard bands, threads."""

import copy
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import Sequential, layers, optimizers, testing
from minicnn.engine import block_data, conv_block, convolution, winograd
from minicnn.engine.conv_block import ConvBlock
from minicnn.engine.dense import DenseStep
from minicnn.engine.plan import plan
from minicnn.execution import Execution


def both_engines(stack, shape, dtype, seed):
    """Two models with the same weights, drawn at random (gamma of either sign), one per engine."""
    models = []
    for engine in ("reference", "fast"):
        model = Sequential([layers.Input(shape), *copy.deepcopy(stack)], seed=seed, dtype=dtype)
        model.engine = engine
        rng = np.random.default_rng(seed)
        for layer in model.layers:
            for param in layer.params.values():
                param[...] = rng.standard_normal(param.shape) / np.sqrt(max(1, param[..., 0].size))
        models.append(model)
    return models


def assert_close(actual, expected, tolerance, what, scale=1e-3):
    scale = max(scale, np.abs(expected).max(initial=0), 1e-9)
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=0, atol=tolerance, err_msg=what)


def jumps(model, x, dy, tolerance):
    """Whether the layers' own dx jumps when x moves by rounding: the largest of a window or a ReLU is on the edge.

    After an optimizer step that happens in one of some dozen drawn models in float32.
    """
    rng, epsilon = np.random.default_rng(0), np.finfo(model.dtype).eps

    def dx(x):
        twin = copy.deepcopy(model)
        twin.forward(x, training=True)
        return twin.backward(dy)

    still = dx(x)
    moved = (dx(x * (1 + 32 * epsilon * rng.standard_normal(x.shape))) for _ in range(20))
    return any(np.abs(other - still).max() > 10 * tolerance * np.abs(still).max() for other in moved)


def compare(stack, shape, batch, dtype, seed, tolerance, steps=1):
    """Outputs, dx, gradients, moving statistics and weights of both engines, after each of some optimizer steps."""
    models = both_engines(stack, shape, dtype, seed)
    kinds = [type(step).__name__ for step in models[1]._execution().steps]
    assert "ConvBlock" in kinds or "DenseStep" in kinds, kinds  # otherwise this compares the layers with themselves
    rng = np.random.default_rng([seed, 1])
    for model in models:
        model.compile(optimizers.SGD(0.01), "categorical_crossentropy")
    for step in range(steps):
        # Values of a coarse grid: no two of a pooling window differ by so little that rounding decides which wins.
        n = batch if step != 1 else max(1, batch - 1)  # a smaller batch in between
        x = rng.integers(-40, 41, (n, *shape)) / 16
        outputs = [model.forward(x, training=True) for model in models]
        assert_close(outputs[1], outputs[0], tolerance, "outputs")
        dy = rng.standard_normal(outputs[0].shape)
        dx = [model.backward(dy) for model in models]
        try:
            assert_close(dx[1], dx[0], tolerance, "dx")
        except AssertionError:
            assume(not jumps(models[0], x, dy, tolerance))
            raise
        # Some gradients are 0 but for rounding (a bias before a batch normalisation): measure them by the others.
        largest = max([np.abs(grad).max() for _, _, grad in models[0].parameters()], default=1e-3)
        for (name, _, reference), (_, _, fast) in zip(*[model.parameters() for model in models], strict=True):
            assert_close(fast, reference, tolerance, f"gradient of {name}", largest)
        for model in models:
            model.optimizer.step(model.parameters())
        for reference, fast in zip(*[model.layers for model in models], strict=True):
            for name, array in reference.weights.items():
                assert_close(fast.weights[name], array, tolerance, f"{name} of {reference}")
        assert_close(models[1].forward(x), models[0].forward(x), tolerance, "inference")


@st.composite
def blocks(draw):
    """A convolution and what may follow it, in any order that people write."""
    window = draw(windows(dilated=True, largest=9))
    activation = draw(st.sampled_from([None, "relu", "relu", "leaky_relu"]))
    stack = [
        layers.Conv2D(
            draw(st.sampled_from([1, 3, 8, 16, 17, 33])),
            window["size"],
            window["strides"],
            window["padding"],
            dilation_rate=window["dilation"],
            activation=activation,
            use_bias=draw(st.booleans()),
            trainable=draw(st.integers(0, 4)) > 0,
        )
    ]
    tail = []
    if draw(st.booleans()):
        tail.append(layers.BatchNormalization(trainable=draw(st.integers(0, 4)) > 0, epsilon=0.1))
    if draw(st.booleans()):
        tail.append(layers.MaxPooling2D((draw(st.integers(1, 3)), draw(st.integers(1, 3)))))
    if activation is None and draw(st.booleans()):
        tail.append(layers.ReLU())
    stack += draw(st.permutations(tail))
    return window["x_shape"], stack


def fits(stack, shape):
    """Whether the layers can be built, and every batch normalisation sees several values of a channel."""
    for layer in copy.deepcopy(stack):
        try:
            shape = layer.build(shape)
        except ValueError:
            return False
        if isinstance(layer, layers.BatchNormalization) and np.prod(shape[:-1]) < 2:
            return False
    return True


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@given(blocks(), seeds)
@settings(max_examples=150)
def test_a_block_in_any_order_equals_its_layers(dtype, tolerance, drawn, seed):
    (batch, *shape), stack = drawn
    assume(fits(stack, tuple(shape)))
    compare(stack, tuple(shape), batch + 1, dtype, seed, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@given(st.permutations(range(3)), st.integers(6, 14), st.integers(6, 14), st.sampled_from([1, 2, 9]), seeds)
@settings(max_examples=25)
def test_a_winograd_block_in_any_order_equals_its_layers(dtype, tolerance, order, height, width, batch, seed):
    tail = [layers.BatchNormalization(epsilon=0.1), layers.MaxPooling2D(), layers.ReLU()]
    stack = [layers.Conv2D(16, 3), layers.Conv2D(32, 3, padding="same"), *(tail[k] for k in order)]
    assume(fits(stack, (height, width, 16)))
    compare(stack, (height, width, 16), batch, dtype, seed, tolerance, steps=2)


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize(("batch", "at_once"), [(1, False), (13, True), (64, True), (350, False)])
def test_a_winograd_kernel_gradient_of_few_patches_is_made_at_once(batch, at_once, trainable):
    conv, slow = (layers.Conv2D(128, 3, kernel_initializer="he_normal") for _ in range(2))
    for layer in (conv, slow):
        layer.build((6, 6, 64), np.random.default_rng(0), np.float64)
        layer.trainable = trainable
    (step,) = plan([conv])
    x = np.random.default_rng(1).standard_normal((batch, 6, 6, 64))
    outputs = slow.forward(x, training=True)
    assert_close(step.forward(x, training=True), outputs, 1e-12, "outputs")
    assert step.convolution.winograd and step.buffers[batch].at_once == at_once
    dy = np.random.default_rng(2).standard_normal(outputs.shape)
    assert_close(step.backward(dy), slow.backward(dy), 1e-12, "dx")
    assert_close(conv.grads["kernel"], slow.grads["kernel"], 1e-12, "gradient of the kernel")
    assert not step.buffers[batch].record.parts["shares"].taken.any()  # every share is whole again


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@given(st.integers(2, 9), seeds)
@settings(max_examples=10)
def test_a_whole_network_equals_its_layers_over_optimizer_steps(dtype, tolerance, batch, seed):
    stack = [
        layers.Conv2D(5, 3, activation="relu", padding="same"),
        layers.BatchNormalization(epsilon=0.1),
        layers.MaxPooling2D(),
        layers.Conv2D(18, 3),
        layers.BatchNormalization(epsilon=0.1),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(11, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
    compare(stack, (13, 11, 3), batch, dtype, seed, tolerance, steps=3)


def assert_same_bits(step, layer, x, rng):
    """Outputs, dx and gradients of the engine's step and of its layer, for small integers, whose sums are exact."""
    expected = layer.forward(x, training=True)
    np.testing.assert_array_equal(step.forward(x, training=True), expected)
    dy = rng.integers(-4, 5, expected.shape).astype(np.float32)
    dx, grads = layer.backward(dy), {name: grad.copy() for name, grad in layer.grads.items()}
    np.testing.assert_array_equal(step.backward(dy), dx)
    for name, grad in grads.items():
        np.testing.assert_array_equal(layer.grads[name], grad)


@given(windows(dilated=True, largest=6), st.sampled_from([1, 4, 17]), st.integers(1, 20), seeds)
@settings(max_examples=60)
def test_convolution_of_small_integers_is_exact(window, filters, batch, seed):
    """In float32 every sum of small integers is exact: the engine must equal the layer bit for bit."""
    rng = np.random.default_rng(seed)
    shape = window["x_shape"][1:]
    layer = layers.Conv2D(
        filters, window["size"], window["strides"], window["padding"], dilation_rate=window["dilation"]
    )
    layer.build(shape, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (batch, *shape)).astype(np.float32)
    block = ConvBlock(layer, relu=False, norm=None, pool=None)
    assert_same_bits(block, layer, x, rng)


def winograd_block(monkeypatch, form, shape, filters, dtype=np.float32, **options):
    """A built layer and the engine's block for it, computed in that form."""
    monkeypatch.setattr(winograd, "FORMS", (form,))
    layer = layers.Conv2D(filters, 3, **options)
    layer.build(shape, np.random.default_rng(0), dtype)
    block = ConvBlock(layer, relu=False, norm=None, pool=None)
    assert block.convolution.form is form
    return layer, block


@pytest.mark.parametrize("size", [(4, 4), (4, 5), (6, 6), (13, 8), (15, 15)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("batch", [1, 9, 70])
def test_f2_of_small_integers_is_exact(monkeypatch, size, padding, batch):
    """Its matrices hold 0, 1 and 1/2 only. Several pictures are taken together, also where the last ones are fewer."""
    rng = np.random.default_rng(0)
    layer, block = winograd_block(monkeypatch, winograd.F2, (*size, 16), 32, padding=padding)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (batch, *size, 16)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


@pytest.mark.parametrize(
    ("size", "padding"),
    [((3, 3), "same"), ((4, 4), "same"), ((7, 6), "same"), ((13, 8), "same"), ((5, 8), "valid"), ((15, 15), "valid")],
)
@pytest.mark.parametrize("batch", [1, 9, 70])
def test_f4_equals_the_sum_as_written(monkeypatch, size, padding, batch):
    """In double, where its rounding leaves 13 digits."""
    rng = np.random.default_rng(0)
    layer, block = winograd_block(monkeypatch, winograd.F4, (*size, 16), 32, np.float64, padding=padding)
    x, dy = rng.standard_normal((batch, *size, 16)), rng.standard_normal((batch, *layer.output_shape))
    y, dx = layer.forward(x, training=True), layer.backward(dy)
    expected = {"y": y, "dx": dx} | {name: grad.copy() for name, grad in layer.grads.items()}
    found = {"y": block.forward(x, training=True).copy(), "dx": block.backward(dy)} | layer.grads
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13 * np.abs(value).max(), err_msg=name)


@pytest.mark.parametrize("channels", [16, 128])
@pytest.mark.parametrize(("form", "times"), [("F2", 2), ("F4", 8)])
def test_how_much_precision_a_form_loses(monkeypatch, channels, form, times):
    """In float32, against the layer in float64: its error beside the layer's own, which is the rounding of sums."""
    rng = np.random.default_rng(0)
    layer, block = winograd_block(monkeypatch, getattr(winograd, form), (12, 12, channels), 32, use_bias=False)
    exact = layers.Conv2D(32, 3, use_bias=False)
    exact.build((12, 12, channels), dtype=np.float64)
    exact.params["kernel"][...] = layer.params["kernel"]
    x = rng.standard_normal((4, 12, 12, channels)).astype(np.float32)
    z = exact.forward(x)
    errors = [np.abs(each.forward(x) - z).max() / np.abs(z).max() for each in (block, layer)]
    assert errors[0] < times * 1e-6 and errors[0] < times * errors[1] + 5e-7, errors


@pytest.mark.parametrize("form", [winograd.F2, winograd.F4])
def test_a_form_is_a_convolution(form):
    """For all inputs and taps, since it is linear in both: checked on those with one 1."""
    BT, G, AT = (np.array(matrix) for matrix in (form.BT, form.G, form.AT))
    for d in np.eye(form.patch):
        for g in np.eye(3):
            expected = [d[k : k + 3] @ g for k in range(form.out)]
            np.testing.assert_allclose(AT @ ((G @ g) * (BT @ d)), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("picture", "filters", "kernel", "stride"),
    [((8, 8, 64), 256, 3, 2), ((7, 7, 20), 300, 1, 1), ((7, 5, 3), 270, (3, 2), 1), ((31, 31, 3), 24, 2, 1)],
    ids=str,
)
def test_weight_gradients_by_slices_and_bare_convolutions_are_exact(picture, filters, kernel, stride, bias):
    rng = np.random.default_rng(0)
    layer = layers.Conv2D(filters, kernel, stride, "same", use_bias=bias)
    layer.build(picture, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    block = ConvBlock(layer, relu=False, norm=None, pool=None)
    assert block.convolution.by_slices == (filters > 32)
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
    """They are taken together, as many at a time as fit; here also where the last ones are fewer."""
    rng = np.random.default_rng(0)
    layer = layers.Conv2D(filters, kernel, stride, padding)
    layer.build(picture, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    block = ConvBlock(layer, relu=False, norm=None, pool=None)
    assert block.convolution.gathers and not block.convolution.winograd
    x = rng.integers(-4, 5, (batch, *picture)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.booleans(), seeds)
@settings(max_examples=60)
def test_dense_of_small_integers_is_exact(batch, inputs, units, relu, seed):
    rng = np.random.default_rng(seed)
    layer = layers.Dense(units, activation="relu" if relu else None)
    layer.build((inputs,), rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    x = rng.integers(-4, 5, (batch, inputs)).astype(np.float32)
    step = DenseStep(layer, relu)
    assert_same_bits(step, layer, x, rng)


@pytest.mark.parametrize("gamma", [1.0, -1.0, 0.0])
def test_ties_and_the_sign_of_gamma_choose_the_cell_that_the_layers_choose(gamma):
    """Few distinct values: most windows hold ties. For gamma 0 every cell of a window ties after normalisation."""
    rng = np.random.default_rng(0)
    conv, norm, pool = layers.Conv2D(16, 1, use_bias=False), layers.BatchNormalization(), layers.MaxPooling2D()
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
    block = ConvBlock(conv, relu=False, norm=norm, pool=pool)
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
    conv, pool = layers.Conv2D(3, 1, activation="relu", kernel_initializer="ones"), layers.MaxPooling2D()
    pool.build(conv.build((2, 2, 1)))
    assert np.isnan(ConvBlock(conv, relu=True, norm=None, pool=pool).forward(x)).all()


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_whole_network_passes_the_gradient_check(engine):
    model = testing.standard_model()
    model.engine = engine
    report = testing.measure_model(model)
    assert report.error <= testing.MODEL_TOLERANCE and report.kinks < 0.01


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (100, 1), (5, 0.1), (1e4, 1), (300, 0.01), (-1e4, 1)], ids=str)
def test_the_variance_survives_a_large_mean(mean, deviation):
    """As it does in the layer: to 1e-6, in float32."""
    conv, norm = layers.Conv2D(1, 1, kernel_initializer="ones"), layers.BatchNormalization(momentum=0.0, epsilon=1e-12)
    norm.build(conv.build((32, 32, 1)))
    x = np.random.default_rng(0).normal(mean, deviation, (8, 32, 32, 1)).astype(np.float32)
    y = ConvBlock(conv, relu=False, norm=norm, pool=None).forward(x, training=True)
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
    block = ConvBlock(conv, relu=False, norm=norm, pool=None)
    y = block.forward(np.full((19, 5, 7, 1), value, dtype), training=True)
    assert (y == norm.params["beta"]).all()


GUARD, MARGIN, SENTINEL = 64, 1 << 18, 0x5A


class Guarded:
    """Arrays between two guard bands of 64 sentinel bytes, and a workspace with bands between its buffers."""

    def __init__(self):
        self.bands, self.blank, self.gaps, self.blank_gaps = [], [], [], []

    def like(self, array):
        memory = np.full(array.nbytes + 2 * GUARD, SENTINEL, np.uint8)
        self.bands += [memory[:GUARD], memory[GUARD + array.nbytes :]]
        inside = memory[GUARD : GUARD + array.nbytes].view(array.dtype).reshape(array.shape)
        inside[...] = array
        return inside

    def scratch(self, threads, dtype, blank, own, shared):
        """block_data.scratch; notes what it leaves free between two buffers."""
        places = block_data.scratch(threads, dtype, blank, own, shared)
        ends = []
        for first, buffers in [(t * places.stride, blank | own) for t in range(threads)] + [(0, shared)]:
            for name, numbers in buffers.items():
                start = first + getattr(places, name)
                ends.append((start, start + numbers * dtype.itemsize, name in blank))
        starts = [start for start, _, _ in ends[1:]] + [places.size]
        for (_, used, in_blank), end in zip(ends, starts, strict=True):
            assert end - used >= block_data.LINE
            (self.blank_gaps if in_blank else self.gaps).append(slice(used, end))
        return places

    def workspace(self, size):
        """Memory with those gaps as guard bands, and full of NaN: nothing may be read that the pass has not made."""
        memory = np.full(MARGIN + size + MARGIN, SENTINEL, np.uint8)
        self.bands += [memory[:MARGIN], memory[MARGIN + size :]]
        memory = memory[MARGIN : MARGIN + size]
        memory[:] = 0xFF
        for gap in self.gaps:
            memory[gap] = SENTINEL
        self.bands += [memory[gap] for gap in self.gaps]
        self.blank += [memory[gap] for gap in self.blank_gaps]
        return memory

    def intact(self):
        zeros_or_untouched = all((band == band[0]).all() and band[0] in (0, 0xFF) for band in self.blank)
        return all((band == SENTINEL).all() for band in self.bands) and zeros_or_untouched


@given(blocks(), st.sampled_from(["float32", "float64"]), seeds)
@settings(max_examples=500)
def test_nothing_is_written_beside_a_buffer(drawn, dtype, seed):
    (batch, *shape), stack = drawn
    assume(fits(stack, tuple(shape)))
    model = Sequential([layers.Input(tuple(shape)), *copy.deepcopy(stack)], seed=seed, dtype=dtype)
    guarded = Guarded()
    fused = [step for step in plan(model.layers) if isinstance(step, ConvBlock)]
    assume(fused)
    block = fused[0]
    with mock.patch.object(convolution, "scratch", guarded.scratch):
        record = block._buffers(batch + 1).record
    for name in ("data", "channels", "batch"):
        part = record.parts[name]
        arrays = {
            field: guarded.like(value) for field, value in part._asdict().items() if isinstance(value, np.ndarray)
        }
        record.put(name, part._replace(**arrays))
    rng = np.random.default_rng(seed)
    with mock.patch.object(conv_block, "workspace", guarded.workspace):
        y = block.forward(guarded.like(rng.standard_normal((batch + 1, *shape)).astype(dtype)), training=True)
        assert guarded.intact()
        dx = block.backward(rng.standard_normal(y.shape).astype(dtype))
    assert guarded.intact()
    made = [y, dx, *(grad for layer in block.layers for grad in layer.grads.values())]
    assert all(np.isfinite(array).all() for array in made)
    written = record.parts["data"].y
    assert record.place("data", "y")[0] == written.ctypes.data  # the passes did write to these very arrays


@given(
    st.integers(1, 9), st.integers(1, 4), st.floats(-2, 2), st.floats(-9, 9), st.sampled_from(["float32", "float64"])
)
@settings(max_examples=60)
def test_bytes_are_rescaled_exactly_as_by_the_layer(side, channels, scale, offset, dtype):
    stack = [layers.Rescaling(scale, offset), layers.Conv2D(3, 1, kernel_initializer="ones")]
    models = both_engines(stack, (side, side, channels), dtype, 0)
    (step,) = models[1].execution_for(np.zeros((1, side, side, channels))).steps
    assert isinstance(step, ConvBlock)
    x = np.random.default_rng(side).integers(0, 256, (3, side, side, channels), np.uint8)
    pixels = x * step.conv.dtype.type(scale) + step.conv.dtype.type(offset)
    for pictures in (x, x.astype(dtype), np.asfortranarray(x)):
        y = [model.forward(pictures, training=True) for model in models]
        assert_close(y[1], y[0], 1e-5 if dtype == "float32" else 1e-12, "outputs")
        assert np.array_equal(step.buffers[3].pixels, pixels)
        dx = [model.backward(np.ones_like(y[0])) for model in models]
        assert_close(dx[1], dx[0], 1e-5 if dtype == "float32" else 1e-12, "dx")


def test_a_momentum_that_is_changed_counts_at_once():
    models = both_engines([layers.Conv2D(3, 1), layers.BatchNormalization()], (4, 4, 2), "float64", 0)
    x = np.random.default_rng(0).standard_normal((5, 4, 4, 2))
    for momentum in (0.9, 0.2):
        for model in models:
            model.layers[1].momentum = momentum
            model.forward(x, training=True)
    for name, average in models[0].layers[1].state.items():
        assert_close(models[1].layers[1].state[name], average, 1e-12, name)


def test_only_the_very_classes_are_replaced():
    class Mine(layers.Conv2D):
        pass

    model = Sequential([layers.Input((8, 8, 3)), Mine(4, 3), layers.Conv2D(4, 3, activation="gelu"), layers.Flatten()])
    kinds = [type(step).__name__ for step in plan(model.layers)]
    assert kinds == ["Mine", "ConvBlock", "GELU", "Flatten"]


def test_the_documented_network_is_three_blocks_and_two_dense_steps():
    stack = []
    for filters in (32, 64, 128):
        stack += [layers.Conv2D(filters, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D()]
    stack += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    model = Sequential([layers.Input((32, 32, 3)), *stack, layers.Dense(10, activation="softmax")])
    steps = Execution(model.layers, "fast").steps
    kinds = [type(step).__name__ for step in steps]
    assert kinds == ["ConvBlock"] * 3 + ["Flatten", "DenseStep", "Dropout", "DenseStep"]
    assert [step.owns_input for step in steps[:3]] == [False, True, True]
    assert all(isinstance(step, layers.Layer) for step in Execution(model.layers, "reference").steps)


def test_dx_is_written_over_x_only_where_nobody_needs_x():
    convs = [layers.Conv2D(16, 3, padding="same", activation="relu", name=f"c{i}") for i in range(3)]
    stack = [convs[0], convs[1], layers.BatchNormalization(), convs[2]]
    models = both_engines(stack, (8, 8, 16), "float64", 0)
    x = np.random.default_rng(1).standard_normal((4, 8, 8, 16))
    steps = models[1].execution_for(x).steps
    assert [step.owns_input for step in steps] == [False, False, True]  # the ReLU of c0 needs what c1 reads
    given = x.copy()
    y = steps[0].forward(given, training=True)
    for step in steps[1:]:
        y = step.forward(y, training=True)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    dx = {step: (dy := step.backward(dy)) for step in reversed(steps)}
    assert np.shares_memory(dx[steps[2]], steps[1].buffers[4].normalized)
    assert np.array_equal(given, x)  # the user's pictures stay as they are
    models[0].forward(x, training=True)
    expected = models[0].backward(np.random.default_rng(2).standard_normal(y.shape))
    assert_close(dx[steps[0]], expected, 1e-12, "dx")


def small_model(engine="fast"):
    stack = [
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(20, activation="relu"),
        layers.Dropout(0.3),
        layers.Dense(4, activation="softmax"),
    ]
    model = Sequential([layers.Input((12, 12, 3)), *stack], seed=3, dtype="float64")
    model.engine = engine
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def batches(count):
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((20, 12, 12, 3)), rng.integers(0, 4, 20)) for _ in range(count)]


def test_engines_may_be_switched_in_the_middle_of_training():
    models = [small_model("reference"), small_model("fast")]
    for number, (x, y) in enumerate(batches(6)):
        models[1].engine = "fast" if number % 2 else "reference"
        results = [model.train_on_batch(x, y) for model in models]
        np.testing.assert_allclose(results[1], results[0], rtol=1e-9)
    for reference, fast in zip(*[model.get_weights() for model in models], strict=True):
        np.testing.assert_allclose(fast, reference, rtol=1e-6, atol=1e-9)


def test_outputs_belong_to_the_user():
    """The next call must not write into what the last one returned."""
    model = Sequential([layers.Input((12, 12, 3)), layers.Conv2D(16, 3)], seed=0)
    x = np.random.default_rng(0).standard_normal((3, 12, 12, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="neither been trained nor loaded"):
        first = model.predict(x)
    forward, kept = model.forward(x), first.copy()
    model.forward(-x)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(forward, kept)


def test_threads_may_predict_with_one_model():
    model = small_model()
    pictures = np.random.default_rng(0).standard_normal((8, 20, 12, 12, 3))
    alone = [model.forward(x) for x in pictures]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for y, expected in zip(pool.map(model.forward, pictures), alone, strict=True):
                np.testing.assert_array_equal(y, expected)


def test_a_copy_of_a_model_is_a_model_of_its_own():
    model = small_model()
    (x, y), *_ = batches(1)
    model.train_on_batch(x, y)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.forward(x), model.forward(x))
    before = model.forward(x)
    twin.train_on_batch(x, y)
    np.testing.assert_array_equal(model.forward(x), before)
    assert not np.array_equal(twin.forward(x), before)


def test_an_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="engine expected 'fast' or 'reference', received 'turbo'"):
        small_model("turbo")


def test_starting_the_threads_leaves_the_environment_as_it_was():
    program = """if True:
        import os
        import numpy as np
        before = dict(os.environ)
        from minicnn import Sequential, layers
        Sequential([layers.Input((3,)), layers.Dense(2)], seed=0).forward(np.ones((1, 3)))
        assert dict(os.environ) == before, set(os.environ) ^ set(before)
        print("as it was")
    """
    for setting in ({}, {"GOMP_SPINCOUNT": "7"}):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **setting, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout.strip()) == (0, "as it was"), done.stderr


def test_without_numbas_compiler_the_layers_run_as_they_are_written():
    program = """if True:
        import numpy as np
        from minicnn import Sequential, layers
        model = Sequential([layers.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)], seed=0)
        print(model.forward(np.ones((1, 6, 6, 1))).shape)
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "(1, 2)"), done.stderr


PROGRAM = """
import hashlib, sys, numpy as np, numba
numba.set_num_threads(int(sys.argv[1]))
from minicnn import Sequential, layers
model = Sequential([
    layers.Input((12, 12, 3)), layers.Conv2D(8, 3, activation="relu"), layers.BatchNormalization(),
    layers.MaxPooling2D(), layers.Flatten(), layers.Dense(20, activation="relu"), layers.Dropout(0.3),
    layers.Dense(4, activation="softmax")], seed=3)
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
rng = np.random.default_rng(0)
x, y = rng.standard_normal((410, 12, 12, 3)), rng.integers(0, 4, 410)
model.fit(x, y, batch_size=20, epochs=10, verbose=0)
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
"""


def test_the_weights_do_not_depend_on_the_number_of_threads():
    """210 steps, bit for bit; NUMBA_NUM_THREADS allows more threads than there are processors."""
    hashes = set()
    for threads in (1, 2, 3, 4):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(threads)],
            env={**os.environ, "NUMBA_NUM_THREADS": "4", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout.strip())
    assert len(hashes) == 1 and len(hashes.pop()) == len(hashlib.sha256().hexdigest())
