"""What explain.trace refuses, and what it says then."""

import numpy as np
import pytest
from trace_cases import pictures, small

from minicnn import Input, Model, Sequential, explain, layers


def message(error, *arguments, **options):
    with pytest.raises(error) as caught:
        explain.trace(*arguments, **options)
    print(caught.value)
    return str(caught.value)


def test_a_step_that_is_too_large_says_what_to_do():
    model, x, y = small()
    said = message(ValueError, model, x, y, limit=0.0005)
    assert "at most limit=0.0005 megabytes as text, received 'sequential' with 2 samples" in said
    assert said.endswith("give fewer or smaller pictures, a smaller model, or limit=1")
    assert "of them in 'dense'" in said


def test_a_large_model_is_refused_before_it_runs(monkeypatch):
    model = Sequential([Input((100,)), layers.Dense(20_000), layers.Dense(2)], seed=0)
    monkeypatch.setattr(layers.Dense, "forward", pytest.fail)
    said = message(ValueError, model, pictures(1, 100), [1])
    assert "which takes 174, 170 of them in 'dense'" in said and said.endswith("or limit=192")


def test_large_pictures_are_refused_before_they_are_run(monkeypatch):
    """The patches of a convolution alone: 300 x 300 places of 3 x 3 x 8 numbers."""
    model = Sequential(
        [Input((300, 300, 8)), layers.Conv2D(1, 3, padding="same"), layers.Flatten()], seed=0
    )
    model.add(layers.Dense(2))
    monkeypatch.setattr(layers.Conv2D, "forward", pytest.fail)
    said = message(ValueError, model, pictures(2, 300, 300, 8), [1, 0])
    assert "with 2 samples, which takes 184, 162 of them in 'conv2d'" in said


def test_a_layer_may_not_have_the_name_of_the_loss():
    model = Sequential([Input((3,)), layers.Dense(2, "softmax", name="loss")], seed=0)
    said = message(ValueError, model, pictures(1, 3), [1])
    assert said.endswith("received 'loss' twice: give the layer another name")


@pytest.mark.parametrize("limit", [0, -1, "large", None, float("nan")])
def test_a_limit_is_a_number(limit):
    model, x, y = small()
    assert "explain.trace expected limit" in message(ValueError, model, x, y, limit=limit)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.zeros((2, 2, 1)), [0, 1], "expected input of shape (N, 2, 2, 1), received (2, 2, 1)"),
        (np.zeros((1, 3, 2, 1)), [0], "expected input of shape (N, 2, 2, 1)"),
        (np.zeros((0, 2, 2, 1)), [], "expected at least one sample"),
        (np.zeros((2, 2, 2, 1)), [0], "expected as many samples in y as in x, 2, received 1"),
        (np.zeros((1, 2, 2, 1)), [7], "one unit per class"),
        (np.zeros((1, 2, 2, 1)), [-1], "labels"),
        (np.zeros((1, 2, 2, 1)), ["cat"], "labels"),
    ],
)
def test_pictures_and_labels_that_do_not_fit(x, y, says):
    model, _, _ = small()
    assert says in message(ValueError, model, x, y)


def test_an_unknown_optimizer_and_an_unknown_argument():
    model, x, y = small()
    assert "adma" in message(ValueError, model, x, y, "adma")
    assert "optimiser" in message(TypeError, model, x, y, optimiser="adam")


def test_a_loss_that_is_not_finite_is_named_with_where_it_begins():
    model, x, y = small()
    x[1, 0, 1, 0] = np.nan
    said = message(ValueError, model, x, y)
    assert "expected a finite loss, received nan" in said and "'input/output' is the first" in said


def test_an_output_before_the_end_takes_a_gradient_of_several():
    """Two outputs cannot be trained on, and the message is that of training."""
    x = Input((3,))
    model = Model(x, [layers.Dense(2)(x), layers.Dense(2)(x)], seed=0)
    assert "has 2 outputs" in message(ValueError, model, pictures(1, 3), [0])
