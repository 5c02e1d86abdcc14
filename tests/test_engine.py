"""The engine computes what the layers do, whichever of them run together: outputs, gradients,
moving statistics.
"""

import numpy as np
import pytest
from engine_cases import assert_close, blocks, both_engines, compare, fits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import seeds

from minicnn import Sequential, applications, layers
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.plan import plan
from minicnn.network.executor import Execution

CONVOLUTIONS = {
    "Conv2D": (layers.Conv2D, 1),
    "in groups": (
        layers.Conv2D,
        11,
    ),  # wider than a picture, which is then not taken for a turned one
    "DepthwiseConv2D": (layers.DepthwiseConv2D, 1),
    "SeparableConv2D": (layers.SeparableConv2D, 1),
}


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@given(st.data(), seeds)
@settings(max_examples=60)
def test_a_block_in_any_order_equals_its_layers(kind, dtype, tolerance, data, seed):
    (batch, *shape), stack = data.draw(blocks(*CONVOLUTIONS[kind]))
    assume(fits(stack, tuple(shape)))
    compare(stack, tuple(shape), batch + 1, dtype, seed, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@given(
    st.permutations(range(3)),
    st.integers(6, 14),
    st.integers(6, 14),
    st.sampled_from([1, 2, 9]),
    seeds,
)
@settings(max_examples=10)
def test_a_winograd_block_in_any_order_equals_its_layers(
    dtype, tolerance, order, height, width, batch, seed
):
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


@given(
    st.integers(1, 9),
    st.integers(1, 4),
    st.floats(-2, 2),
    st.floats(-9, 9),
    st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=25)
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
    models = both_engines(
        [layers.Conv2D(3, 1), layers.BatchNormalization()], (4, 4, 2), "float64", 0
    )
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

    model = Sequential(
        [
            layers.Input((8, 8, 3)),
            Mine(4, 3),
            layers.Conv2D(4, 3, activation="mish"),
            layers.Flatten(),
        ]
    )
    kinds = [type(step).__name__ for step in plan(model.layers)]
    assert kinds == ["Mine", "ConvBlock", "Elementwise", "Flatten"]


NORM, POOL = layers.BatchNormalization, layers.MaxPooling2D
RELUS = [layers.ReLU, lambda: layers.Activation("relu")]


@pytest.mark.parametrize("relu", RELUS, ids=["ReLU()", "Activation('relu')"])
@pytest.mark.parametrize("order", ["rn", "rnp", "nr", "nrp", "npr", "r", "rp"])
def test_a_relu_before_or_after_the_normalisation_is_one_step(order, relu):
    made = {"r": relu, "n": NORM, "p": POOL}
    stack = [layers.Conv2D(4, 3), *(made[letter]() for letter in order)]
    model = Sequential([layers.Input((9, 8, 3)), *stack])
    assert [type(step) for step in plan(model.layers)] == [ConvBlock]


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 1e-5)])
@given(
    st.sampled_from(["nr", "nrp", "npr", "rnr"]),
    st.integers(3, 9),
    st.sampled_from([3, 16, 17]),
    seeds,
)
@settings(max_examples=15)
def test_a_relu_after_the_normalisation_equals_its_layers(
    dtype, tolerance, order, size, filters, seed
):
    """Also where a negative gamma makes the smallest of a window win."""
    made = {
        "r": layers.ReLU,
        "n": lambda: layers.BatchNormalization(epsilon=0.1),
        "p": layers.MaxPooling2D,
    }
    stack = [layers.Conv2D(filters, 2), *(made[letter]() for letter in order)]
    compare(stack, (size, size + 1, 2), 3, dtype, seed, tolerance)


def test_the_documented_network_is_three_blocks_and_two_dense_steps():
    model = applications.DocumentedCNN()
    steps = Execution(model.program(), "fast").steps
    kinds = [type(step).__name__ for step in steps]
    assert kinds == ["ConvBlock"] * 3 + ["Flatten", "DenseStep", "Dropout", "DenseStep"]
    assert [step.owns_input for step in steps[:3]] == [False, True, True]
    assert all(
        isinstance(step, layers.Layer) for step in Execution(model.program(), "reference").steps
    )
