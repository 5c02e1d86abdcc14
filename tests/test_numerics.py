"""Where floating point goes wrong if one lets it: large means, large logits, NaN, and identities
that hold exactly.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import seeds, windows

from minicnn import layers


def built(layer, shape, dtype=np.float64):
    layer.build(shape, np.random.default_rng(0), dtype)
    return layer


@pytest.mark.parametrize(
    ("mean", "deviation"), [(0, 1), (100, 1), (5, 0.1), (1e4, 1), (300, 0.01), (-1e4, 1)], ids=str
)
def test_the_variance_survives_a_large_mean(mean, deviation):
    """Right to 1e-6, where E[x^2] - E[x]^2 in float32 has no correct digit for mean 1e4, deviation
    1.
    """
    x = np.random.default_rng(0).normal(mean, deviation, (8, 32, 32, 4)).astype(np.float32)
    layer = built(layers.BatchNormalization(momentum=0.0, epsilon=1e-12), x.shape[1:], np.float32)
    y = layer.forward(x, training=True)
    exact = x.astype(np.float64)
    variance = exact.var(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.state["moving_variance"], variance, rtol=1e-6)
    np.testing.assert_allclose(
        layer.state["moving_mean"], exact.mean(axis=(0, 1, 2)), rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        y, (exact - exact.mean(axis=(0, 1, 2))) / np.sqrt(variance + 1e-12), atol=1e-5
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 1 / 3, 1e4 + 0.1, -7e8])
def test_a_constant_channel_comes_out_as_exactly_beta(value, dtype):
    layer = built(layers.BatchNormalization(), (5, 7, 2), dtype)
    layer.params["gamma"][...] = 3
    layer.params["beta"][...] = [0.1, -2]
    x = np.random.default_rng(0).standard_normal((3, 5, 7, 2)).astype(dtype)
    x[..., 1] = value
    y = layer.forward(x, training=True)
    assert (y[..., 1] == layer.params["beta"][1]).all()
    assert y[..., 0].std() > 1


def test_one_value_per_channel_is_warned_of():
    layer = built(layers.BatchNormalization(), (3,))
    with pytest.warns(
        UserWarning, match="BatchNormalization normalises a batch with one value per channel"
    ):
        layer.forward(np.ones((1, 3)), training=True)


def test_nan_reaches_the_output_of_every_layer():
    for layer, shape in [
        (layers.ReLU(), (3,)),
        (layers.ReLU(max_value=6.0), (3,)),
        (layers.LeakyReLU(), (3,)),
        (layers.GELU(), (3,)),
        (layers.Softmax(), (3,)),
        (layers.Dense(2), (3,)),
        (layers.Conv2D(2, 2), (3, 3, 1)),
        (layers.BatchNormalization(), (3,)),
        (layers.GlobalAveragePooling2D(), (2, 2, 1)),
        (layers.Rescaling(0.5), (3,)),
    ]:
        x = np.ones((2, *shape))
        x.reshape(-1)[0] = np.nan
        assert np.isnan(built(layer, shape).forward(x, training=True)).any(), layer


def test_a_bad_batch_leaves_the_moving_averages_alone():
    layer = built(layers.BatchNormalization(), (2,))
    before = layer.get_weights()
    layer.forward(np.array([[1.0, np.nan], [2.0, 3.0]]), training=True)
    for array, unchanged in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, unchanged)


def adjoint_mismatch(layer, x, rng):
    """|<y, A x> - <A^T y, x>| / (|A x| |y| + |x| |A^T y|), the layer being the linear map A."""
    y = layer.forward(x, training=True)
    probe = rng.standard_normal(y.shape)
    dx = layer.backward(probe)
    scale = np.linalg.norm(y) * np.linalg.norm(probe) + np.linalg.norm(x) * np.linalg.norm(dx)
    return abs(np.sum(y * probe) - np.sum(dx * x)) / max(scale, 1e-300)


@given(windows(dilated=True, largest=9), seeds)
@settings(max_examples=200)
def test_convolution_and_average_pooling_pass_the_adjoint_identity(window, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(window["x_shape"])
    geometry = window["size"], window["strides"], window["padding"]
    convolution = layers.Conv2D(3, *geometry, dilation_rate=window["dilation"], use_bias=False)
    assert adjoint_mismatch(built(convolution, x.shape[1:]), x, rng) <= 1e-13
    # linear in the kernel as well: <dy, conv(x; K)> = <dK, K>
    y = convolution.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    convolution.backward(dy)
    kernel, dkernel = convolution.params["kernel"], convolution.grads["kernel"]
    scale = np.linalg.norm(y) * np.linalg.norm(dy) + np.linalg.norm(kernel) * np.linalg.norm(
        dkernel
    )
    assert abs(np.sum(y * dy) - np.sum(kernel * dkernel)) <= 1e-13 * scale
    if window["dilation"] == (1, 1):
        assert (
            adjoint_mismatch(built(layers.AveragePooling2D(*geometry), x.shape[1:]), x, rng)
            <= 1e-13
        )


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(5, use_bias=False),
        layers.Flatten(),
        layers.ZeroPadding2D(2),
        layers.GlobalAveragePooling2D(),
        layers.Rescaling(0.3),
        layers.Normalization(mean=0.0, variance=2.0),
    ],
    ids=lambda layer: type(layer).__name__,
)
@given(seeds)
@settings(max_examples=50)
def test_other_linear_layers_pass_the_adjoint_identity(layer, seed):
    rng = np.random.default_rng(seed)
    shape = (6,) if isinstance(layer, layers.Dense) else (4, 3, 2)
    assert adjoint_mismatch(built(layer, shape), rng.standard_normal((3, *shape)), rng) <= 1e-13


def test_a_maximum_pool_conserves_the_gradient_under_ties():
    x = np.zeros((2, 6, 6, 3))
    layer = built(layers.MaxPooling2D(), x.shape[1:])
    layer.forward(x, training=True)
    dy = np.random.default_rng(0).standard_normal((2, 3, 3, 3))
    dx = layer.backward(dy)
    np.testing.assert_array_equal(dx[:, ::2, ::2], dy)
    assert np.count_nonzero(dx) == dy.size
