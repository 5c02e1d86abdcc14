"""Losses beside Keras' values, their definitions and numerical derivatives; what networks end in;
losses of one's own; and what is said of labels that do not fit.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minicnn as keras
from minicnn import Input, Sequential, layers, losses, models, testing
from minicnn.errors import ModelFileError
from minicnn.layers.elementwise import sigmoid

sys.path.insert(0, str(Path(__file__).parent / "golden"))
import make_losses as golden  # noqa: E402

GOLDEN = json.loads(golden.GOLDEN.read_text())


# Keras' values


@pytest.mark.parametrize("name", golden.LOSSES)
def test_a_loss_is_keras(name):
    cls, arguments, kind = golden.LOSSES[name]
    y_true, y_pred = golden.targets_and_predictions(kind)
    expected = GOLDEN["losses"][name]
    loss = getattr(losses, cls)(**arguments)
    function = getattr(losses, losses.get(cls).name.replace("huber_loss", "huber"))
    # Keras cuts targets at 1e-7, and takes its constants from float32
    close = {"rtol": 1e-6, "atol": 1e-8}
    np.testing.assert_allclose(loss.values(y_true, y_pred), expected["each"], **close)
    np.testing.assert_allclose(function(y_true, y_pred, **arguments), expected["each"], **close)
    value, gradient = loss.value_and_gradient(y_true, y_pred, golden.WEIGHTS)
    assert value == pytest.approx(expected["mean"], rel=1e-6)
    np.testing.assert_allclose(gradient, expected["gradient"], **close)


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("name", golden.TRAININGS)
def test_a_training_is_keras(name, engine, monkeypatch):
    monkeypatch.setenv("MINICNN_ENGINE", engine)
    found, expected = golden.train(keras, golden.TRAININGS[name], dtype="float64"), GOLDEN
    expected = expected["trainings"][name]
    for part in ("history", "evaluated"):
        assert found[part].keys() == expected[part].keys()
        for log, values in expected[part].items():
            np.testing.assert_allclose(found[part][log], values, rtol=2e-6, atol=1e-8, err_msg=log)
    for mine, keras_own in zip(found["weights"], expected["weights"], strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-6, atol=1e-8)


# Definitions and extremes


def test_binary_cross_entropy_by_definition():
    y, p = [1, 0, 1], [0.9, 0.2, 0.25]
    expected = -(math.log(0.9) + math.log(0.8) + math.log(0.25)) / 3
    z = [math.log(q / (1 - q)) for q in p]
    column = np.array(p)[:, None]
    assert losses.BinaryCrossentropy()(y, column) == pytest.approx(expected, rel=1e-14)
    logits = losses.BinaryCrossentropy(from_logits=True)
    assert logits(y, np.array(z)[:, None]) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [50.0, 1e4, 3e38])
def test_extreme_logits_are_exact_and_silent(size, dtype):
    z, y = np.array([[size], [-size], [size], [-size]], dtype), [1, 0, 0, 1]
    value, gradient = losses.BinaryCrossentropy(from_logits=True).value_and_gradient(np.array(y), z)
    assert value == pytest.approx(float(dtype(size)) / 2, rel=1e-15)
    np.testing.assert_allclose(gradient[:, 0] * 4, [0, 0, 1, -1], atol=1e-20)


def test_small_losses_are_not_rounded_away():
    loss = losses.BinaryCrossentropy(from_logits=True)([1], np.array([[40.0]]))
    assert loss == pytest.approx(math.exp(-40), rel=1e-12)


def test_a_sure_wrong_probability_is_an_infinite_loss_and_a_sure_right_one_none():
    loss = losses.BinaryCrossentropy()
    assert loss([1], [[0.0]]) == loss([0], [[1.0]]) == math.inf
    assert loss([0], [[0.0]]) == loss([1], [[1.0]]) == 0.0


def test_nan_predictions_are_a_nan_loss():
    for from_logits in (True, False):
        loss = losses.BinaryCrossentropy(from_logits=from_logits)
        assert math.isnan(loss([1, 0], np.array([[np.nan], [0.5]])))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 4), st.sampled_from([0.0, 1.5]))
def test_focal_losses_from_logits_are_those_from_probabilities(seed, n, k, gamma):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, k)) * 3
    binary = losses.BinaryFocalCrossentropy(gamma=gamma, apply_class_balancing=True)
    y = rng.integers(0, 2, (n, k))
    of_logits = losses.BinaryFocalCrossentropy(True, gamma=gamma, from_logits=True)
    assert binary(y, sigmoid(z)) == pytest.approx(of_logits(y, z), rel=1e-9)
    if gamma == 0:
        plain = losses.BinaryFocalCrossentropy(gamma=0.0)(y, sigmoid(z))
        assert plain == pytest.approx(losses.BinaryCrossentropy()(y, sigmoid(z)), rel=1e-12)


def test_a_focal_loss_of_extreme_logits_has_a_finite_gradient():
    z = np.array([[1e4, -1e4], [-1e4, 1e4]])
    for loss in (
        losses.CategoricalFocalCrossentropy(gamma=0.5, from_logits=True),
        losses.BinaryFocalCrossentropy(gamma=0.5, from_logits=True),
    ):
        value, gradient = loss.value_and_gradient(np.array([[1, 0], [1, 0]]), z)
        assert math.isfinite(value) and np.isfinite(gradient).all()
        assert np.abs(gradient[0]).max() == 0 and np.abs(gradient[1]).max() > 0


@pytest.mark.parametrize(
    "loss",
    [loss for loss in testing.standard_losses() if loss.fuses is None],
    ids=lambda loss: loss.name,
)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 2**32))
@settings(max_examples=50)
def test_gradients_also_of_single_outputs(loss, batch, outputs, seed):
    if outputs == 1 and isinstance(loss, losses.CosineSimilarity):
        return  # a constant, and rounding
    report = testing.measure_loss(loss, batch=batch, classes=outputs, seed=seed)
    assert report.error <= testing.TOLERANCE


# What a network ends in


def binary(activation="sigmoid", units=1, **options):
    last = layers.Dense(units, activation=activation)
    stack = [Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), last]
    return Sequential(stack, seed=2, **options)


def pictures(n=12):
    rng = np.random.default_rng(4)
    return rng.random((n, 6, 6, 1), np.float32), rng.integers(0, 2, n)


SIGMOIDS = {
    "in Dense": lambda: [layers.Dense(1, activation="sigmoid")],
    "as Activation": lambda: [layers.Dense(1), layers.Activation("sigmoid")],
    "in a model inside": lambda: [Sequential([layers.Dense(1, activation="sigmoid")])],
}


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("end", SIGMOIDS)
@pytest.mark.parametrize(
    "loss",
    ["binary_crossentropy", losses.BinaryFocalCrossentropy(gamma=1.5)],
    ids=["crossentropy", "focal"],
)
def test_the_fused_sigmoid_gives_what_the_sigmoid_layer_gives(end, loss, engine):
    x, y = pictures()
    stack = [Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), *SIGMOIDS[end]()]
    model = Sequential(stack, dtype="float64", seed=3)
    model.engine = engine
    model.compile("sgd", loss)
    assert model.ends_in == "sigmoid" and model.classes == 2
    weight = np.linspace(0.5, 2, len(x))
    fused, y_pred = model.loss_and_gradients(x, y, weight)
    gradients = {name: gradient.copy() for name, _, gradient in model.parameters()}
    probabilities = model.forward(x, training=True)
    np.testing.assert_allclose(y_pred, probabilities, rtol=1e-14)
    plain, dy = model.loss.value_and_gradient(y, probabilities, weight)
    model.backward(dy)
    assert fused == pytest.approx(plain, rel=1e-12)
    for name, _, gradient in model.parameters():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("end", SIGMOIDS)
def test_every_sigmoid_at_the_end_is_fused_and_so_exact(end):
    model = Sequential([Input((1,)), *SIGMOIDS[end]()])
    model.set_weights([np.array([[1e4]]), np.zeros(1)])
    model.compile("sgd", "binary_crossentropy", ["accuracy"])
    x = np.array([[1.0], [-1.0]])
    assert model.evaluate(x, [0, 1]) == [1e4, 0.0] and model.evaluate(x, [1, 0]) == [0.0, 1.0]
    loss, _ = model.loss_and_gradients(x, np.array([0, 0]))
    assert loss == 1e4 / 2 and model.parameters().__next__()[2][0, 0] == 0.5
    assert model.predict(x).tolist() == [[1.0], [0.0]]


def test_sure_answers_of_a_softmax_still_teach_a_binary_cross_entropy():
    """In single precision 1 - p would be 0 from a difference of 17 on, the loss infinite, and the
    batch left out.
    """
    model = Sequential([Input((2,)), layers.Dense(2, "softmax", use_bias=False)])
    model.set_weights([np.eye(2)])
    model.compile("sgd", "binary_crossentropy")
    loss, _ = model.loss_and_gradients(np.array([[30.0, 0.0]]), np.array([[0, 1]]))
    assert loss == pytest.approx(30.0, rel=1e-3)
    assert model.layers[0].grads["kernel"][0] == pytest.approx([30, -30], rel=1e-3)


def test_a_network_between_pictures_trains_on_their_pixels():
    x = pictures()[0]
    for activation, loss in (("sigmoid", "binary_crossentropy"), (None, "mse"), ("sigmoid", "mae")):
        stack = [Input((6, 6, 1)), layers.Conv2D(2, 3, padding="same", activation="relu")]
        model = Sequential(
            [*stack, layers.Conv2D(1, 3, padding="same", activation=activation)], seed=0
        )
        model.compile("adam", loss)
        history = model.fit(x, x, epochs=3, verbose=0, validation_split=0.25)
        assert history.history["loss"][-1] < history.history["loss"][0]
        flat = losses.get(loss)(x.reshape(12, -1), model.predict(x).reshape(12, -1))
        assert model.evaluate(x, x) == pytest.approx(flat, rel=1e-5)


@pytest.mark.parametrize("form", ["(N,)", "(N, 1)", "bool", "float", "list"])
def test_labels_of_one_unit_in_every_form(form):
    x, y = pictures()
    given_as = {
        "(N,)": y,
        "(N, 1)": y[:, None],
        "bool": y.astype(bool),
        "float": y.astype(np.float32),
        "list": y.tolist(),
    }
    results = []
    for labels in (y, given_as[form]):
        model = binary()
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        options = {"class_weight": "balanced", "validation_split": 0.25, "verbose": 0}
        results.append(model.fit(x, labels, **options).history)
    assert results[0] == results[1]


def test_what_depends_on_the_right_answer_goes_with_one_unit():
    """lr_find, train_on_batch, a source of batches, class weights."""
    x, y = pictures()
    model = binary()
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    assert len(model.lr_find(x, y, batch_size=4, steps=12).losses) > 2
    by_hand = model.train_on_batch(x, y, class_weight={0: 2.0}, return_dict=True)
    assert by_hand.keys() == {"loss", "accuracy"}

    class Source:
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return x[4 * i : 4 * i + 4], y[4 * i : 4 * i + 4]

    assert model.evaluate(Source()) == pytest.approx(model.evaluate(x, y), rel=1e-6)


# Labels and heads that do not fit


def far(model):
    model.set_weights([10 * weight for weight in model.get_weights()])
    return model


MISTAKES = {
    "one output, -1 and 1": (
        lambda: binary(),
        "binary_crossentropy",
        [-1, 1] * 6,
        "loss 'binary_crossentropy' expected labels from 0 to 1, received -1 to 1: use (y + 1) / 2",
    ),
    "one output, 1 and 2": (
        lambda: binary(),
        "binary_crossentropy",
        [1, 2] * 6,
        "received 1 to 2: labels count from 0, use y - 1",
    ),
    "one output, three classes": (
        lambda: binary(),
        "binary_crossentropy",
        [0, 1, 2] * 4,
        "received 0 to 2: the labels of several classes go with Dense(K, activation='softmax')",
    ),
    "one output, one-hot": (
        lambda: binary(),
        "binary_crossentropy",
        np.eye(2)[[0, 1] * 6],
        "expected labels (N, 1), received shape (12, 2): one output goes with labels (N,), such as "
        "y[:, 1] of two one-hot classes, or end in Dense(2)",
    ),
    "three outputs, integers": (
        lambda: binary(units=3),
        "binary_crossentropy",
        [0, 1] * 6,
        "expected labels (N, 3), received shape (12,): integer labels go with "
        "'sparse_categorical_crossentropy' and accuracy, or use utils.to_categorical(y, 3)",
    ),
    "three outputs, two labels": (
        lambda: binary(units=3),
        "binary_crossentropy",
        np.zeros((12, 2)),
        "received shape (12, 2): the last layer must have an output for each of them",
    ),
    "words": (
        lambda: binary(),
        "binary_crossentropy",
        ["cat", "dog"] * 6,
        "expected numbers as labels, received the words 'cat', 'dog'",
    ),
    "NaN": (lambda: binary(), "bce", [np.nan] * 12, "received nan to nan: look for NaN in them"),
    "one unit, categorical": (
        lambda: binary(),
        "categorical_crossentropy",
        [0, 1] * 6,
        "loss 'categorical_crossentropy' expected predictions (N, K) with a unit per class, "
        "received shape (12, 1): one unit goes with activation='sigmoid' and "
        "loss='binary_crossentropy', or use Dense(2, activation='softmax')",
    ),
    "one unit, sparse": (
        lambda: binary(),
        "sparse_categorical_crossentropy",
        [0, 1] * 6,
        "one unit goes with activation='sigmoid' and loss='binary_crossentropy'",
    ),
    "no probabilities": (
        lambda: far(binary(None)),
        "binary_crossentropy",
        [0, 1] * 6,
        "loss 'binary_crossentropy' expected probabilities from 0 to 1, received values from",
    ),
    "sums that are not 1": (
        lambda: binary(units=2),
        "categorical_crossentropy",
        np.eye(2)[[0, 1] * 6],
        "expected probabilities (at least 0, with sum 1)",
    ),
    "infinite targets": (
        lambda: binary(None),
        "mse",
        [0.0, np.inf] * 6,
        "loss 'mean_squared_error' expected finite targets, received inf among them",
    ),
    "pixels to 255": (
        lambda: Sequential([Input((6, 6, 1)), layers.Conv2D(1, 1, activation="sigmoid")]),
        "binary_crossentropy",
        np.full((12, 6, 6, 1), 255.0),
        "expected labels from 0 to 1, received 255.0 to 255.0: divide pixels by 255",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_labels_and_heads_that_do_not_fit(case):
    make, loss, y, message = MISTAKES[case]
    model = make()
    model.compile("sgd", loss)
    with pytest.raises(ValueError) as caught:
        model.fit(pictures()[0], y, verbose=0)
    assert message in str(caught.value)


def test_a_loss_from_logits_on_a_sigmoid_is_refused():
    model = binary()
    with pytest.raises(ValueError, match="expected logits, but .* ends in a sigmoid: leave out"):
        model.compile("sgd", losses.BinaryCrossentropy(from_logits=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.BinaryCrossentropy(label_smoothing=2), "0 <= label_smoothing <= 1"),
        (lambda: losses.BinaryCrossentropy(from_logits="no"), "from_logits as True or False"),
        (lambda: losses.Huber(delta=0), "Huber expected delta as a finite number above 0"),
        (lambda: losses.BinaryFocalCrossentropy(alpha=2), "alpha as a .* at most 1, received 2"),
        (lambda: losses.BinaryFocalCrossentropy(gamma=-1), "gamma as a .* at least 0"),
        (lambda: losses.CategoricalFocalCrossentropy(alpha=[1, -1]), "alpha as a .* at least 0"),
        (
            lambda: losses.CategoricalFocalCrossentropy([1, 2, 3])([[0, 1]], [[0.5, 0.5]]),
            "expected alpha as a number or 2, one per class, received 3",
        ),
        (lambda: losses.get("binery_crossentropy"), "Did you mean 'binary_crossentropy'"),
        (lambda: losses.get("dice"), "write a function that returns .losses, gradient."),
        (lambda: losses.get(None), "unknown loss None"),
        (lambda: losses.get({"class_name": "Hubert"}), "losses has no class 'Hubert'"),
        (lambda: losses.get({"loss": "mse"}), "expected a description as .'class_name'"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_arguments_that_are_not_there():
    with pytest.raises(TypeError, match="expected reduction='sum_over_batch_size'"):
        losses.MeanSquaredError(reduction="sum")
    with pytest.raises(TypeError, match="expected axis=-1, as by default, received 1. Outputs are"):
        losses.binary_crossentropy([[0]], [[0.5]], axis=1)
    losses.binary_crossentropy([[0]], [[0.5]], axis=-1)


# Names


@pytest.mark.parametrize("name", losses.NAMES)
def test_every_loss_by_name_class_object_function_and_description(name):
    function, cls = getattr(losses, name), losses.NAMES[name]
    described = losses.serialize(cls())
    for given_as in (name, cls.__name__, cls, cls(), function, described):
        assert type(losses.get(given_as)) is cls
    assert losses.get(described).get_config() == cls().get_config()


def test_short_names():
    for short, name in losses.SHORT.items():
        assert losses.get(short).name == losses.get(short.upper()).name == losses.NAMES[name]().name


# Losses of one's own


def fourth_power(y_true, y_pred):
    error = y_pred - y_true
    return (error**4).mean(axis=-1), 4 * error**3 / error.shape[-1]


class FourthPower(losses.Loss):
    def each(self, y_true, y_pred):
        return fourth_power(y_true, y_pred)


OWN = ["function", "class", "object"]


@pytest.mark.parametrize("loss", [fourth_power, FourthPower, FourthPower()], ids=OWN)
def test_a_loss_of_ones_own_trains(loss):
    x, y = pictures()
    model = binary()
    model.compile("adam", loss, metrics=["accuracy"])
    history = model.fit(x, y, epochs=2, verbose=0, sample_weight=np.ones(12)).history
    y_pred = model.predict(x).astype(float)
    assert model.evaluate(x, y)[0] == pytest.approx(((y_pred[:, 0] - y) ** 4).mean(), rel=1e-5)
    assert history["loss"][1] < history["loss"][0]
    assert testing.measure_loss(losses.get(loss)).error < testing.TOLERANCE


def test_a_wrong_gradient_of_ones_own_is_found():
    def wrong(y_true, y_pred):
        return ((y_pred - y_true) ** 2).mean(axis=-1), y_pred - y_true

    assert testing.measure_loss(losses.get(wrong)).error > 0.1


def test_a_function_that_returns_a_value_alone_is_refused():
    def custom(y_true, y_pred):
        return ((y_true - y_pred) ** 2).mean(axis=-1)

    model = binary()
    model.compile("sgd", custom)
    with pytest.raises(TypeError) as caught:
        model.fit(*pictures(), verbose=0)
    assert str(caught.value) == (
        "loss 'custom' expected its function to return (losses, gradient), received ndarray: there "
        "is no autograd, return also the derivative of each sample's loss with respect to y_pred, "
        "of shape (12, 1). For squared errors: error = y_pred - y_true; return "
        "(error**2).mean(axis=-1), 2 * error / error.shape[-1]"
    )


@pytest.mark.parametrize("wrong", [(0.5, np.zeros((12, 1))), (np.zeros(12), np.zeros(12))])
def test_losses_or_gradients_of_another_shape_are_refused(wrong):
    model = binary()
    model.compile("sgd", lambda *_: wrong)
    with pytest.raises(ValueError, match=r"one per sample, and a gradient of y_pred's shape"):
        model.fit(*pictures(), verbose=0)


def test_a_subclass_that_defines_call_is_told_what_to_define():
    with pytest.raises(TypeError, match="Mine defines call.*no autograd. Define instead def each"):

        class Mine(losses.Loss):
            def call(self, y_true, y_pred):
                return y_pred - y_true

    class Empty(losses.Loss):
        pass

    with pytest.raises(NotImplementedError, match="Empty must def each"):
        Empty()([[0.0]], [[1.0]])


# Files


@pytest.mark.parametrize("name", losses.CLASSES)
def test_a_file_keeps_the_loss(name, tmp_path):
    model = binary()
    model.compile("sgd", losses.CLASSES[name]())
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(tmp_path / "model.safetensors")
    assert type(loaded.loss) is losses.CLASSES[name]
    assert loaded.loss.get_config() == model.loss.get_config()


def test_a_file_with_a_function_of_ones_own_needs_it_again(tmp_path):
    path = tmp_path / "model.safetensors"
    x, y = pictures()
    model = binary()
    model.compile("sgd", fourth_power)
    model.save(path)
    loaded = models.load_model(path, custom_objects={"fourth_power": fourth_power})
    assert loaded.evaluate(x, y) == model.evaluate(x, y)
    with pytest.raises(ModelFileError, match="unknown loss 'fourth_power'.*custom_objects"):
        models.load_model(path)
    assert models.load_model(path, compile=False).loss is None
