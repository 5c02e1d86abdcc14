"""Layers, losses, metrics and initializers give what Keras gives: golden/layers.npz, made by
golden/make_layers.py.
"""

from typing import Any

import numpy as np
import pytest
from golden import make_layers as recipe

from minicnn import initializers, layers, losses, metrics

pytestmark = pytest.mark.nojit
GOLDEN = recipe.unpack()
CASES = list(recipe.CASES.values())


def assert_close(received: Any, expected: np.ndarray, message: str) -> None:
    """Equal shapes, and bit for bit where Keras' values are integers, else to 1e-12 times the
    largest.
    """
    assert np.shape(received) == expected.shape, message
    if not (expected == np.round(expected)).all():
        np.testing.assert_allclose(
            received, expected, rtol=0, atol=1e-12 * np.abs(expected).max(), err_msg=message
        )
    else:
        np.testing.assert_array_equal(received, expected, err_msg=message)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_layer(case: recipe.Case) -> None:
    prefix = f"{case.name}/"
    expected = {
        name.removeprefix(prefix): value
        for name, value in GOLDEN.items()
        if name.startswith(prefix)
    }
    layer = getattr(layers, case.layer)(**case.arguments)
    inputs = recipe.draw_inputs(case)
    x = list(inputs.values()) if len(inputs) > 1 else inputs["x"]
    samples = [array.shape[1:] for array in inputs.values()]
    assert (
        layer.build(samples if len(inputs) > 1 else samples[0], dtype=np.float64)
        == expected["y"].shape[1:]
    )
    if case.layer != "Normalization":
        layer.set_weights(
            [recipe.draw(case, name, array.shape) for name, array in layer.weights_by_name.items()]
        )
    received = {"y": layer.forward(x, training=case.training)}
    if case.training:
        dx = layer.backward(recipe.draw(case, "dy", received["y"].shape))
        received |= {
            f"d{name}": d for name, d in zip(inputs, dx if len(inputs) > 1 else [dx], strict=True)
        }
        received |= {
            f"d{name}": gradient for name, gradient in layer.grads.items() if layer.trainable
        }
    received |= {name: value for name, value in layer.state.items() if name.startswith("moving")}
    assert set(received) == set(expected)
    for key, value in expected.items():
        assert_close(received[key], value, key)


def test_the_cases_have_many_geometries() -> None:
    assert sum(case.layer == "Conv2D" for case in CASES) >= 50
    assert len(CASES) == len(list(recipe.every_case()))


@pytest.mark.parametrize("name", recipe.LOSSES)
def test_loss(name: str) -> None:
    class_name, arguments = recipe.LOSSES[name]
    loss = getattr(losses, class_name)(**arguments)
    y_true, y_pred, sample_weight = recipe.predictions(name)
    for kind, weight in (("plain", None), ("weighted", sample_weight)):
        value, gradient = loss.value_and_gradient(y_true, y_pred, weight)
        assert value == loss(y_true, y_pred, weight)
        assert_close(value, GOLDEN[f"loss {name} {kind}/value"], kind)
        assert_close(gradient, GOLDEN[f"loss {name} {kind}/gradient"], kind)


@pytest.mark.parametrize("name", recipe.METRICS)
def test_metric(name: str) -> None:
    class_name, arguments = recipe.METRICS[name]
    metric = getattr(metrics, class_name)(**arguments)
    y_true, y_pred, _ = recipe.predictions(name)
    for part in (slice(0, 5), slice(5, None)):
        metric.update(y_true[part], y_pred[part])
    assert metric.result() == pytest.approx(float(GOLDEN[f"metric {name}"]), rel=1e-15)


@pytest.mark.parametrize(("name", "shape"), recipe.INITIALIZERS)
def test_initializers_have_the_deviation_and_the_limits_of_keras(
    name: str, shape: tuple[int, ...]
) -> None:
    """Samples of 18,432 or more: the deviation of a deviation is below 0.5 %, a uniform's maximum
    within 0.1 %.
    """
    sample = initializers.get(name)(shape, np.random.default_rng(0), np.dtype(np.float64))
    deviation, largest = GOLDEN[f"initializer {name} {shape}"]
    assert sample.std() == pytest.approx(deviation, rel=0.02)
    assert np.abs(sample).max() == pytest.approx(largest, rel=0.002)
    assert abs(sample.mean()) < 0.03 * deviation


def test_normalization_adapts_as_keras_does() -> None:
    layer = layers.Normalization()
    layer.adapt(recipe.to_adapt_to())
    layer.build((3, 3, 2), dtype=np.float64)
    # Keras measures in float32
    np.testing.assert_allclose(layer.state["mean"], GOLDEN["adapted"][0], rtol=1e-6)
    np.testing.assert_allclose(layer.state["variance"], GOLDEN["adapted"][1], rtol=1e-6)


def test_the_default_slopes_of_leaky_relu() -> None:
    """0.3 as a layer, 0.2 as an activation (to float32, which is what TensorFlow makes of the
    layer's).
    """
    as_layer, as_activation = layers.LeakyReLU(), layers.Activation("leaky_relu")
    for layer, slope in zip((as_layer, as_activation), GOLDEN["default slopes"], strict=True):
        layer.build((1,), dtype=np.float64)
        assert layer.forward(np.array([[-1.0]]))[0, 0] == pytest.approx(-slope, rel=1e-7)
