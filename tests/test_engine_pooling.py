"""Pooling as steps of the engine: the layers' numbers, to the bit where the layers do not divide,
whatever the batch and however many threads.
"""

import re

import numpy as np
import pytest
from engine_cases import both_engines
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import Input, Model, Sequential, layers
from minicnn.engine.plan import plan
from minicnn.engine.pooling.step import SMALL, GlobalPoolStep, PoolStep
from minicnn.machine.threads import set_threads, state

WINDOWS = [layers.MaxPooling2D, layers.AveragePooling2D]
PICTURES = [layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D]
LARGEST = layers.MaxPooling2D, layers.GlobalMaxPooling2D
DTYPES = ["float32", "float64"]
CHANNELS = st.sampled_from([1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 64, 70])
EVERY_LAYER = [
    layers.MaxPooling2D(3, 2, "same"),
    layers.MaxPooling2D(3, 1, "same"),
    layers.MaxPooling2D(2),
    layers.MaxPooling2D((5, 4), 2),  # more cells than are written out
    layers.AveragePooling2D(3, 2, "same"),
    layers.AveragePooling2D(2),
    layers.GlobalMaxPooling2D(),
    layers.GlobalAveragePooling2D(keepdims=True),
]


def built(layer, shape, dtype):
    """The layer and the step that runs another one like it."""
    pair = layer.clone(), layer.clone()
    for one in pair:
        one.build(shape, np.random.default_rng(0), dtype)
    (step,) = plan([pair[1]])
    return pair[0], step


def drawn(rng, values, shape, dtype):
    """Numbers with many equals, or with NaN and infinities among them, or all different."""
    x = rng.standard_normal(shape)
    if values == "equal":
        x = rng.integers(-1, 2, shape) * 0.5 * rng.choice([1.0, -1.0], shape)  # 0 and -0 too
    if values == "special":
        x = np.where(rng.random(shape) < 0.4, rng.choice([np.nan, np.inf, -np.inf], shape), x)
    return x.astype(dtype)


def assert_same_bits(actual, expected):
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    np.testing.assert_array_equal(actual, expected)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(actual)[number], np.signbit(expected)[number])


def assert_equal_steps(layer, shape, batch, values, dtype, seed):
    """y in training and inference, and dx, of a layer and of its step, twice."""
    slow, step = built(layer, shape, dtype)
    rng = np.random.default_rng(seed)
    for n in (batch, max(1, batch - 1)):
        x = drawn(rng, values, (n, *shape), dtype)
        with np.errstate(invalid="ignore"):  # inf - inf, of the layer that means over pictures
            y = slow.forward(x, training=True)
            made = step.forward(x, training=True).copy()
        dy = drawn(rng, "different", y.shape, dtype)
        dx, returned = slow.backward(dy), step.backward(dy)
        inference = step.forward(x)
        if isinstance(layer, LARGEST):
            for actual, expected in ((made, y), (inference, y), (returned, dx)):
                assert_same_bits(actual, expected)
        else:
            tolerance = 1e-6 if dtype == "float32" else 1e-14
            for actual, expected in ((made, y), (inference, y), (returned, dx)):
                assert actual.dtype == expected.dtype
                np.testing.assert_allclose(actual, expected, tolerance, tolerance)
        shares = step.buffers[n].record.parts["shares"]
        assert not shares.taken.any()  # every share is whole again


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", WINDOWS)
@given(
    windows(largest=11),
    CHANNELS,
    st.sampled_from([1, 2, 3, 9]),
    st.sampled_from(["equal", "special", "different"]),
    seeds,
)
@settings(max_examples=60)
def test_windows_equal_the_layer(kind, dtype, window, channels, batch, values, seed):
    layer = kind(window["size"], window["strides"], window["padding"])
    shape = (*window["x_shape"][1:3], channels)
    assert_equal_steps(layer, shape, batch, values, dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("size", [(4, 5), (16, 16), (1, 200)])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_windows_of_many_cells_equal_the_layer(kind, dtype, size, padding):
    """They are not written out cell by cell, and the last cell's number fills a byte."""
    layer, shape = kind(size, (1, 2), padding), (size[0] + 2, size[1] + 3, 5)
    for seed in range(5):
        assert_equal_steps(layer, shape, 3, "different", dtype, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", PICTURES)
@given(
    st.integers(1, 40),
    st.integers(1, 12),
    CHANNELS | st.just(130),
    st.sampled_from([1, 2, 3, 9]),
    st.booleans(),
    st.sampled_from(["equal", "special", "different"]),
    seeds,
)
@settings(max_examples=60)
def test_pictures_equal_the_layer(
    kind, dtype, height, width, channels, batch, keepdims, values, seed
):
    shape = height, width, channels
    assert_equal_steps(kind(keepdims=keepdims), shape, batch, values, dtype, seed)


def test_the_first_of_equals_wins_every_window():
    """By hand: a 3x3 window over four equal cells, and one over NaN."""
    _, step = built(layers.MaxPooling2D(3, 1, "same"), (2, 2, 1), "float32")
    y = step.forward(np.ones((1, 2, 2, 1), np.float32), training=True)
    assert (y == 1).all()
    assert step.backward(np.ones_like(y)).ravel().tolist() == [4, 0, 0, 0]
    x = np.array([1, np.nan, np.nan, 2], np.float32).reshape(1, 2, 2, 1)
    y = step.forward(x, training=True)
    assert np.isnan(y).all()
    assert step.backward(np.ones_like(y)).ravel().tolist() == [0, 4, 0, 0]


def test_a_mean_over_a_picture_is_added_up_in_double_precision():
    """In float32 the sum would stop at 2^24."""
    _, step = built(layers.GlobalAveragePooling2D(), (4200, 4000, 1), "float32")
    y = step.forward(np.ones((1, 4200, 4000, 1), np.float32))
    assert y.tolist() == [[1]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", EVERY_LAYER, ids=repr)
def test_a_picture_has_the_same_bits_in_every_batch_and_with_any_threads(layer, dtype):
    shape, batch = (19, 17, 19), 9
    assert batch * np.prod(shape) > SMALL > np.prod(shape)  # for several threads, and for one
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *shape)).astype(dtype)
    slow, step = built(layer, shape, dtype)
    dy = rng.standard_normal((batch, *slow.output_shape)).astype(dtype)
    most, results = state()["available"], []
    try:
        for n in sorted({1, min(2, most)}):
            set_threads(n)
            y = step.forward(x, training=True).copy()
            results.append((y, step.backward(dy).copy(), step.forward(x).copy()))
    finally:
        set_threads(most)
    for y, dx, inference in results:
        assert_same_bits(y, results[0][0])
        assert_same_bits(dx, results[0][1])
        assert_same_bits(inference, results[0][0])
    for n in (1, 4):
        for first in range(0, batch - n + 1, 3):
            part = slice(first, first + n)
            assert_same_bits(step.forward(x[part], training=True), results[0][0][part])
            assert_same_bits(step.backward(dy[part]), results[0][1][part])


def test_what_becomes_a_step():
    """Of exact classes those whose winners can be numbered."""

    class Mine(layers.MaxPooling2D):
        pass

    kinds = [
        (layers.MaxPooling2D((16, 16)), (20, 20, 1), PoolStep),
        (layers.MaxPooling2D((16, 17)), (20, 20, 1), layers.MaxPooling2D),  # 272 cells
        (layers.AveragePooling2D((16, 17)), (20, 20, 1), PoolStep),
        (layers.GlobalMaxPooling2D(), (4096, 4096, 1), GlobalPoolStep),
        (layers.GlobalMaxPooling2D(), (4096, 4097, 1), layers.GlobalMaxPooling2D),
        (layers.GlobalAveragePooling2D(), (4096, 4097, 1), GlobalPoolStep),
        (Mine(3), (8, 8, 1), Mine),
    ]
    for layer, shape, kind in kinds:
        assert type(built(layer, shape, "float32")[1]) is kind, layer


def test_a_convolution_still_pools_along_what_it_can():
    stack = [layers.Conv2D(4, 3), layers.MaxPooling2D(2), layers.MaxPooling2D(3, 2)]
    model = Sequential([Input((12, 12, 3)), *stack, layers.GlobalAveragePooling2D()], seed=0)
    kinds = [type(step).__name__ for step in model._execution().steps]
    assert kinds == ["ConvBlock", "PoolStep", "GlobalPoolStep"]


def branches(dtype):
    """Pooling on a graph's edges: behind an input, with two users, and before a Concatenate."""
    x = Input((9, 8, 3))
    small = layers.MaxPooling2D(3, 2, "same")(x)
    left = layers.Conv2D(6, 1, activation="relu")(small)
    right = layers.Conv2D(5, 1)(layers.MaxPooling2D(3, 1, "same")(small))
    below = layers.AveragePooling2D(3, 1, "same")(small)
    y = layers.Concatenate()([left, right, below])
    largest, mean = layers.GlobalMaxPooling2D()(y), layers.GlobalAveragePooling2D()(y)
    y = layers.Dense(4, activation="softmax")(layers.Concatenate()([largest, mean]))
    return Model(x, y, seed=3, dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_a_network_with_branches_learns_what_the_layers_learn(dtype, tolerance):
    models = [branches(dtype), branches(dtype)]
    models[0].engine = "reference"
    kinds = {type(step).__name__ for step in models[1]._execution().steps}
    assert {"PoolStep", "GlobalPoolStep"} <= kinds
    rng = np.random.default_rng(0)
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy")
    for n in (5, 5, 2):
        x, labels = rng.standard_normal((n, 9, 8, 3)), rng.integers(0, 4, n)
        for model in models:
            model.train_on_batch(x, labels)
        dy = rng.standard_normal((n, 4))
        y = [model.forward(x, training=True) for model in models]
        np.testing.assert_allclose(y[1], y[0], tolerance, tolerance)
        dx = [model.backward(dy) for model in models]
        np.testing.assert_allclose(dx[1], dx[0], 10 * tolerance, tolerance)
    for mine, reference in zip(models[1].get_weights(), models[0].get_weights(), strict=True):
        np.testing.assert_allclose(mine, reference, tolerance, tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@given(windows(largest=9), CHANNELS, st.sampled_from([1, 2, 9]), st.booleans(), seeds)
@settings(max_examples=10)
def test_a_program_gives_the_bits_of_the_steps(dtype, window, channels, batch, largest, seed):
    size, strides, padding = window["size"], window["strides"], window["padding"]
    pool = (layers.MaxPooling2D if largest else layers.AveragePooling2D)(size, strides, padding)
    shape = (*window["x_shape"][1:3], channels)
    assume(np.prod(shape) > 1)
    last = layers.GlobalAveragePooling2D() if largest else layers.GlobalMaxPooling2D()
    _, model = both_engines([pool, last, layers.Dense(3)], shape, dtype, seed)
    x = np.random.default_rng(seed).standard_normal((batch, *shape)).astype(dtype)
    once = model.forward(x)
    for _ in range(3):
        np.testing.assert_array_equal(model.forward(x), once)
    programs = [one for one in model._execution().frozen.programs.values() if one is not None]
    assert programs and all(program.possible for program in programs)
    np.testing.assert_array_equal(model.forward(2 * x[::-1]), model.forward(2 * x)[::-1])


@pytest.mark.parametrize("layer", EVERY_LAYER, ids=repr)
def test_numbers_of_other_types_and_orders_are_taken_as_the_layer_takes_them(layer):
    slow, step = built(layer, (6, 7, 5), "float32")
    rng = np.random.default_rng(0)
    for x in (rng.standard_normal((3, 6, 7, 5)), rng.integers(0, 256, (3, 6, 7, 5), np.uint8)):
        for given_x in (x, np.asfortranarray(x), x[:, ::-1]):
            y = slow.forward(given_x, training=True)
            np.testing.assert_allclose(step.forward(given_x, training=True), y, 1e-6)
            dy = np.asfortranarray(rng.standard_normal(y.shape))
            np.testing.assert_allclose(step.backward(dy), slow.backward(dy), 1e-6, 1e-6)


@pytest.mark.parametrize("layer", EVERY_LAYER, ids=repr)
def test_what_is_wrong_is_said_as_the_layer_says_it(layer):
    slow, step = built(layer, (6, 6, 3), "float32")
    x = np.zeros((2, 6, 6, 3), np.float32)
    y = slow.forward(x)

    def refused(kind, call):
        messages = []
        for one in (slow, step):
            with pytest.raises(kind) as caught:
                call(one)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
        return messages[0]

    said = refused(ValueError, lambda one: one.forward(np.zeros((2, 6, 5, 3), np.float32)))
    expected = rf"{type(layer).__name__} expected input of shape .*6, 6, 3\), received \(2, 6, 5, 3"
    assert re.match(expected, said)
    said = refused(ValueError, lambda one: one.forward(x[:0]))
    assert "expected at least one sample" in said
    refused(RuntimeError, lambda one: one.backward(y))  # after an inference forward
    for one in (slow, step):
        one.forward(x, training=True)
    said = refused(ValueError, lambda one: one.backward(y[:1]))
    assert f"expected dy of its output's shape {y.shape}" in said
    for one in (slow, step):
        one.backward(y)
    said = refused(RuntimeError, lambda one: one.backward(y))
    assert "none has run since the last backward" in said


def test_nobody_who_reads_dx_gets_none():
    _, step = built(layers.MaxPooling2D(3), (6, 6, 3), "float32")
    step.needs_input_grad = False
    step.forward(np.zeros((2, 6, 6, 3), np.float32), training=True)
    assert step.backward(np.zeros((2, 2, 2, 3), np.float32)) is None


def test_buffers_of_two_batch_sizes_are_kept():
    slow, step = built(layers.MaxPooling2D(3), (6, 6, 3), "float32")
    rng = np.random.default_rng(0)
    for n in (4, 3, 4, 2, 4):
        x = rng.standard_normal((n, 6, 6, 3), np.float32)
        np.testing.assert_array_equal(step.forward(x), slow.forward(x))
    assert sorted(step.buffers) == [2, 4]
