"""explain.trace: the step that training would do, number by number."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import PATIENCE
from trace_cases import CASES, bits, chain, pictures, small, without_an_explanation

from minicnn import Input, Model, Sequential, explain, layers, losses, optimizers

ROOT = Path(__file__).parent.parent

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.01, weight_decay=0.1),
    "amsgrad": lambda: optimizers.Adam(amsgrad=True, clipnorm=0.1),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=0.1),
    "ema": lambda: optimizers.SGD(0.1, momentum=0.9, use_ema=True),
    "rmsprop": lambda: optimizers.RMSprop(clipvalue=0.01),
    "several": lambda: optimizers.MultiOptimizer(
        optimizers.OptimizerMap(optimizers.AdamW(), {".*/bias": optimizers.SGD(0.05)})
    ),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_it_is_the_step_that_training_does_to_the_bit(make, optimizer):
    """The second one: dropout has drawn before, averages and moments have moved."""
    model, x, y = make()
    model.engine = "reference"
    model.compile(optimizer(), "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    begun = model.get_weights()
    traced = explain.trace(model, x, y)
    assert traced.about["step"] == 2 and model.optimizer.iterations == 1
    for array, before in zip(model.get_weights(), begun, strict=True):
        assert bits(array) == bits(before)
    loss = model.train_on_batch(x, y)
    assert traced.about["loss"]["value"] == loss
    for name, value, gradient in model.parameters():
        assert bits(traced.arrays[f"{name}/gradient"]) == bits(gradient)
        assert bits(traced.arrays[f"{name}/after"]) == bits(value)
        for one in model.optimizer.optimizers:
            for slot, array in one.slots.get(name, {}).items():
                assert bits(traced.arrays[f"{name}/{slot}/after"]) == bits(array)
    for path, layer in model.leaves.items():
        for name, array in layer.state.items():
            assert bits(traced.arrays[f"{path}/{name}/after"]) == bits(array)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_outputs_are_those_of_the_layers(make):
    """Without the layers that draw: what each puts out in inference is what it does in training,
    but for batch normalisation.
    """
    model, x, y = make()
    model = Model(model.inputs, model.outputs)
    for layer in model.leaves.values():
        layer.trainable = False
        if hasattr(layer, "rate"):
            layer.rate = 0.0
    traced = explain.trace(model, x, y)
    *_, last = [row for row in traced.rows if row["name"] != "loss"]
    expected = model.forward(x)
    np.testing.assert_allclose(traced.arrays[f"{last['name']}/output"], expected, atol=1e-6)
    assert not any(name.endswith("/gradient") for name in traced.arrays)


def test_the_first_step_begins_with_nothing_remembered():
    model, x, y = small()
    traced = explain.trace(model, x, y)
    assert traced.about["optimizer"]["class"] == "Adam" and traced.about["step"] == 1
    assert not traced.arrays["dense/kernel/m/before"].any()
    ema = explain.trace(model, x, y, optimizers.SGD(use_ema=True)).arrays
    assert bits(ema["dense/kernel/average/before"]) == bits(ema["dense/kernel/before"])
    begun = explain.trace(model, x, y, optimizers.Adagrad()).arrays
    assert begun["dense/kernel/accumulator/before"].min() == np.float32(0.1)


def test_the_models_own_optimizer_and_loss_are_taken_and_stay_as_they_are():
    model, x, y = small()
    model.compile(optimizers.SGD(0.5), "mse")
    one_hot = np.eye(2, dtype=np.float32)[y]
    traced = explain.trace(model, x, one_hot)
    assert traced.about["optimizer"] == {"class": "SGD", "learning_rate": 0.5}
    assert traced.about["loss"]["class"] == "MeanSquaredError"
    assert traced.about["loss"]["takes"] == "dense/softmax/output"
    other = explain.trace(model, x, y, "adam", "sparse_categorical_crossentropy")
    assert other.about["loss"]["takes"] == "dense/output"
    assert type(model.loss).__name__ == "MeanSquaredError" and not model.optimizer.slots


def test_a_loss_that_takes_probabilities_goes_through_the_softmax():
    model, x, y = small()
    one_hot = np.eye(2, dtype=np.float32)[y]
    model.engine = "reference"
    model.compile("sgd", "mse")
    traced = explain.trace(model, x, one_hot)
    model.train_on_batch(x, one_hot)
    for name, value, gradient in model.parameters():
        assert bits(traced.arrays[f"{name}/gradient"]) == bits(gradient)
        assert bits(traced.arrays[f"{name}/after"]) == bits(value)
    assert traced.arrays["dense/softmax/output"].dtype == np.float64


def test_several_inputs_a_model_inside_and_one_unit():
    inner = Sequential([Input((3,)), layers.Dense(2, "relu")], name="inner")
    a, b = Input((3,), name="a"), Input((2,), name="b")
    y = layers.Dense(1, "sigmoid")(layers.Concatenate()([inner(a), b]))
    model = Model([a, b], y, seed=0)
    x = [pictures(2, 3), pictures(2, 2)]
    traced = explain.trace(model, x, [0, 1])
    names = [row["name"] for row in traced.rows]
    assert names[:4] == ["a", "b", "inner/dense", "inner/dense/relu"]
    assert traced.rows[-2]["name"] == "dense_1/sigmoid" or traced.rows[-2]["class"] == "Elementwise"
    model.engine = "reference"
    model.compile("adam", "binary_crossentropy")
    model.train_on_batch(x, np.array([0, 1]))
    for name, value, _ in model.parameters():
        assert bits(traced.arrays[f"{name}/after"]) == bits(value)


def test_augmentation_that_runs_as_one_is_one_row():
    model = Sequential(
        [
            Input((6, 6, 1)),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.Flatten(),
            layers.Dense(2),
        ],
        seed=0,
    )
    x = pictures(2, 6, 6, 1)
    traced = explain.trace(model, x, [0, 1], loss=losses.SparseCategoricalCrossentropy(True))
    row = traced.rows[1]
    assert row["name"] == "random_flip + random_rotation"
    assert row["class"] == "RandomFlip + RandomRotation"
    model.engine = "reference"
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(x, np.array([0, 1]))
    for name, value, _ in model.parameters():
        assert bits(traced.arrays[f"{name}/after"]) == bits(value)


def test_layers_without_an_explanation_are_traced_too():
    model, x = without_an_explanation()
    traced = explain.trace(model, x, [0, 1])
    model.engine = "reference"
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(x, np.array([0, 1]))
    for name, value, _ in model.parameters():
        assert bits(traced.arrays[f"{name}/after"]) == bits(value)


def test_the_table_says_how_large_gradients_are():
    model, x, y = small()
    lines = explain.trace(model, x, y).to_text().splitlines()
    assert lines[0].startswith("Step 1 of 'sequential': 2 samples, loss ")
    assert [line.split()[0] for line in lines[1:]] == [
        "layer",
        "input",
        "flatten",
        "dense",
        "dense/softmax",
        "loss",
    ]


def test_the_model_is_not_touched():
    model, x, y = chain()
    model.compile("adam", "sparse_categorical_crossentropy")
    states = [layer.random_state for layer in model.leaves.values()]
    weights = model.get_weights()
    fresh = model.has_fresh_weights
    first, second = (explain.trace(model, x, y).to_json() for _ in range(2))
    assert first == second
    assert [layer.random_state for layer in model.leaves.values()] == states
    assert all(map(np.array_equal, model.get_weights(), weights))
    assert model.has_fresh_weights == fresh and model.optimizer.iterations == 0
    assert all(layer.needs_input_grad for layer in model.leaves.values())


def test_it_works_without_numba():
    """And has the same bits."""
    program = (
        "import sys\nif sys.argv[1] == 'without': import without_numba\n"
        "import trace_cases\nfrom minicnn import explain\n"
        "model, x, y = trace_cases.chain()\n"
        "step = explain.trace(model, x, y)\n"
        "print(step.to_json())\nprint(explain.why(step, 'conv2d/kernel', (0, 1, 1, 5)).to_text())"
    )
    done = [
        subprocess.run(
            [sys.executable, "-c", program, word],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=Path(__file__).parent,
            env=os.environ | {"PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{ROOT}"},
        )
        for word in ("with", "without")
    ]
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert done[0].stdout == done[1].stdout and "computed at" in done[0].stdout
