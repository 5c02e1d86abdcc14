"""explain.trace: the step that training would do, number by number, and as a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import PATIENCE
from trace_cases import CASES, chain, pictures, without_an_explanation

from minicnn import Input, Model, Sequential, explain, layers, losses, optimizers
from minicnn.explain.tracing import exact

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


def small(**options):
    """Four weights and a picture."""
    model = Sequential([Input((2, 2, 1)), layers.Flatten(), layers.Dense(2, "softmax")], seed=0)
    for name, value in options.items():
        setattr(model, name, value)
    return model, pictures(2, 2, 2, 1), np.array([0, 1])


def bits(array):
    return array.shape, array.dtype, np.ascontiguousarray(array).tobytes()


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


# Files


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_a_file_has_every_bit(make, tmp_path):
    model, x, y = make()
    traced = explain.trace(model, x, y)
    found = explain.load_trace(traced.save(tmp_path / "step.json"))
    assert (found.about, found.rows) == (traced.about, traced.rows)
    assert found.reasons == traced.reasons
    assert list(found.arrays) == list(traced.arrays)
    for name, array in traced.arrays.items():
        assert bits(found.arrays[name]) == bits(array)
    assert repr(explain.why(found, "dense/kernel", (0, 0))) == repr(
        explain.why(traced, "dense/kernel", (0, 0))
    )
    assert traced.to_dict() == json.loads((tmp_path / "step.json").read_text())


def test_any_float32_is_read_back_as_itself():
    """Also what lies in the middle between two, and what JSON has no word for."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    special = np.array([0.0, -0.0, 1e-45, -1e-45, 3.4028235e38, np.inf, -np.inf, np.nan], "f4")
    for array in (drawn[~np.isnan(drawn)], special, np.array(0.1, "f4"), np.array([[1 / 3]])):
        values = json.loads(exact.text_of(array), parse_constant=pytest.fail)
        found = exact.array_of(values, list(array.shape), array.dtype.name)
        assert bits(found) == bits(array)
    assert exact.text_of(np.float32([0.1, np.nan])) == '[0.1,"NaN"]'
    assert exact.text_of(np.array([True, False])) == "[1,0]"


def test_equal_arrays_are_written_once(tmp_path):
    model, x, y = small()
    file = explain.trace(model, x, y).save(tmp_path / "step.json")
    arrays = json.loads(file.read_text())["arrays"]
    assert arrays["dense/dy"] == {"same": "loss/dx"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read as one"),
        ("[1, 2]", "cannot be read as one"),
        ("{}", "cannot be read as one ('format')"),
        ('{"format": "minicnn trace", "version": 9}', "version 9"),
        ('{"format": "other", "version": 1}', "it says 'other'"),
        (
            '{"format": "minicnn trace", "version": 1, "about": {}, "rows": [], "reasons": {}, '
            '"arrays": {"a": {"shape": [3], "dtype": "float32", "values": [1, 2]}}}',
            "cannot reshape",
        ),
        (
            '{"format": "minicnn trace", "version": 1, "about": {}, "rows": [], "reasons": {}, '
            '"arrays": {"a": {"shape": [1], "dtype": "object", "values": [1]}}}',
            "expected numbers of type",
        ),
    ],
)
def test_a_file_that_is_no_trace_says_so(text, says, tmp_path):
    file = tmp_path / "step.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="load_trace expected a file of minicnn trace") as error:
        explain.load_trace(file)
    assert says in str(error.value)
    print(error.value)


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


# What goes wrong


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
