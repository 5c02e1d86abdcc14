"""explain.why: every number is the sum of the terms that it names."""

import graph_cases
import graph_parts
import numpy as np
import pytest
from graph_models import model_of
from trace_cases import CASES, pictures
from why_sums import check_sums

from minicnn import Input, Model, Sequential, explain, layers, losses, optimizers
from minicnn.explain.tracing.adding import each
from minicnn.testing.standard import standard_cases, standard_losses

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01, weight_decay=0.1),
    "amsgrad": lambda: optimizers.Adam(amsgrad=True, clipnorm=0.1),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.1, 0.9, nesterov=True, weight_decay=0.1),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_every_number_is_the_sum_of_its_terms(make, optimizer):
    """After a step, so that moments and averages have moved; some numbers of each array."""
    model, x, y = make()
    model.compile(optimizer(), "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    traced = explain.trace(model, x, y)
    summed = check_sums(traced, 25)
    expected = {"output", "dx", "dy", "gradient", "after", "step", "value", "patches"}
    assert expected & {name.rpartition("/")[2] for name in traced.arrays} <= summed


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_what_has_no_sum_is_this_and_no_more(make):
    """Functions of one number, what was drawn, and which number was the largest."""
    model, x, y = make()
    traced = explain.trace(model, x, y)
    without = {
        name.rpartition("/")[2]
        for name, reason in traced.reasons.items()
        if "depends" in reason or not reason["exact"]
    }
    allowed = {"slope", "argmax", "winner", "factor", "of_penalty", "largest"}
    if make is CASES["branches"]:
        allowed |= {"deviation", "after"}  # of Normalization, which stays as it is
    outputs = {"dense/gelu", "elu", "activation_1"}
    assert without - allowed == {"output"}
    for name, reason in traced.reasons.items():
        if name.endswith("/output") and not reason["exact"]:
            assert name.removesuffix("/output") in outputs


STANDARD = standard_cases()


@pytest.mark.filterwarnings("ignore:Rescaling")  # these pictures are none
@pytest.mark.parametrize("name", STANDARD)
def test_every_kind_of_layer_is_explained_or_says_that_it_is_not(name):
    """The step is that of training, and what has a sum is it, for each layer that minicnn has."""
    layer, shape = STANDARD[name]
    inputs = [Input(one) for one in shape] if isinstance(shape, list) else Input(shape)
    y = layers.Flatten()(layer.clone()(inputs))
    model = Model(inputs, layers.Dense(2, activation="softmax")(y), seed=0)
    shapes = shape if isinstance(shape, list) else [shape]
    x = [pictures(2, *one) for one in shapes]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.engine = "reference"
    given = x if isinstance(shape, list) else x[0]
    traced = explain.trace(model, given, [0, 1])
    model.train_on_batch(given, np.array([0, 1]))
    for path, value, _ in model.parameters():
        assert np.array_equal(traced.arrays[f"{path}/after"], value)
    check_sums(traced, 15)
    for name, array in traced.arrays.items():
        explain.why(traced, name, (0,) * array.ndim).to_text()


@pytest.mark.parametrize("number", range(24))
def test_drawn_networks_with_branches(number):
    """Layers at several places, models inside, several inputs; those of one output."""
    graph = graph_cases.draw(number)
    model = model_of(graph, "float32")
    x = graph_parts.single([one.astype(np.float32) for one in graph_parts.given(graph)])
    out = model.forward(x)
    if isinstance(out, list):
        pytest.skip("it has several outputs, on which no model is trained")
    y = np.random.default_rng(0).uniform(0, 1, out.shape)
    model.compile("adam", "mse")
    traced = explain.trace(model, x, y)
    model.train_on_batch(x, y)
    for name, value, gradient in model.parameters():
        assert np.array_equal(traced.arrays[f"{name}/gradient"], gradient)
        assert np.array_equal(traced.arrays[f"{name}/after"], value)
    check_sums(traced, 3)


@pytest.mark.parametrize("loss", standard_losses(), ids=lambda loss: loss.name)
def test_every_loss_is_explained_or_says_that_it_is_not(loss):
    x = pictures(4, 3)
    ending = None if loss.from_logits else loss.fuses or "softmax"  # some take logarithms
    model = Sequential([Input((3,)), layers.Dense(3, ending)], seed=0)
    y = [0, 1, 2, 1] if "Sparse" in loss.name else np.eye(3)[[0, 1, 2, 1]]
    traced = explain.trace(model, x, y, "sgd", loss)
    check_sums(traced, 15)
    assert explain.why(traced, "loss/value").to_text()


@pytest.mark.parametrize(
    ("loss", "ending", "y"),
    [
        ("mse", "softmax", [[1.0, 0.0], [0.0, 1.0]]),
        ("mse", "tanh", [[1.0, 0.0], [0.0, 1.0]]),
        ("binary_crossentropy", "sigmoid", [[1, 0], [0, 1]]),
        (losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid", [[1, 0], [0, 1]]),
        (losses.CategoricalCrossentropy(label_smoothing=0.1), "softmax", [[1, 0], [0, 1]]),
        (losses.CategoricalCrossentropy(from_logits=True), None, [[1, 0], [0, 1]]),
    ],
)
def test_losses_and_what_they_give_back(loss, ending, y):
    model = Sequential([Input((3,)), layers.Dense(2, ending)], seed=0)
    traced = explain.trace(model, pictures(2, 3), y, "sgd", loss)
    for name in ("loss/value", "loss/dx", "dense/dx"):
        for at in each(traced.arrays[name].shape):
            found = explain.why(traced, name, at)
            assert found.recomputed == pytest.approx(found.value, rel=2e-6, abs=1e-8)
