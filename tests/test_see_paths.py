"""What docs/see's pages show of optimizers, stacks of layers and augmentation, in a headless
browser, is minicnn's.
"""

import numpy as np
import pytest
from see_pages import choose, numbers, of, step, write

from minicnn import layers, optimizers
from minicnn.layers.augmentation.geometric import Composed

pytest_plugins = ["see_fixtures"]

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
def test_optimizers(page, surface, setting):
    """Weights and slots after every step; gradients are the slopes of the surface."""
    choose(page, surface=surface, **setting)
    fields = (
        "return Object.fromEntries([...settings.querySelectorAll('input')]"
        ".map(field => [field.id, field.value]))"
    )
    chosen = {name: float(value) for name, value in page.execute_script(fields).items()}
    assert chosen.items() >= setting.items() and (chosen["beta_1"] == 0.9 or "beta_1" in setting)
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
def test_receptive_field(page, padding, stack, length, output):
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
def test_augmentation(page, chosen):
    """The matrix of minicnn's layers together, and the picture that they draw."""
    chosen = {"flip": ""} | chosen
    choose(page, **chosen)
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


@of("softmax_cross_entropy")
def test_a_setting_that_is_refused_is_refused_in_words(page):
    choose(page, smoothing="3")
    told = page.find_element("css selector", "label .refused").text
    print(told)
    assert told == "a number from 0 to 1; shown with 0"
    choose(page, smoothing="0.1")
    assert page.find_elements("css selector", ".refused") == []
