"""The engine's self-test: it knows what is right, finds what is wrong, and then the layers run as
they are written.
"""

import re
import warnings

import numpy as np
import pytest

from minicnn import Sequential, layers
from minicnn.engine import row_kernels, selftest
from minicnn.engine.functions import RELU
from minicnn.engine.plan import plan

KINDS = sorted(selftest.CHECKS, key=lambda kind: kind.__name__)
DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_passes(kind, dtype, monkeypatch):
    steps = []
    monkeypatch.setattr(selftest, "plan", lambda stack: steps.append(plan(stack)) or steps[-1])
    assert max(selftest.errors(kind, dtype).values()) < 1e-2 * selftest.tolerance(dtype)
    # it was the engine
    assert steps and not any(isinstance(step, layers.Layer) for [step] in steps)


class AsWritten:
    """A step that runs its layers one after the other."""

    def __init__(self, stack):
        self.stack = stack

    def forward(self, x, training=False):
        for layer in self.stack:
            x = layer.forward(x, training=training)
        return x

    def backward(self, dy):
        for layer in reversed(self.stack):
            dy = layer.backward(dy)
        return dy


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_calls_right_is_what_the_layers_compute(kind, monkeypatch):
    monkeypatch.setattr(selftest, "plan", lambda stack: [AsWritten(stack)])
    assert max(selftest.errors(kind, "float64").values()) < 1e-12


@pytest.fixture
def forgetful():
    """The verdict is not kept from or for other tests."""
    selftest._passes.cache_clear()
    yield
    selftest._passes.cache_clear()


def weights_after_training(engine):
    stack = [
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
    ]
    head = [
        layers.Flatten(),
        layers.Dense(9, activation="relu"),
        layers.Dense(4, activation="softmax"),
    ]
    model = Sequential([layers.Input((10, 10, 3)), *stack, *head], seed=0)
    model.engine = engine
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    for _ in range(5):
        model.train_on_batch(rng.standard_normal((16, 10, 10, 3)), rng.integers(0, 4, 16))
    return model.get_weights()


@pytest.mark.usefixtures("forgetful")
def test_with_a_wrong_kernel_the_layers_run_as_they_are_written(monkeypatch):
    """The wrong kernel leaves ReLU out where there is one, and the other way round."""
    right = row_kernels.activate
    monkeypatch.setattr(
        row_kernels,
        "activate",
        lambda dtype, function, *others: right(dtype, None if function else RELU, *others),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        weights = weights_after_training("fast")
    pattern = (
        "minicnn's engine computes {} in float32 wrongly on this machine \\(y by .* of its largest "
        "value\\), so models"
    )
    for warning, name in zip(caught, ("Conv2D", "Dense"), strict=True):
        assert warning.category is RuntimeWarning
        assert re.match(pattern.format(name), str(warning.message))
    for mine, reference in zip(weights, weights_after_training("reference"), strict=True):
        np.testing.assert_array_equal(mine, reference)
    weights_after_training("fast")  # once said is enough: a second warning would be an error


@pytest.mark.usefixtures("forgetful")
def test_only_what_a_model_has_is_tested(monkeypatch):
    tested = []
    for kind in KINDS:
        monkeypatch.setitem(
            selftest.CHECKS, kind, lambda dtype, kind=kind: tested.append((kind, dtype)) or ({}, {})
        )
    rng = np.random.default_rng(0)
    stacks = [
        [layers.Dense(3)],
        [layers.Dense(2), layers.ReLU()],
        [layers.Flatten()],
        [layers.Conv2D(3, 1), layers.MaxPooling2D()],
    ]
    for stack, shape in zip(stacks, [(4,), (4,), (4, 4), (4, 4, 1)], strict=True):
        for layer in stack:
            shape = layer.build(shape, rng, np.dtype("float64"))
        assert selftest.trusted(plan(stack))
    assert selftest.trusted([])
    assert tested == [(layers.Dense, "float64"), (layers.Conv2D, "float64")]
