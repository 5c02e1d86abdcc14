"""Kernels and the layers on them against the definitions in reference.py; all small enough to run
without the JIT.
"""

import math

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import layers
from minicnn.kernels.adam import adam
from minicnn.kernels.batch_norm import channel_moments, channel_sums, normalize
from minicnn.kernels.gelu import erfc
from minicnn.kernels.im2col import col2im, im2col
from minicnn.kernels.pooling import average_pool, average_unpool, max_pool, max_unpool

pytestmark = pytest.mark.nojit


def built(layer, x, dtype=np.float32):
    layer.build(x.shape[1:], np.random.default_rng(0), dtype)
    return layer


@given(windows(dilated=True, largest=5), st.integers(1, 3), seeds)
@settings(max_examples=30)
def test_convolution_of_small_integers_is_the_definition_bit_for_bit(window, filters, seed):
    """Sums of small integers are exact in float32 in any order, so every index must be right."""
    rng = np.random.default_rng(seed)
    integers = lambda *shape: rng.integers(-4, 5, shape).astype(np.float32)  # noqa: E731
    x = integers(*window["x_shape"])
    layer = layers.Conv2D(
        filters,
        window["size"],
        window["strides"],
        window["padding"],
        dilation_rate=window["dilation"],
    )
    built(layer, x)
    kernel, bias = layer.params["kernel"], layer.params["bias"]
    kernel[...], bias[...] = integers(*kernel.shape), integers(*bias.shape)
    geometry = window["strides"], window["padding"], window["dilation"]
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(y, reference.conv2d(x, kernel, bias, *geometry))
    dy = integers(*y.shape)
    dx, dkernel, dbias = reference.conv2d_gradients(x, kernel, dy, *geometry)
    np.testing.assert_array_equal(layer.backward(dy), dx)
    np.testing.assert_array_equal(layer.grads["kernel"], dkernel)
    np.testing.assert_array_equal(layer.grads["bias"], dbias)


@given(windows(dilated=True, largest=5), seeds)
@settings(max_examples=30)
def test_col2im_is_the_adjoint_of_im2col(window, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(window["x_shape"])
    (OH, top), (OW, left) = reference.geometry(
        x.shape[1:3], window["size"], window["strides"], window["padding"], window["dilation"]
    )
    patches = np.full((len(x), OH, OW, *window["size"], x.shape[3]), np.nan)
    im2col(x, window["strides"], (top, left), window["dilation"], patches)
    p = rng.standard_normal(patches.shape)
    dx = np.full(x.shape, np.nan)
    col2im(p, window["strides"], (top, left), window["dilation"], dx)
    scale = np.linalg.norm(patches) * np.linalg.norm(p) + 1e-300
    assert abs(np.sum(patches * p) - np.sum(x * dx)) <= 1e-13 * scale


@pytest.mark.parametrize(
    ("kind", "make"),
    [("max", layers.MaxPooling2D), ("average", layers.AveragePooling2D)],
    ids=["max", "average"],
)
@given(windows(largest=5), seeds)
@settings(max_examples=30)
def test_pooling_is_the_definition(kind, make, window, seed):
    """Integers from a short range: ties are frequent, and the first cell must win them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, window["x_shape"]).astype(np.float64)
    geometry = window["size"], window["strides"], window["padding"]
    layer = built(make(*geometry), x, np.float64)
    y = layer.forward(x, training=True)
    np.testing.assert_allclose(y, reference.pool2d(x, *geometry, kind), rtol=1e-15)
    dy = rng.standard_normal(y.shape)
    np.testing.assert_allclose(
        layer.backward(dy), reference.pool2d_gradient(x, dy, *geometry, kind), rtol=1e-13
    )


@pytest.mark.parametrize("cell", range(6))
def test_nan_in_any_cell_of_a_pooling_window_propagates(cell):
    x = np.arange(6.0, dtype=np.float32).reshape(1, 2, 3, 1)
    x[0, cell // 3, cell % 3, 0] = np.nan
    for layer in (
        layers.MaxPooling2D((2, 3)),
        layers.AveragePooling2D((2, 3)),
        layers.GlobalMaxPooling2D(),
    ):
        assert np.isnan(built(layer, x).forward(x)).all(), layer
    pool = built(layers.MaxPooling2D((2, 3)), x)
    pool.forward(x, training=True)
    dx = pool.backward(np.ones((1, 1, 1, 1), np.float32))
    # the first NaN is the winner that backward credits
    assert dx.reshape(-1)[cell] == 1 and dx.sum() == 1


def test_a_window_of_minus_infinities_has_a_winner_inside_the_window():
    x = np.full((1, 2, 2, 3), -np.inf, np.float32)
    y, argmax = np.empty((1, 1, 1, 3), np.float32), np.full((1, 1, 1, 3), -7, np.int32)
    max_pool(x, (2, 2), (2, 2), (0, 0), y, argmax)
    assert (y == -np.inf).all() and (argmax == 0).all()


def test_unpooling_overwrites_what_was_in_dx():
    dy = np.ones((1, 1, 1, 1))
    dx = np.full((1, 2, 2, 1), 9.0)
    max_unpool(dy, np.full((1, 1, 1, 1), 3, np.int32), dx)
    np.testing.assert_array_equal(dx.reshape(-1), [0, 0, 0, 1])
    average_unpool(dy, (2, 2), (2, 2), (0, 0), dx)
    np.testing.assert_array_equal(dx.reshape(-1), [0.25] * 4)
    y = np.full((1, 1, 1, 1), 9.0)
    average_pool(dx, (2, 2), (2, 2), (0, 0), y)
    assert y.item() == 0.25


@given(st.integers(1, 40), st.integers(1, 4), seeds)
@settings(max_examples=30)
def test_channel_sums_and_moments_are_the_definition(rows, channels, seed):
    rng = np.random.default_rng(seed)
    x, dy = rng.standard_normal((2, rows, channels))
    mean, variance = np.empty(channels), np.empty(channels)
    channel_moments(x, mean, variance)
    for c in range(channels):
        expected = math.fsum(x[:, c]) / rows
        assert mean[c] == pytest.approx(expected, abs=1e-15)
        assert variance[c] == pytest.approx(
            math.fsum((x[:, c] - expected) ** 2) / rows, rel=1e-12, abs=1e-15
        )
    x_hat = np.empty_like(x)
    normalize(x, mean, 1 / np.sqrt(variance + 1), x_hat)
    np.testing.assert_allclose(x_hat, (x - mean) / np.sqrt(variance + 1), rtol=1e-12, atol=1e-15)
    dbeta, dgamma = np.empty(channels), np.empty(channels)
    channel_sums(dy, x_hat, dbeta, dgamma)
    np.testing.assert_allclose(
        dbeta, [math.fsum(dy[:, c]) for c in range(channels)], rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(
        dgamma, [math.fsum(dy[:, c] * x_hat[:, c]) for c in range(channels)], atol=1e-13
    )


def test_erfc_is_that_of_the_standard_library():
    x = np.linspace(-8, 8, 41)
    y = np.empty_like(x)
    erfc(x, y)
    np.testing.assert_allclose(y, [math.erfc(v) for v in x], rtol=1e-15)


def test_gelu_keeps_its_digits_far_below_zero():
    layer = built(layers.GELU(), np.zeros((1, 1)), np.float64)
    assert layer.forward(np.array([[-20.0]])).item() == pytest.approx(
        -20 * 2.7536241186062337e-89, rel=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_is_its_formula(dtype):
    rng = np.random.default_rng(0)
    value, grad, m, v = rng.random((4, 7)).astype(dtype)
    m_new = m + (grad - m) * dtype(0.1)
    v_new = v + (grad * grad - v) * dtype(0.001)
    expected = value - dtype(0.01) * m_new / (np.sqrt(v_new) + dtype(1e-7))
    adam(value, grad, m, v, dtype(0.01), dtype(0.1), dtype(0.001), dtype(1e-7))
    tolerance = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(m, m_new, rtol=tolerance)
    np.testing.assert_allclose(v, v_new, rtol=tolerance)
    np.testing.assert_allclose(value, expected, rtol=tolerance)


def test_adam_flushes_moments_that_would_become_subnormal_and_keeps_nan():
    value, grad = np.zeros(3, np.float32), np.array([0, 0, np.nan], np.float32)
    m, v = np.array([1e-31, 1e-3, 0], np.float32), np.array([1e-31, 1e-3, 0], np.float32)
    adam(value, grad, m, v, *np.array([0.01, 0.1, 0.001, 1e-7], np.float32))
    assert m[0] == 0 and v[0] == 0 and m[1] > 0 and v[1] > 0
    assert np.isnan(m[2]) and np.isnan(v[2]) and np.isnan(value[2])
