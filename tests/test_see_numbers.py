"""The numbers on the pages of docs/see, in a headless browser, are those of minicnn's layers."""

import numpy as np
import pytest
from see_pages import address, browser, choose, computed, numbers, page, point, step, write  # noqa: F401

from minicnn import layers, losses, optimizers
from minicnn.layers.augmentation.geometric import Composed

RNG = np.random.default_rng(7)
CONVOLUTIONS = [
    dict(size=5, kernel=3, strides=1, padding="valid", dilation=1, channels=1, filters=1),
    dict(size=5, kernel=3, strides=2, padding="same", dilation=1, channels=1, filters=1),
    dict(size=6, kernel=3, strides=2, padding="valid", dilation=2, channels=2, filters=1),
    dict(size=6, kernel=2, strides=3, padding="same", dilation=2, channels=3, filters=2),
    dict(size=4, kernel=1, strides=2, padding="valid", dilation=1, channels=2, filters=2),
]


def of(name):
    """The test gets this page."""
    return pytest.mark.parametrize("page", [name], indirect=True)


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
    layer.params["kernel"][...] = by_channel(found, "kernel", F * C).reshape(K, K, F, C).swapaxes(
        2, 3
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
def test_convolution(page, setting):  # noqa: F811
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
        ("convolution", {"kernel": 2, "size": 3, "filters": 2}, ("y1", "dx0", "dkernel1", "dbias0")),
        ("convolution", {"padding": "same", "strides": 2}, ("y0", "dx0", "dkernel0")),
        ("dense", {"N": 3}, ("y", "dx", "dkernel", "dbias")),
        ("pooling", {"kind": "max"}, ("dx",)),
        ("pooling", {"kind": "average", "strides": 1, "pool": 2}, ("dx", "y")),
    ],
    indirect=["page"],
)
def test_what_is_said_adds_up(page, setting, names):  # noqa: F811
    """The sum in the explanation of every number is that number."""
    choose(page, **setting)
    found = numbers(page)
    for name in names:
        for k, value in enumerate(found[name]):
            left, right = computed(point(page, name, k))
            assert right == pytest.approx(value, abs=1e-3), (name, k)
            assert left == pytest.approx(value, abs=1e-3)


@of("convolution")
def test_a_kernel_that_does_not_fit(page):  # noqa: F811
    choose(page, size=3, dilation=2)
    said = page.execute_script("return document.getElementById('why').textContent")
    assert "covers 5 × 5" in said and "3 × 3" in said and "same" in said
    choose(page, dilation=1)
    assert len(numbers(page)["y0"]) == 1


@of("pooling")
@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(
    ("size", "pool", "strides", "padding"),
    [(5, 3, 2, "valid"), (5, 3, 1, "same"), (6, 2, 3, "same"), (4, 3, 3, "valid"), (6, 1, 2, "same")],
)
def test_pooling(page, kind, size, pool, strides, padding):  # noqa: F811
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
def test_dense(page, sizes):  # noqa: F811
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
        expected = {"y": y, "dx": dx, "dkernel": layer.grads["kernel"], "dbias": layer.grads["bias"]}
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value.ravel(), rtol=0, atol=close)


@of("batch_normalization")
@pytest.mark.parametrize("drawn", [False, True])
def test_batch_normalization(page, drawn):  # noqa: F811
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
def test_softmax_cross_entropy(page, logits, right, smoothing):  # noqa: F811
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


SURFACES = {
    "valley": lambda a, b: (a * a + 20 * b * b) / 2,
    "bowl": lambda a, b: (a * a + b * b) / 2,
    "bend": lambda a, b: (1 - a) ** 2 + 5 * (b - a * a) ** 2,
    "saddle": lambda a, b: (a * a - b * b) / 2 + b**4 / 4,
}


@of("adam_sgd")
@pytest.mark.parametrize(
    ("surface", "setting"),
    [
        ("valley", {}),
        ("bend", {"a": 0.5, "b": 1.1, "sgd_rate": 0.004, "beta_1": 0.5, "beta_2": 0.95}),
        ("saddle", {"a": -1.5, "b": 0.1, "momentum": 0, "adam_rate": 0.05}),
        ("bowl", {"a": 1, "b": -1, "momentum": 0.95}),
    ],
)
def test_optimizers(page, surface, setting):  # noqa: F811
    """Weights and slots after every step; gradients are the slopes of the surface."""
    choose(page, surface=surface, **setting)
    chosen = dict(a=-2, b=1.2, sgd_rate=0.03, momentum=0.8, adam_rate=0.2, beta_1=0.9, beta_2=0.999)
    chosen |= setting
    adam = optimizers.Adam(chosen["adam_rate"], chosen["beta_1"], chosen["beta_2"])
    sgd = optimizers.SGD(chosen["sgd_rate"], chosen["momentum"])
    weights = {name: np.array([chosen["a"], chosen["b"]], float) for name in ("adam", "sgd")}
    for t in range(1, 61):
        step(page, t)
        found = {name: values.reshape(-1, 2) for name, values in numbers(page).items()}
        for name, optimizer in (("adam", adam), ("sgd", sgd)):
            gradient, weight = found[name][0], weights[name]
            height = SURFACES[surface]
            for k, nudge in enumerate(np.eye(2) * 1e-5):
                slope = (height(*(weight + nudge)) - height(*(weight - nudge))) / 2e-5
                assert gradient[k] == pytest.approx(slope, abs=1e-6, rel=1e-6)
            optimizer.step([("w", weight, gradient.copy())])
            np.testing.assert_allclose(found[name][-1], weight, rtol=0, atol=1e-12)
        m, v, m_hat, v_hat, _ = found["adam"][1:6]
        np.testing.assert_allclose(m, adam.slots["w"]["m"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(v, adam.slots["w"]["v"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(m_hat * (1 - chosen["beta_1"] ** t), m, rtol=1e-12)
        np.testing.assert_allclose(v_hat * (1 - chosen["beta_2"] ** t), v, rtol=1e-12)
        np.testing.assert_allclose(found["sgd"][1], sgd.slots["w"]["velocity"], rtol=0, atol=1e-12)


@of("receptive_field")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("stack", "length", "output"),
    [
        ([(3, 1, 1), (2, 2, 1), (3, 1, 1), (3, 1, 2)], 24, 0),
        ([(3, 2, 1), (3, 2, 1), (1, 1, 1), (2, 2, 1)], 30, 2),
        ([(7, 1, 1), (2, 1, 4), (2, 3, 1), (1, 1, 1)], 18, 1),
    ],
)
def test_receptive_field(page, padding, stack, length, output):  # noqa: F811
    """Paths are the dx of one output where all kernel cells are 1."""
    choose(page, padding=padding, length=length)
    write(page, "layers", [[*layer, None, None] for layer in stack])
    choose(page, output=output)
    step(page)
    found = numbers(page)
    shape, convolutions = (1, length, 1), []
    for kernel, stride, dilation in stack:
        layer = layers.Conv2D(
            1, (1, kernel), (1, stride), padding, (1, dilation), kernel_initializer="ones"
        )
        shape = layer.build(shape)
        convolutions.append(layer)
    x = np.zeros((1, 1, length, 1), np.float32)
    for layer in convolutions:
        x = layer.forward(x, training=True)
    dy = np.zeros(x.shape, np.float32)
    dy[0, 0, output, 0] = 1
    for layer in reversed(convolutions):
        dy = layer.backward(dy)
    np.testing.assert_array_equal(found["paths"], dy.ravel())
    pixels, first, last, size = found["field"].reshape(5, 4).T
    assert list(pixels) == [length, *(layer.output_shape[1] for layer in convolutions)]
    seen = np.flatnonzero(dy)
    assert (max(first[0], 0), min(last[0], length - 1)) == (seen[0], seen[-1])
    assert size[0] == last[0] - first[0] + 1 == found["layers"].reshape(4, 5)[-1, 3]


MAPS = [
    dict(angle=0, right=0.125, down=-0.25, wide=0, high=0),
    dict(flip="horizontal", angle=0, right=0.09375, down=0, wide=-0.5, high=0.5),
    dict(flip="horizontal_and_vertical", angle=0, right=0, down=0.0625, wide=0.25, high=0.25),
    dict(flip="vertical", angle=25, right=0.1, down=-0.3, wide=-0.2, high=0.4),
    dict(angle=-170, right=0, down=0, wide=0.9, high=0.9),
]


@of("augmentation")
@pytest.mark.parametrize("chosen", MAPS)
def test_augmentation(page, chosen):  # noqa: F811
    """The matrix of minicnn's layers together, and the picture that they draw."""
    chosen = {"flip": ""} | chosen
    choose(page, **chosen)
    found = numbers(page)
    for fill in ("reflect", "constant", "nearest", "wrap"):
        for interpolation in ("bilinear", "nearest"):
            if interpolation == "nearest" and chosen["angle"]:
                continue  # the last bit of a cosine may decide between two pixels
            choose(page, fill=fill, interpolation=interpolation)
            found = numbers(page)
            how = {"fill_mode": fill, "interpolation": interpolation}
            turn = chosen["angle"] / 360
            stack = [
                layers.RandomRotation((turn, turn), **how),
                layers.RandomTranslation((chosen["down"],) * 2, (chosen["right"],) * 2, **how),
                layers.RandomZoom((chosen["high"],) * 2, (chosen["wide"],) * 2, **how),
            ]
            if chosen["flip"]:
                stack.insert(0, layers.RandomFlip(chosen["flip"]))
                stack[0].draw = lambda count: np.zeros((2, count))  # both coins say: flip
            for layer in stack:
                layer.build((8, 8, 1))
            together = Composed(stack)
            matrix = together.matrices(1)[0]
            np.testing.assert_allclose(found["matrix"], matrix.ravel(), rtol=0, atol=1e-12)
            x = np.float32(found["x"]).reshape(1, 8, 8, 1)
            y = together.forward(x, training=True).ravel()
            if chosen["angle"]:
                np.testing.assert_allclose(found["y"], y, rtol=0, atol=1e-5)
            else:
                np.testing.assert_array_equal(found["y"], y)
