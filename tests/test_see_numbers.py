"""The numbers on the pages of docs/see, in a headless browser, are those of minicnn's layers."""

import numpy as np
import pytest
from see_pages import choose, computed, numbers, of, point, step, write

from minicnn import layers, losses

pytest_plugins = ["see_fixtures"]

RNG = np.random.default_rng(7)
CONVOLUTIONS = [
    dict(size=5, kernel=3, strides=1, padding="valid", dilation=1, channels=1, filters=1),
    dict(size=5, kernel=3, strides=2, padding="same", dilation=1, channels=1, filters=1),
    dict(size=6, kernel=3, strides=2, padding="valid", dilation=2, channels=2, filters=1),
    dict(size=6, kernel=2, strides=3, padding="same", dilation=2, channels=3, filters=2),
    dict(size=4, kernel=1, strides=2, padding="valid", dilation=1, channels=2, filters=2),
]


def by_channel(found, name, count):
    """The tables name0, name1 ... as one array (..., count)."""
    return np.stack([found[f"{name}{k}"] for k in range(count)], axis=-1)


def convolution(found, setting):
    """(what minicnn's Conv2D gives, what the page shows) for the page's x, kernel, bias and dy."""
    H, K, C, F = (setting[key] for key in ("size", "kernel", "channels", "filters"))
    layer = layers.Conv2D(
        F, K, setting["strides"], setting["padding"], dilation_rate=setting["dilation"]
    )
    layer.build((H, H, C), np.random.default_rng(0), np.float64)
    layer.params["kernel"][...] = (
        by_channel(found, "kernel", F * C).reshape(K, K, F, C).swapaxes(2, 3)
    )
    layer.params["bias"][...] = found["bias0"]
    y = layer.forward(by_channel(found, "x", C).reshape(1, H, H, C), training=True)
    dx = layer.backward(by_channel(found, "dy", F).reshape(y.shape))
    dkernel = by_channel(found, "dkernel", F * C).reshape(K, K, F, C).swapaxes(2, 3)
    shown = by_channel(found, "y", F), by_channel(found, "dx", C), dkernel, found["dbias0"]
    expected = y, dx, layer.grads["kernel"], layer.grads["bias"]
    return [each.ravel() for each in expected], [each.ravel() for each in shown]


@of("convolution")
@pytest.mark.parametrize("setting", CONVOLUTIONS)
def test_convolution(page, setting):
    """Whole numbers to the last bit, others to 1e-12."""
    choose(page, **setting)
    for expected, shown in zip(*convolution(numbers(page), setting), strict=True):
        np.testing.assert_array_equal(shown, expected)
    for name, values in numbers(page).items():
        if name.rstrip("0123456789") in ("x", "kernel", "bias", "dy"):
            write(page, name, RNG.normal(size=len(values)))
    found = numbers(page)
    assert found["x0"].std() > 0 and not np.any(found["x0"] % 1 == 0)
    for expected, shown in zip(*convolution(found, setting), strict=True):
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("page", "setting", "names"),
    [
        ("convolution", {"kernel": 2}, ("y0", "dx0")),
        (
            "convolution",
            {"kernel": 2, "size": 3, "filters": 2},
            ("y1", "dx0", "dkernel1", "dbias0"),
        ),
        ("convolution", {"padding": "same", "strides": 2}, ("y0", "dx0", "dkernel0")),
        ("dense", {"N": 3}, ("y", "dx", "dkernel", "dbias")),
        ("pooling", {"kind": "max"}, ("dx",)),
        ("pooling", {"kind": "average", "strides": 1, "pool": 2}, ("dx", "y")),
    ],
    indirect=["page"],
)
def test_what_is_said_adds_up(page, setting, names):
    """The sum in the explanation of every number is that number."""
    choose(page, **setting)
    found = numbers(page)
    for name in names:
        for k, value in enumerate(found[name]):
            left, right = computed(point(page, name, k))
            assert right == pytest.approx(value, abs=1e-3), (name, k)
            assert left == pytest.approx(value, abs=1e-3)


@of("convolution")
def test_a_kernel_that_does_not_fit(page):
    choose(page, size=3, dilation=2)
    said = page.execute_script("return document.getElementById('why').textContent")
    assert "covers 5 × 5" in said and "3 × 3" in said and "same" in said
    choose(page, dilation=1)
    assert len(numbers(page)["y0"]) == 1


@of("pooling")
@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(
    ("size", "pool", "strides", "padding"),
    [
        (5, 3, 2, "valid"),
        (5, 3, 1, "same"),
        (6, 2, 3, "same"),
        (4, 3, 3, "valid"),
        (6, 1, 2, "same"),
    ],
)
def test_pooling(page, kind, size, pool, strides, padding):
    """float32, to the last bit, with equal numbers and with broken ones."""
    choose(page, kind=kind, size=size, pool=pool, strides=strides, padding=padding)
    for values in (None, RNG.normal(size=size * size), RNG.integers(0, 2, size * size)):
        if values is not None:
            write(page, "x", values)
            write(page, "dy", RNG.normal(size=len(numbers(page)["dy"])))
        found = numbers(page)
        layer = (layers.MaxPooling2D if kind == "max" else layers.AveragePooling2D)(
            pool, strides, padding
        )
        layer.build((size, size, 1))
        y = layer.forward(np.float32(found["x"]).reshape(1, size, size, 1), training=True)
        dx = layer.backward(np.float32(found["dy"]).reshape(y.shape))
        np.testing.assert_array_equal(found["y"], y.ravel())
        np.testing.assert_array_equal(found["dx"], dx.ravel())


@of("dense")
@pytest.mark.parametrize("sizes", [(2, 3, 2), (4, 1, 3), (1, 4, 1)])
def test_dense(page, sizes):
    """Whole numbers to the last bit, others to 1e-12."""
    N, D, units = sizes
    choose(page, N=N, D=D, U=units)
    for close in (0, 1e-12):
        if close:
            for name in ("x", "kernel", "bias", "dy"):
                write(page, name, RNG.normal(size=len(numbers(page)[name])))
        found = numbers(page)
        layer = layers.Dense(units)
        layer.build((D,), np.random.default_rng(0), np.float64)
        layer.params["kernel"][...] = found["kernel"].reshape(D, units)
        layer.params["bias"][...] = found["bias"]
        y = layer.forward(found["x"].reshape(N, D), training=True)
        dx = layer.backward(found["dy"].reshape(N, units))
        expected = {
            "y": y,
            "dx": dx,
            "dkernel": layer.grads["kernel"],
            "dbias": layer.grads["bias"],
        }
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value.ravel(), rtol=0, atol=close)


@of("batch_normalization")
@pytest.mark.parametrize("drawn", [False, True])
def test_batch_normalization(page, drawn):
    """To the last bit; the three terms of dx are its sum, and each what its definition says."""
    gamma, beta, epsilon = (2, 1, 1e-3) if not drawn else (-0.7, 0.3, 0.01)
    if drawn:
        write(page, "forward", [*RNG.normal(3, 2, 4), *[None] * 12])
        write(page, "backward", [*RNG.normal(size=4), *[None] * 16])
        write(page, "numbers", [gamma, beta, epsilon, *[None] * 5])
    step(page, 3)
    assert np.isnan(numbers(page)["forward"][8:]).all()  # not computed yet
    step(page)
    found = numbers(page)
    x, centred, x_hat, y = found["forward"].reshape(4, 4)
    dy, direct, of_mean, of_variance, dx = found["backward"].reshape(5, 4)
    layer = layers.BatchNormalization(epsilon=epsilon)
    layer.build((1,))
    layer.params["gamma"][...], layer.params["beta"][...] = gamma, beta
    np.testing.assert_array_equal(y, layer.forward(np.float32(x)[:, None], training=True)[:, 0])
    np.testing.assert_array_equal(x_hat, layer._cache[0][:, 0])
    np.testing.assert_array_equal(dx, layer.backward(np.float32(dy)[:, None])[:, 0])
    mean, variance, inv_std, dbeta, dgamma = found["numbers"][3:]
    assert (dgamma, dbeta) == (layer.grads["gamma"][0], layer.grads["beta"][0])
    np.testing.assert_allclose((mean, variance), (x.mean(), x.var()), rtol=1e-12)
    np.testing.assert_allclose(centred, x - mean, atol=1e-12)
    np.testing.assert_allclose(inv_std, 1 / np.sqrt(x.var() + epsilon), rtol=1e-12)
    scale = np.float32(gamma) * inv_std
    np.testing.assert_allclose(direct, scale * dy, rtol=1e-6)
    np.testing.assert_allclose(of_mean, np.full(4, -scale * dy.mean()), rtol=1e-6)
    np.testing.assert_allclose(of_variance, -scale * x_hat * (dy * x_hat).mean(), rtol=1e-5)
    np.testing.assert_allclose(direct + of_mean + of_variance, dx, rtol=0, atol=1e-6)


@of("softmax_cross_entropy")
@pytest.mark.parametrize(
    ("logits", "right", "smoothing"),
    [([1, 2, 0.5, -1], 2, 0), ([1000, 0, -3, 7], 1, 0), ([0.1, 0.2, 0.3, -5], 0, 0.1)],
)
def test_softmax_cross_entropy(page, logits, right, smoothing):
    choose(page, right=right, smoothing=smoothing)
    write(page, "classes", [*logits, *[None] * 20])
    found = numbers(page)
    z, _, _, p, t, dz = found["classes"].reshape(6, 4)
    np.testing.assert_array_equal(z, logits)
    loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    value, gradient = loss.value_and_gradient(np.eye(4)[[right]], z[None])
    np.testing.assert_allclose(found["sums"][2], value, rtol=1e-12)
    np.testing.assert_allclose(dz, gradient[0], rtol=0, atol=1e-12)
    softmax = layers.Softmax()
    softmax.build((4,), dtype=np.float64)
    np.testing.assert_allclose(p, softmax.forward(z[None])[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(t, np.eye(4)[right] * (1 - smoothing) + smoothing / 4)
