"""One picture shared by threads, by rows or by filters: the bits that one thread makes alone."""

import copy

import numpy as np
import pytest
from engine_cases import both_engines
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import residual_network

from minicnn import Input, Sequential, applications, layers
from minicnn.engine.conv import parts, side_by_side
from minicnn.engine.conv.geometry import inside
from minicnn.engine.conv.parts import count_by_filters, cuts_by_rows, rows_seen
from minicnn.engine.conv.side_by_side import SideBySide
from minicnn.engine.conv.step import ConvBlock
from minicnn.machine.threads import set_threads, state

TWO_THREADS = pytest.mark.skipif(state()["available"] < 2, reason="needs two threads")
WAYS = ["filters", "rows"]


def programs(model):
    """Those for one picture, by how many threads share it."""
    return {key[0]: one for key, one in model._execution().frozen.programs.items()}


def shared_steps(model):
    steps = [stage.step for stage in programs(model)[2].stages]
    return [step for step in steps if isinstance(step, SideBySide)]


def are_by_rows(step):
    return step.parts[0].filters == slice(None)


def always(monkeypatch, way):
    """Share however little there is to do, and wherever it can be done in that way."""
    monkeypatch.setattr(parts, "WORTH", 1)
    kernel = 0 if way == "rows" else 1 << 60
    monkeypatch.setattr(side_by_side, "kernel_numbers", lambda _: kernel)


def same_bits(model, x):
    once = model.forward(x)
    for _ in range(4):
        np.testing.assert_array_equal(model.forward(x), once)


@TWO_THREADS
def test_threads_share_the_documented_network():
    model = applications.DocumentedCNN(seed=0)
    x = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    once = model(x)
    same_bits(model, x)
    assert [are_by_rows(step) for step in shared_steps(model)] == [True, False, False]
    try:
        set_threads(1)
        for _ in range(3):
            np.testing.assert_array_equal(model(x), once)
        assert not any(isinstance(one.step, SideBySide) for one in programs(model)[1].stages)
    finally:
        set_threads(state()["available"])


CONVOLUTIONS = {
    "winograd": layers.Conv2D(64, 3, padding="same"),
    "5x5": layers.Conv2D(64, 5, strides=2, use_bias=False),
    "1x1": layers.Conv2D(64, 1),
    "dilated": layers.Conv2D(64, 3, dilation_rate=2),
    "cropped": layers.Conv2D(20, (3, 2), strides=(2, 1), padding="same"),
}


@TWO_THREADS
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("conv", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
@pytest.mark.parametrize("tail", ["", "norm", "norm relu pool", "pool"])
def test_parts_make_the_whole(conv, tail, way, monkeypatch):
    always(monkeypatch, way)
    after = {"norm": layers.BatchNormalization, "relu": layers.ReLU, "pool": layers.MaxPooling2D}
    stack = [copy.deepcopy(conv), *(after[word]() for word in tail.split())]
    _, model = both_engines(stack, (17, 13, 16), "float64", 3)
    for array in model.variables_by_name().values():
        array[...] = np.random.default_rng(1).random(array.shape)
    same_bits(model, np.random.default_rng(0).standard_normal((1, 17, 13, 16)))
    (step,) = shared_steps(model)
    assert are_by_rows(step) is (way == "rows" or conv.filters == 20)


@TWO_THREADS
@pytest.mark.parametrize("way", WAYS)
def test_parts_of_pictures_in_bytes_with_zeros_around_them(way, monkeypatch):
    always(monkeypatch, way)
    stack = [
        layers.Rescaling(1 / 255, 0.5),
        layers.ZeroPadding2D(((2, 0), (1, 3))),
        layers.Conv2D(32, 3, padding="same"),
        layers.MaxPooling2D(),
    ]
    model = Sequential([Input((16, 16, 3)), *stack], seed=0)
    same_bits(model, np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8))
    assert [are_by_rows(step) for step in shared_steps(model)] == [way == "rows"]


@TWO_THREADS
def test_residual_blocks_are_shared_by_rows(monkeypatch):
    always(monkeypatch, "filters")
    model = residual_network(seed=0)
    same_bits(model, np.random.default_rng(0).random((1, *model.input_shape[1:]), np.float32))
    sums = [step for step in shared_steps(model) if step.block.add is not None]
    assert sums and all(map(are_by_rows, sums))


@TWO_THREADS
@pytest.mark.parametrize("way", WAYS)
def test_parts_hear_of_other_weights(way, monkeypatch):
    always(monkeypatch, way)
    stack = [layers.Conv2D(32, 3), layers.BatchNormalization()]
    model, twin = (Sequential([Input((9, 9, 3)), *copy.deepcopy(stack)], seed=0) for _ in range(2))
    x = np.random.default_rng(0).random((1, 9, 9, 3), np.float32)
    same_bits(model, x)
    for one in (model, twin):
        one.layers[0].params["bias"][...] = 1
        one.layers[1].epsilon = 0.5
    np.testing.assert_array_equal(model(x), twin(x))


def block(filters, side, channels=64, strides=1):
    conv = layers.Conv2D(filters, 3, strides=strides)
    conv.build((side, side, channels))
    return ConvBlock(conv, frozen=True)


def test_how_many_share_a_picture_by_filters():
    lanes = block(64, 8).work.lanes
    assert count_by_filters(block(4 * lanes, 32), 4) == 4
    assert count_by_filters(block(4 * lanes, 32), 3) == 2  # thirds would not be whole registers
    assert count_by_filters(block(4 * lanes, 32), 1) == 1
    assert count_by_filters(block(lanes, 32), 4) == 1
    assert count_by_filters(block(4 * lanes, 3), 4) == 1  # not worth waiting for each other


def test_at_which_rows_a_picture_is_cut():
    assert cuts_by_rows(block(64, 33, 16, strides=2), 2) == [0, 8, 16]
    assert cuts_by_rows(block(64, 33, 16, strides=2), 1) == [0, 16]
    assert cuts_by_rows(block(64, 3), 4) == [0, 1]  # not worth waiting for each other
    patched = block(64, 15)
    out = patched.convolution.form.out
    cuts = cuts_by_rows(patched, 2)
    assert cuts[0] == 0 and cuts[1] % out == 0 and cuts[2] == 13


@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.data())
@settings(max_examples=60)
def test_the_rows_that_a_part_sees_are_those_that_its_kernels_meet(H, size, stride, dilation, data):
    conv = layers.Conv2D(
        2, size, padding=data.draw(st.sampled_from(["same", "valid"])),
        **({"strides": stride} if data.draw(st.booleans()) else {"dilation_rate": dilation}),
    )  # fmt: skip
    if conv.padding == "valid" and H <= (size - 1) * dilation:
        return
    conv.build((H, H, 1))
    g = ConvBlock(conv, frozen=True).g
    first = data.draw(st.integers(0, g.OH - 1))
    last = data.draw(st.integers(first + 1, g.OH))
    met = {
        i * g.SH - g.top + k * g.DH
        for i in range(first, last)
        for k in inside(i * g.SH - g.top, g.KH, g.DH, g.H)
    }
    reads, ((above, below), _) = rows_seen(g, first, last)
    if met:
        assert reads.start <= min(met) and max(met) < reads.stop <= H
    tall = above + reads.stop - reads.start + below
    assert (tall - (g.KH - 1) * g.DH - 1) // g.SH + 1 == last - first
    assert above == max(0, g.top - first * g.SH)
