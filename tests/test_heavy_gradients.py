"""The backward of layers with kernels against numerical derivatives, for 50 drawn cases each.

check_gradients.py draws 200 of each, in which it compares every number.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import layers
from minicnn.testing import check_layer

EXAMPLES = settings(max_examples=50)


@given(windows(dilated=True), st.integers(1, 2), st.booleans(), st.booleans(), seeds)
@EXAMPLES
def test_gradients_of_depthwise_and_separable_convolutions(
    window, times, use_bias, separable, seed
):
    arguments = {
        "strides": window["strides"],
        "padding": window["padding"],
        "dilation_rate": window["dilation"],
        "depth_multiplier": times,
        "use_bias": use_bias,
        "activation": "gelu",
    }
    layer = (
        layers.SeparableConv2D(2, window["size"], **arguments)
        if separable
        else layers.DepthwiseConv2D(window["size"], **arguments)
    )
    check_layer(layer, window["x_shape"][1:], batch=window["x_shape"][0], seed=seed, samples=8)


@given(windows(dilated=True), st.integers(1, 3), st.integers(1, 2), st.booleans(), seeds)
@EXAMPLES
def test_gradients_of_grouped_convolutions(window, groups, filters, use_bias, seed):
    batch, *places, C = window["x_shape"]
    layer = layers.Conv2D(
        groups * filters,
        window["size"],
        window["strides"],
        window["padding"],
        window["dilation"],
        groups,
        use_bias=use_bias,
        activation="gelu",
    )
    check_layer(layer, (*places, groups * C), batch=batch, seed=seed, samples=8)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 4), seeds)
@EXAMPLES
def test_gradients_of_dense_layers_of_several_axes(shape, units, seed):
    check_layer(layers.Dense(units, activation="gelu"), tuple(shape), seed=seed, samples=8)


@given(windows(dilated=True, largest=4), st.integers(1, 3), st.booleans(), seeds)
@EXAMPLES
def test_gradients_of_transposed_convolutions(window, filters, use_bias, seed):
    batch, *picture = window["x_shape"]
    layer = layers.Conv2DTranspose(
        filters,
        window["size"],
        window["strides"],
        window["padding"],
        dilation_rate=window["dilation"],
        use_bias=use_bias,
        activation="gelu",
    )
    check_layer(layer, tuple(picture), batch=batch, seed=seed, samples=8)
