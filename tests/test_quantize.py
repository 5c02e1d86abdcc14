"""Whole numbers: what operations compute, by their definition in plain loops; what is folded and
measured; what a network in whole numbers is near to.
"""

from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quantize_models import branching, chain, pictures, stirred

from minicnn import Input, Model, Sequential, layers, quantize
from minicnn.quantize import integers, reals, ties
from minicnn.quantize.arithmetic import cells, window
from minicnn.quantize.calibration import BINS, OBSERVERS, Histogram, calibrated
from minicnn.quantize.folding import folded
from minicnn.quantize.integers import IntegerOperation, exact_type
from minicnn.quantize.numbers import Quantization, of_kernel, of_range, requantized
from minicnn.quantize.operations import Computation

SIZES = st.integers(1, 4)
PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


# Numbers


@given(st.floats(-100, 100), st.floats(0, 100))
def test_zero_is_always_one_of_the_numbers(low, width):
    found = of_range(low, low + width)
    assert found.reals(found.integers(np.zeros(3, np.float32))).tolist() == [0, 0, 0]
    assert -128 <= found.zero_point <= 127


def test_numbers_of_a_range_are_at_most_half_a_step_away():
    found = of_range(-1.0, 3.0)
    x = np.linspace(-1, 3, 1001, dtype=np.float32)
    # a zero point is a whole number, for which the range moves by up to half a step
    assert np.abs(found.reals(found.integers(x)) - x).max() <= 1.001 * found.scale
    assert np.abs(found.reals(found.integers(x)) - x)[1:-1].mean() < 0.26 * found.scale


def test_kernels_stay_within_63_and_have_a_scale_for_each_filter():
    kernel = np.random.default_rng(0).normal(0, 1, (3, 3, 4, 5)) * [1, 10, 0.1, 1e-4, 0]
    q, scale, bias = of_kernel(kernel, np.arange(5.0), Quantization(np.float32(0.5), 3))
    most = np.abs(q.astype(int)).max(axis=(0, 1, 2))
    assert most.tolist() == [63, 63, 63, 63, 0]
    assert (np.abs(q * scale - kernel).max(axis=(0, 1, 2)) <= 0.5001 * scale).all()
    assert (np.abs(bias * scale * 0.5 - np.arange(5.0)) <= 0.5001 * scale * 0.5).all()


def test_a_filter_of_next_to_nothing_leaves_room_for_its_bias():
    kernel = np.full((1, 1, 1, 1), 1e-20)
    q, scale, bias = of_kernel(kernel, np.array([0.75]), Quantization(np.float32(0.01), 0))
    assert q.item() == 0
    assert float(bias[0]) * float(scale[0]) * 0.01 == pytest.approx(0.75)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [np.finfo(np.float32).tiny, 1e-30, 6 / 256, 6 / 200, 0.5, 100])
@pytest.mark.parametrize("zero", [-128, 0, 127])
def test_six_is_a_number_or_above_all_of_them(scale, zero):
    found = Quantization(np.float32(scale), zero)
    steps = min(6 / float(np.float32(scale)), 1000)
    assert found.limits("relu6") == (zero, min(127, zero + round(steps)))
    assert found.limits("relu") == (zero, 127) and found.limits(None) == (-128, 127)


def test_requantization_rounds_half_to_even_and_stops_at_the_activation():
    to = Quantization(np.float32(0.5), -3)
    sums = np.array([1, 2, 3, 4, 5, -1, 1000, -1000])
    assert requantized(sums, np.float32(0.5), to).tolist() == [-3, -2, -1, -1, -1, -3, 127, -128]
    assert requantized(sums, np.float32(0.5), to, "relu").min() == -3
    assert requantized(sums, np.float32(0.5), to, "relu6").max() == 9  # 6.0


# Operations, by their definition


def rounded(total, multiplier, makes, low=-128, high=127):
    """One number, as numbers.py defines it."""
    product = np.float32(int(total)) * np.float32(multiplier)
    inside = min(max(product, np.float32(low - makes.zero_point)), high - makes.zero_point)
    below = floor(inside)
    rest = inside - below
    up = rest > 0.5 or (rest == 0.5 and below % 2)
    return int(below + up) + makes.zero_point


@st.composite
def convolutions(draw):
    """A convolution of either kind, what comes in, and how."""
    H, W, C = draw(st.integers(3, 6)), draw(st.integers(3, 6)), draw(st.sampled_from([1, 2, 4]))
    depthwise = draw(st.booleans())
    size, strides, dilation = draw(PAIRS), draw(PAIRS), draw(st.sampled_from([(1, 1), (2, 1)]))
    padding = draw(st.sampled_from(["same", "valid"]))
    extent = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    if extent[0] > H or extent[1] > W:
        padding = "same"
    G = 1 if depthwise else draw(st.sampled_from([g for g in (1, 2) if C % g == 0]))
    last = draw(st.integers(1, 2)) if depthwise else 2 * draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kernel = rng.integers(-127, 128, (*size, C if depthwise else C // G, last)).astype(np.int8)
    filters = C * last if depthwise else last
    told = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    operation = IntegerOperation(
        "depthwise_conv2d" if depthwise else "conv2d",
        "it",
        (0,),
        (),
        draw(st.sampled_from([None, "relu", "relu6"])),
        told if depthwise else told | {"groups": G},
        kernel,
        rng.integers(-5000, 5000, filters).astype(np.int32),
        rng.uniform(0.001, 0.01, filters).astype(np.float32),
        Quantization(np.float32(rng.uniform(0.05, 0.5)), int(rng.integers(-128, 128))),
    )
    of = Quantization(np.float32(rng.uniform(0.01, 0.1)), int(rng.integers(-128, 128)))
    return operation, of, rng.integers(-128, 128, (2, H, W, C)).astype(np.int8)


@settings(max_examples=40)
@given(convolutions())
def test_convolutions_are_their_definition(drawn):
    operation, of, q = drawn
    slides = window(operation, q.shape[1:])
    kernel, (OH, OW) = operation.kernel, slides.output
    KH, KW = kernel.shape[:2]
    depthwise = operation.kind == "depthwise_conv2d"
    filters = operation.bias.size
    operation.shape = (OH, OW, filters)
    computation = Computation("one", q.shape[1:], [operation])
    found = list(integers.values(computation, of, q))[-1]
    low, high = operation.makes.limits(operation.activation)
    per = 0 if depthwise else filters // operation.settings["groups"]
    C = kernel.shape[2]
    for n, i, j, f in np.ndindex(found.shape):
        total = int(operation.bias[f])
        for kh, kw in np.ndindex(KH, KW):
            h = i * slides.strides[0] - slides.before[0] + kh * slides.dilation[0]
            w = j * slides.strides[1] - slides.before[1] + kw * slides.dilation[1]
            if not (0 <= h < q.shape[1] and 0 <= w < q.shape[2]):
                continue  # the zero point less itself
            if depthwise:
                c, m = divmod(f, kernel.shape[3])
                total += (int(q[n, h, w, c]) - of.zero_point) * int(kernel[kh, kw, c, m])
            else:
                for c in range(C):
                    x = int(q[n, h, w, f // per * C + c]) - of.zero_point
                    total += x * int(kernel[kh, kw, c, f])
        multiplier = of.scale * operation.kernel_scale[f] / operation.makes.scale
        assert found[n, i, j, f] == rounded(total, multiplier, operation.makes, low, high)


def test_dense_and_the_mean_of_all_are_their_definition():
    rng = np.random.default_rng(0)
    of, makes = Quantization(np.float32(0.02), -7), Quantization(np.float32(0.3), 5)
    mean = IntegerOperation("global_average", "mean", (0,), (4,), makes=of_range(-2, 3))
    dense = IntegerOperation("dense", "dense", (1,), (3,), "relu", {}, makes=makes)
    dense.kernel = rng.integers(-63, 64, (4, 3)).astype(np.int8)
    dense.bias = rng.integers(-900, 900, 3).astype(np.int32)
    dense.kernel_scale = rng.uniform(0.01, 0.02, 3).astype(np.float32)
    q = rng.integers(-128, 128, (5, 3, 7, 4)).astype(np.int8)
    _, averaged, found = integers.values(Computation("two", (3, 7, 4), [mean, dense]), of, q)
    for n, c in np.ndindex(5, 4):
        total = sum(int(one) + 7 for one in q[n, :, :, c].reshape(-1))
        by = of.scale / mean.makes.scale / np.float32(21)
        assert averaged[n, c] == rounded(total, by, mean.makes)
    for n, f in np.ndindex(5, 3):
        xs = [int(one) - mean.makes.zero_point for one in averaged[n]]
        total = int(dense.bias[f]) + sum(
            x * int(w) for x, w in zip(xs, dense.kernel[:, f], strict=True)
        )
        by = mean.makes.scale * dense.kernel_scale[f] / makes.scale
        assert found[n, f] == rounded(total, by, makes, makes.zero_point)


def test_additions_are_shifted_sums_that_are_next_to_the_real_ones():
    rng = np.random.default_rng(1)
    of, makes = [of_range(-1, 2), of_range(0, 7)], of_range(-1, 8)
    moved = IntegerOperation("relu", "relu", (0,), (50,), "relu", makes=of[0])
    added = IntegerOperation("add", "add", (0, 0), (50,), None, makes=makes)
    q = rng.integers(-128, 128, (20, 50)).astype(np.int8)
    added.reads = (1, 1)
    _, q, found = integers.values(Computation("sum", (50,), [moved, added]), of[0], q)
    exact = 2 * of[0].reals(q)
    assert np.abs(makes.reals(found) - exact).max() <= 0.5001 * makes.scale
    factor = round(float(of[0].scale / makes.scale) * 2**22)  # 21 bits: the quotient is near 1/3
    for mine, one in zip(found.reshape(-1), q.reshape(-1), strict=True):
        total = 2 * factor * (int(one) - of[0].zero_point)
        assert mine == min(max((total + 2**21) // 2**22 + makes.zero_point, -128), 127)


@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from(["same", "valid"]))
def test_means_of_windows_are_rounded_half_away_from_zero(size, stride, padding):
    rng = np.random.default_rng(2)
    layer = layers.AveragePooling2D(size, stride, padding)
    shape = layer.build((5, 4, 2), rng)
    of = of_range(-1, 1)
    told = {"pool_size": (size, size), "strides": (stride, stride), "padding": padding}
    operation = IntegerOperation("average_pooling2d", "it", (0,), shape, None, told, makes=of)
    q = rng.integers(-128, 128, (2, 5, 4, 2)).astype(np.int8)
    found = list(integers.values(Computation("pool", (5, 4, 2), [operation]), of, q))[-1]
    before, counts = layer.window.before, cells(operation, (5, 4, 2))
    for n, i, j, c in np.ndindex(found.shape):
        rows = range(max(i * stride - before[0], 0), min(i * stride - before[0] + size, 5))
        columns = range(max(j * stride - before[1], 0), min(j * stride - before[1] + size, 4))
        seen = [int(q[n, h, w, c]) for h in rows for w in columns]
        assert len(seen) == counts[i, j, 0]
        mean = abs(sum(seen)) / len(seen)
        assert found[n, i, j, c] == int(np.sign(sum(seen))) * floor(mean + 0.5)


def test_sums_that_float32_would_round_are_made_in_float64():
    kernel = np.full((3, 3, 128, 1), 127, np.int8)
    operation = IntegerOperation("conv2d", "it", (0,), (1, 1, 1), kernel=kernel)
    assert exact_type(operation) is np.float64
    operation.kernel = kernel // 4
    assert exact_type(operation) is np.float32


# Folding


@pytest.mark.parametrize("make", [branching, chain])
def test_operations_in_reals_are_the_network(make):
    model = make()
    x = pictures(8, model.input_shape[1:])
    computation, ranges = folded(model)
    logits = list(reals.values(computation, x))[-1]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities, model.predict(x, verbose=0), rtol=2e-5, atol=1e-7)
    assert (computation.ending, ranges) == ("softmax", {})


def test_a_normalization_becomes_a_part_of_the_kernel_before_it_or_a_kernel_of_one_cell():
    kinds = [(one.kind, one.activation) for one in folded(branching())[0].operations]
    assert kinds[:4] == [
        ("conv2d", "relu6"),
        ("depthwise_conv2d", "relu"),
        ("conv2d", None),
        ("add", "relu"),
    ]
    assert ("depthwise_conv2d", None) in kinds[6:]
    assert [kind for kind, _ in kinds].count("relu") == 1  # behind a pooling


def test_preprocessing_is_an_operation_too():
    stack = [Input((6, 6, 3)), layers.Rescaling(1 / 255)]
    stack += [layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04] * 3)]
    stack += [layers.RandomFlip("horizontal"), layers.Conv2D(4, 3)]
    model = stirred(Sequential([*stack, layers.GlobalMaxPooling2D()], seed=0))
    x = np.random.default_rng(0).integers(0, 256, (16, 6, 6, 3)).astype(np.float32)
    found = quantize.quantized(model, x)
    assert [one.kind for one in found.operations] == ["depthwise_conv2d", "conv2d", "global_max"]
    assert found.of_input.scale == pytest.approx(1, rel=0.05)
    np.testing.assert_allclose(found.predict(x), model.predict(x, verbose=0), atol=0.1)


def test_what_all_pixels_are_multiplied_by_becomes_a_part_of_the_kernel():
    stack = [Input((6, 6, 3)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, padding="same")]
    model = stirred(Sequential([*stack, layers.GlobalMaxPooling2D()], seed=0))
    x = np.random.default_rng(0).integers(0, 256, (16, 6, 6, 3)).astype(np.float32)
    found = quantize.quantized(model, x)
    assert [one.kind for one in found.operations] == ["conv2d", "global_max"]
    np.testing.assert_allclose(found.predict(x), model.predict(x, verbose=0), atol=0.05)
    inputs = Input((6, 6, 3))  # and not where somebody else reads them, too
    scaled = layers.Rescaling(1 / 255)(inputs)
    both = layers.Add()([layers.Conv2D(3, 1)(scaled), scaled])
    kinds = [one.kind for one in folded(stirred(Model(inputs, both, seed=0)))[0].operations]
    assert kinds == ["depthwise_conv2d", "conv2d", "add"]


# Calibration


def test_values_that_are_only_moved_or_joined_have_one_scale():
    found = quantize.quantized(branching(), pictures())
    by_kind = {one.kind: one for one in found.operations}
    assert by_kind["concatenate"].makes == by_kind["zero_padding2d"].makes
    assert by_kind["concatenate"].makes == by_kind["average_pooling2d"].makes
    first = ties.groups(found.computation)
    assert len(set(first)) < len(first)


def test_observers_see_what_is_there():
    counts = np.zeros(BINS)
    counts[:3000] = 1000
    counts[-1] = 1  # one number that is far from all others
    seen = Histogram(0.0, 4.096, counts)
    assert OBSERVERS["min_max"](seen) == (0.0, 4.096)
    assert OBSERVERS["percentile"](seen)[1] == pytest.approx(3.0, abs=0.01)
    assert 2.9 < OBSERVERS["mean_squared_error"](seen)[1] < 3.3


@pytest.mark.parametrize("observer", OBSERVERS)
def test_a_network_in_whole_numbers_is_near_the_real_one(observer):
    model = branching()
    found = quantize.quantized(model, pictures(), observer)
    x = pictures(60, seed=9)
    assert np.abs(found.predict(x) - model.predict(x, verbose=0)).max() < 0.02
    assert found(x[:2]).shape == (2, 5)
    assert found.class_names == model.class_names


def test_finer_kernels_are_nearer():
    model, x = branching(), pictures()
    wanted = model.predict(x, verbose=0)
    apart = [
        np.abs(quantize.quantized(model, x, largest_kernel=most).predict(x) - wanted).mean()
        for most in (7, 63, 127)
    ]
    assert apart[0] > 2 * apart[1] > 2 * apart[2] * 0.8


def test_the_numbers_are_those_that_calibration_found():
    model = chain()
    x = pictures(shape=(8, 8, 3))
    computation, _ = folded(model)
    ranges = calibrated(computation, x)
    makes = quantize.quantized(model, x).operations[0].makes
    assert makes == of_range(*ranges[1])
    parts = [computation.operations[0].kernel, layers.Conv2D]
    assert parts[0].dtype == np.float32


def test_a_shared_layer_is_an_operation_at_each_of_its_places():
    inputs = Input((6, 6, 4))
    shared = layers.Conv2D(4, 3, padding="same", activation="relu")
    model = stirred(Model(inputs, layers.GlobalAveragePooling2D()(shared(shared(inputs))), seed=0))
    found = quantize.quantized(model, pictures(shape=(6, 6, 4)))
    assert [one.kind for one in found.operations] == ["conv2d", "conv2d", "global_average"]
    assert len({one.name for one in found.operations}) == 3
