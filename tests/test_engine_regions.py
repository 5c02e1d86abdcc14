"""Jobs of neighbouring steps wait for each other and run together, but never longer than until
somebody looks.
"""

import copy
from unittest import mock

import numpy as np
import pytest
from engine_cases import assert_close, both_engines, compare

from minicnn import Sequential, applications, layers
from minicnn.layers.base import Layer
from minicnn.machine import region


def regions(function, *arguments):
    """How many jobs each region had that a call entered."""
    with mock.patch.object(region, "run_jobs", side_effect=region.run_jobs) as run:
        function(*arguments)
    return [len(call.args[0]) for call in run.call_args_list]


def test_a_training_step_of_the_documented_network_is_five_regions_and_a_prediction_one():
    model = applications.DocumentedCNN(seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).random((4, 32, 32, 3), np.float32), np.arange(4)
    model.train_step(x, y)
    # between them dropout, the loss and dropout again look at numbers
    assert regions(model.train_step, x, y) == [
        4,
        1,
        1,
        4,
        1,
    ]
    assert regions(model.forward, x) == [5]
    assert regions(model.forward, x[:1]) == [5]


class Shift(Layer):
    """A user's layer, which looks at numbers: y = x - its mean."""

    def forward(self, x, *, training=False):
        x = self.accept(x)
        self._cache = () if training else None
        return x - x.mean(dtype=np.float64).astype(x.dtype)

    def backward(self, dy):
        (dy,) = self.take_cache(dy)
        return dy - dy.mean(dtype=np.float64).astype(dy.dtype)


@pytest.mark.parametrize(
    "between",
    [
        [Shift()],
        [layers.Rescaling(0.5, 0.25)],
        [layers.Rescaling(0.5)],
        [layers.Dropout(0.0)],
        [layers.LeakyReLU()],
        [layers.ZeroPadding2D(1)],
        [layers.Conv2D(17, 3)],
    ],
    ids=lambda stack: type(stack[0]).__name__,
)
def test_whatever_lies_between_two_steps_sees_numbers(between):
    stack = [layers.Conv2D(16, 3, activation="relu"), layers.BatchNormalization(), *between]
    stack += [
        layers.Conv2D(20, 3),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10),
        layers.Dense(7),
    ]
    for batch in (1, 5):
        compare(stack, (14, 13, 3), batch, "float64", 0, 1e-12, steps=2)


class Failing(Layer):
    """A layer that can be told to fail."""

    fails = False

    def forward(self, x, *, training=False):
        if self.fails:
            raise ArithmeticError("told to fail")
        self._cache = () if training else None
        return x

    def backward(self, dy):
        if self.fails:
            raise ArithmeticError("told to fail")
        return dy


def test_what_waits_is_forgotten_when_a_step_fails():
    """The next pass begins anew, and computes what it would have computed without the failure."""
    stack = [layers.Conv2D(16, 3), layers.Flatten(), Failing(), layers.Dense(5)]
    reference, model = both_engines(stack, (6, 6, 3), "float64", 0)
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((3, 6, 6, 3)), rng.standard_normal((3, 5))
    y = reference.forward(x, training=True)
    dx = reference.backward(dy)
    failing = model.layers[2]
    failing.fails = True
    with pytest.raises(ArithmeticError):
        model.forward(2 * x)
    failing.fails = False
    assert_close(model.forward(x, training=True), y, 1e-12, "outputs")
    failing.fails = True
    with pytest.raises(ArithmeticError):
        model.backward(2 * dy)
    failing.fails = False
    assert_close(model.forward(x, training=True), y, 1e-12, "outputs")
    assert_close(model.backward(dy), dx, 1e-12, "dx")


def test_a_wrong_picture_is_refused_before_anything_runs():
    model = Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(16, 3), layers.Conv2D(16, 3)], seed=0
    )
    x = np.zeros((2, 8, 8, 3), np.float32)
    expected = model.forward(x).copy()
    with pytest.raises(
        ValueError, match=r"expected input of shape \(N, 8, 8, 3\), received \(2, 9, 8, 3\)"
    ):
        model.forward(np.ones((2, 9, 8, 3), np.float32))
    np.testing.assert_array_equal(model.forward(x), expected)


def test_frozen_layers_keep_their_gradients():
    """The engine writes gradients of normalisation and dense layers itself, and must not where
    nothing trains.
    """
    stack = [
        layers.Conv2D(16, 3),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(20),
        layers.Dense(5),
    ]
    _, model = both_engines(copy.deepcopy(stack), (6, 6, 3), "float32", 0)
    rng = np.random.default_rng(0)
    x, dy = (
        rng.standard_normal((3, 6, 6, 3)).astype(np.float32),
        rng.standard_normal((3, 5)).astype(np.float32),
    )
    for layer in model.layers[1:]:
        layer.trainable = False
        for grad in layer.grads.values():
            grad[...] = 7
    model.forward(x, training=True)
    model.backward(dy)
    assert all((grad == 7).all() for layer in model.layers[1:] for grad in layer.grads.values())
    assert all((grad != 0).any() for grad in model.layers[0].grads.values())
