"""The same weights and the same batches give what Keras gives: golden/parity.npz, made by
golden/make_parity.py.

The runs of the tiny model are the very functions that made the golden values, called with minicnn
instead of keras.
"""

from functools import partial
from typing import Any

import numpy as np
import pytest
from golden import make_parity as recipe

import minicnn

GOLDEN = np.load(recipe.GOLDEN)
DTYPES = ("float64", "float32")
BARS = {  # relative errors
    "float64": {"outputs": 1e-11, "gradients": 1e-9, "losses": 1e-8},
    "float32": {"outputs": 1e-5, "gradients": 1e-4, "losses": 1e-3},
}
in_double = partial(minicnn.Sequential, dtype="float64")


def relative_error(received: np.ndarray, expected: np.ndarray) -> float:
    """Of a whole array: its largest difference over its largest element."""
    return float(np.abs(received - expected).max() / np.abs(expected).max())


@pytest.fixture(scope="module", params=DTYPES)
def dtype(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=["fast", "reference"])
def run(request: pytest.FixtureRequest, dtype: str) -> dict[str, Any]:
    """Twenty Adam steps of the documented model, per engine: its dtype, and everything that Keras
    recorded too.
    """
    model = minicnn.Sequential(recipe.documented_layers(minicnn), dtype=dtype)
    model.engine = request.param
    model.compile(minicnn.optimizers.Adam(), "categorical_crossentropy")
    weights = recipe.documented_weights()
    model.set_weights(list(weights.values()))
    x, y = (array.astype(dtype) for array in recipe.documented_batches())
    result = {"dtype": dtype, "outputs": model.predict(x[0])}
    losses = [model.train_on_batch(x[0], y[0])]
    result["gradients"] = {name: gradient.copy() for name, _, gradient in model.parameters()}
    result["losses"] = losses + [
        model.train_on_batch(*batch) for batch in zip(x[1:], y[1:], strict=True)
    ]
    result["trained"] = dict(zip(weights, model.get_weights(), strict=True))
    result["trained outputs"] = model.predict(x[0])
    return result


def test_weights_and_batches_are_those_that_keras_got() -> None:
    assert recipe.inputs_crc() == GOLDEN["crc"]


def test_keras_weights_in_keras_order_give_what_keras_predicts() -> None:
    """docs/coming_from_keras.md: make_parity.py gave Keras' set_weights this list, in get_weights'
    order.
    """
    model = minicnn.Sequential(recipe.documented_layers(minicnn))
    weights = recipe.documented_weights()
    names = [f"{layer.name}/{name}" for layer in model.layers for name in layer.variables_by_name]
    assert names == list(weights)
    model.set_weights(list(weights.values()))
    difference = (
        model.predict(recipe.documented_batches()[0][0].astype(np.float32))
        - GOLDEN["float32/outputs"]
    )
    assert np.abs(difference).max() < 3e-6


def test_outputs(run: dict[str, Any]) -> None:
    expected = GOLDEN[f"{run['dtype']}/outputs"]
    assert run["outputs"].dtype == expected.dtype
    assert relative_error(run["outputs"], expected) < BARS[run["dtype"]]["outputs"]
    if run["dtype"] == "float64":  # of every probability, the smallest too
        np.testing.assert_allclose(run["outputs"], expected, rtol=1e-11)


def test_gradients_of_the_first_batch(run: dict[str, Any]) -> None:
    expected = GOLDEN[f"{run['dtype']}/gradients"]
    errors = {
        name: recipe.summary_error(recipe.summarize(name, gradient), summary)
        for (name, gradient), summary in zip(run["gradients"].items(), expected, strict=True)
    }
    assert max(errors.values()) < BARS[run["dtype"]]["gradients"], errors


def test_losses_of_twenty_adam_steps(run: dict[str, Any]) -> None:
    np.testing.assert_allclose(
        run["losses"], GOLDEN[f"{run['dtype']}/losses"], rtol=BARS[run["dtype"]]["losses"]
    )


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
def test_weights_moving_statistics_and_outputs_after_twenty_adam_steps(run: dict[str, Any]) -> None:
    """Weights near 0 are compared to their array's largest: Adam's steps do not shrink with the
    weight.
    """
    moving = np.concatenate([value for name, value in run["trained"].items() if "moving" in name])
    np.testing.assert_allclose(moving, GOLDEN["float64/moving"], rtol=1e-9)
    trained = {name: run["trained"][name] for name in run["gradients"]}
    errors = {
        name: recipe.summary_error(recipe.summarize(name, value), summary)
        for (name, value), summary in zip(trained.items(), GOLDEN["float64/trained"], strict=True)
    }
    assert max(errors.values()) < 1e-9, errors
    assert relative_error(run["trained outputs"], GOLDEN["float64/trained outputs"]) < 1e-8


@pytest.mark.parametrize("name", recipe.VARIANTS)
def test_ten_steps_with_each_optimizer_and_loss(name: str) -> None:
    received = recipe.variant_run(minicnn, in_double, name)
    losses, weights = np.split(received, [recipe.TINY_STEPS])
    expected_losses, expected_weights = np.split(GOLDEN[f"variant/{name}"], [recipe.TINY_STEPS])
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-11)
    assert relative_error(weights, expected_weights) < 1e-11


def test_the_variants_differ() -> None:
    """A golden case that equals plain SGD would not notice an option that does nothing; these are
    equal in theory.
    """
    equal = [
        name
        for name in recipe.VARIANTS
        if np.allclose(GOLDEN[f"variant/{name}"], GOLDEN["variant/sgd"])
    ]
    assert equal == ["sgd", "logits", "sparse", "sparse logits"]


def test_fit_and_evaluate() -> None:
    received = recipe.fit_run(minicnn, in_double)
    expected = {key: GOLDEN[key] for key in GOLDEN.files if key.startswith("fit/")}
    assert set(received) == set(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(received[key], values, rtol=1e-9, err_msg=key)
