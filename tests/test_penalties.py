"""Regularizers and constraints: Keras' values, golden/heavy_layers.npz, in the loss, the gradient
and the weights.
"""

import numpy as np
import pytest
from golden import make_heavy_layers as recipe
from golden.make_layers import unpack

import minicnn
from minicnn import Input, Model, Sequential, constraints, layers, models, regularizers
from minicnn.testing.differences import compare

GOLDEN = unpack(recipe.GOLDEN)


@pytest.mark.parametrize(("name", "arguments"), recipe.REGULARIZERS, ids=str)
def test_a_penalty_is_keras_and_its_gradient_the_derivative(name, arguments):
    regularizer = getattr(regularizers, name)(**arguments)
    expected = GOLDEN[f"regularizer {name} {arguments}"]
    # Keras keeps L1's factor in float32
    assert regularizer(recipe.ARRAY) == pytest.approx(float(expected), rel=1e-7)
    w = recipe.ARRAY.copy()
    gradient = regularizer.gradient(w)
    compare(
        name,
        lambda: np.array(regularizer(w)),
        np.array(1.0),
        {"w": (w, gradient)},
        w.size,
        np.random.default_rng(0),
        1e-7,
        1e-4,
    )
    assert gradient.dtype == np.float64 and gradient.shape == w.shape
    assert regularizer.gradient(w.astype(np.float32)).dtype == np.float32
    assert not regularizer.gradient(np.zeros(3)).any()
    assert type(regularizer(w)) is float


@pytest.mark.parametrize(("name", "arguments"), recipe.CONSTRAINTS, ids=str)
def test_a_constraint_is_keras(name, arguments):
    constraint = getattr(constraints, name)(**arguments)
    found = constraint(recipe.ARRAY)
    np.testing.assert_allclose(found, GOLDEN[f"constraint {name} {arguments}"], rtol=1e-12)
    assert constraint(recipe.ARRAY.astype(np.float32)).dtype == np.float32


def network(name, engine="fast", dtype="float64"):
    model = Sequential([Input((4, 5, 2)), *recipe.stack(layers, name)], seed=0, dtype=dtype)
    model.engine = engine
    return model


@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("name", recipe.TRAININGS)
def test_trainings_are_keras(name, engine):
    """The losses of steps, epochs, evaluation and validation, and all weights."""
    received = recipe.train(minicnn, network(name, engine), name)
    for key, value in received.items():
        expected = GOLDEN[f"{name}: {key}"]
        np.testing.assert_allclose(value, expected, rtol=3e-7, atol=1e-9, err_msg=key)
    assert len(received) == 4 + 2 * recipe.STEPS


def test_the_cases_say_something():
    """Penalties are a good part of the losses, and constraints change weights."""
    for name, (settings, *_) in recipe.TRAININGS.items():
        penalties = GOLDEN[f"{name}: penalties"]
        given = sum("regularizer" in key for each in settings.values() for key in each)
        frozen = sum("regularizer" in key for key in settings.get("conv", {})) * (name == "frozen")
        assert len(penalties) == given - frozen
        assert given == 0 or penalties.sum() > 0.01
    assert (GOLDEN["averages: weights 0"] == 0).any()


def test_whole_batches_of_pictures_of_one_class_see_the_same_penalty():
    """It does not depend on the samples, their number or their weights."""
    model = network("l2")
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = recipe.data()
    (penalty,) = model.losses
    plain = Sequential([Input((4, 5, 2)), *recipe.stack(layers, "averages")], dtype="float64")
    plain.set_weights(model.get_weights())
    plain.compile("sgd", "sparse_categorical_crossentropy")
    for n, weight in ((15, None), (4, None), (3, np.zeros(3)), (7, np.full(7, 2.0))):
        with_it, without = (
            one.evaluate(x[:n], y[:n], sample_weight=weight, batch_size=4) for one in (model, plain)
        )
        assert with_it == pytest.approx(without + penalty, rel=1e-12)
    with_it, without = (one.evaluate(x, y, average_flips=True) for one in (model, plain))
    assert with_it == pytest.approx(without + penalty, rel=1e-12)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_shared_layer_is_penalised_once(engine):
    dense = layers.Dense(4, kernel_regularizer=regularizers.L2(0.5), kernel_constraint="non_neg")
    inputs = Input((4,))
    outputs = layers.Dense(2, activation="softmax")(dense(dense(inputs)))
    model = Model(inputs, outputs, seed=0, dtype="float64")
    model.engine = engine
    kernel = dense.params["kernel"]
    assert model.losses == dense.losses == [pytest.approx(0.5 * np.sum(kernel**2))]
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).standard_normal((6, 4)), np.arange(6) % 2
    loss, _ = model.loss_and_gradients(x, y)
    found = dense.grads["kernel"].copy()
    penalty = dense.losses[0]
    vars(dense)["regularizers"] = {}
    plain, _ = model.loss_and_gradients(x, y)
    assert loss == pytest.approx(plain + penalty, rel=1e-12)
    np.testing.assert_allclose(found, dense.grads["kernel"] + kernel, rtol=1e-12)
    model.train_step(x, y)
    assert (kernel >= 0).all() and (kernel == 0).any()


def test_layers_of_models_inside_are_penalised_too():
    inner = Sequential([Input((3,)), layers.Dense(3, kernel_regularizer="l2")], name="inner")
    outer = Sequential([Input((3,)), inner, layers.Dense(2, bias_regularizer="l1")])
    assert outer.losses == [*inner.losses, 0.0] and inner.losses[0] > 0
    inner.trainable = False
    assert outer.losses == [0.0]


def test_a_frozen_layer_is_neither_penalised_nor_constrained():
    layer = layers.Dense(3, kernel_regularizer="l2", kernel_constraint="non_neg", trainable=False)
    model = Sequential([Input((3,)), layer, layers.Dense(2, activation="softmax")])
    before = layer.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.ones((4, 3)), np.array([0, 1, 0, 1]), verbose=0)
    assert model.losses == []
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
    layer.trainable = True
    assert model.losses == [pytest.approx(0.01 * float(np.sum(before[0] ** 2)), rel=1e-6)]


def test_a_loss_that_is_no_number_stays_seen():
    model = network("l2")
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = recipe.data()
    model.layers[0].params["kernel"][...] = np.inf
    before = model.layers[0].grads["kernel"].copy()
    loss, _ = model.train_step(x, y)
    assert not np.isfinite(loss)
    np.testing.assert_array_equal(model.layers[0].grads["kernel"], before)


@pytest.mark.parametrize("where", ["weights_by_name", "grads"])
def test_the_arrays_stay_where_they_are(where):
    """The engine and the optimizers know their addresses."""
    model = network("constraints", dtype="float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    arrays = [array for layer in model.leaves.values() for array in getattr(layer, where).values()]
    places = [array.ctypes.data for array in arrays]
    model.fit(*recipe.data(), verbose=0)
    after = [array for layer in model.leaves.values() for array in getattr(layer, where).values()]
    assert [array.ctypes.data for array in after] == places
    assert {array.dtype for array in after} == {np.dtype(np.float32)}


# Who may say so where

WAYS = [
    ("l2", "l2"),
    ("L2", "l2"),
    (regularizers.L2, "l2"),
    (regularizers.l2(), "l2"),
    (regularizers.l2(1e-4), {"class_name": "L2", "config": {"l2": 1e-4}}),
    (regularizers.L1(None), "l1"),
    ("l1_l2", "l1_l2"),
    (regularizers.l1_l2(0.01, 0.01), "l1_l2"),
    (regularizers.L1L2(l1=0.5), {"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.0}}),
    ({"class_name": "L1", "config": {"l1": 0.5}}, {"class_name": "L1", "config": {"l1": 0.5}}),
    (None, None),
]


@pytest.mark.parametrize(("way", "described"), WAYS, ids=str)
def test_ways_to_say_it_and_what_files_say(way, described):
    layer = layers.Dense(2, kernel_regularizer=way, bias_regularizer=way)
    assert layer.kernel_regularizer == layer.bias_regularizer == described
    assert ("kernel_regularizer" in layer.get_config()) == (way is not None)
    assert repr(layers.Dense(**layer.get_config())) == repr(layer)


CONSTRAINED = [
    ("max_norm", "max_norm"),
    ("MaxNorm", "max_norm"),
    (constraints.MaxNorm, "max_norm"),
    (constraints.max_norm(2), "max_norm"),
    (
        constraints.MaxNorm(3, axis=(0, 1, 2)),
        {"class_name": "MaxNorm", "config": {"max_value": 3.0, "axis": [0, 1, 2]}},
    ),
    (constraints.NonNeg(), "non_neg"),
    (None, None),
]


@pytest.mark.parametrize(("way", "described"), CONSTRAINED, ids=str)
def test_ways_to_say_a_constraint(way, described):
    layer = layers.Conv2D(2, 3, kernel_constraint=way, bias_constraint=way)
    assert layer.kernel_constraint == layer.bias_constraint == described
    assert ("kernel_constraint" in layer.get_config()) == (way is not None)
    assert repr(layers.Conv2D(**layer.get_config())) == repr(layer)


PLACES = [
    (layers.Conv2D, {"filters": 2, "kernel_size": 3}, {"kernel": "kernel", "bias": "bias"}),
    (layers.Dense, {"units": 2}, {"kernel": "kernel", "bias": "bias"}),
    (layers.DepthwiseConv2D, {"kernel_size": 3}, {"depthwise": "kernel", "bias": "bias"}),
    (
        layers.SeparableConv2D,
        {"filters": 2, "kernel_size": 3},
        {"depthwise": "depthwise_kernel", "pointwise": "pointwise_kernel", "bias": "bias"},
    ),
    (
        layers.Conv2DTranspose,
        {"filters": 2, "kernel_size": 3},
        {"kernel": "kernel", "bias": "bias"},
    ),
    (layers.BatchNormalization, {}, {"gamma": "gamma", "beta": "beta"}),
    (layers.LayerNormalization, {}, {"gamma": "gamma", "beta": "beta"}),
    (layers.GroupNormalization, {"groups": 1}, {"gamma": "gamma", "beta": "beta"}),
]


@pytest.mark.parametrize(("kind", "arguments", "names"), PLACES, ids=str)
def test_places(kind, arguments, names, tmp_path):
    for argument, name in names.items():
        layer = kind(
            **arguments, **{f"{argument}_regularizer": "l1", f"{argument}_constraint": "non_neg"}
        )
        model = Sequential([Input((5, 5, 3)), layer])
        assert set(layer.regularizers) == set(layer.constraints) == {name}
        model.save(tmp_path / "model")
        loaded = models.load_model(tmp_path / "model").layers[0]
        assert set(loaded.regularizers) == set(loaded.constraints) == {name}
        assert loaded.losses == layer.losses


class Scaled(layers.Layer):
    """A user's own."""

    def setup(self, input_shape):
        self.add_param("scale", input_shape, "ones", "l2", "unit_norm")
        return input_shape


def test_a_layer_of_ones_own():
    layer = Scaled()
    layer.build((4,))
    assert layer.losses == [pytest.approx(0.04)]
    np.testing.assert_allclose(layer.constraints["scale"](layer.params["scale"]), 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: regularizers.L2(-1),
            "L2 expected l2 as a finite number of at least 0, received -1",
        ),
        (
            lambda: regularizers.L1("a"),
            "L1 expected l1 as a finite number of at least 0, received 'a'",
        ),
        (
            lambda: layers.Dense(2, kernel_regularizer="l22"),
            "Dense has no kernel_regularizer 'l22'. Did you mean 'l2'?",
        ),
        (
            lambda: layers.Dense(2, kernel_regularizer=0.01),
            "Dense has no kernel_regularizer 0.01. Known are: l1, l1_l2, l2.",
        ),
        (
            lambda: constraints.MaxNorm(-1),
            "MaxNorm expected max_value as a finite number of at least 0, received -1",
        ),
        (
            lambda: constraints.MinMaxNorm(2.0, 1.0),
            "MinMaxNorm expected max_value as a finite number of at least 2, received 1.0",
        ),
        (
            lambda: constraints.MinMaxNorm(rate=2),
            "MinMaxNorm expected rate as a finite number of at least 0 and at most 1, received 2",
        ),
        (
            lambda: constraints.UnitNorm("rows"),
            "UnitNorm expected axis as an integer or a list of them, received 'rows'",
        ),
        (
            lambda: layers.Dense(2, kernel_constraint=constraints.MaxNorm(axis=2)).build((3,)),
            "MaxNorm expected axis of a weight of shape (3, 2), received axis=2",
        ),
        (
            lambda: layers.Dense(2, kernel_constraint="maxnorm"),
            "Dense has no kernel_constraint 'maxnorm'. Did you mean 'max_norm'?",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError) as error:
        make()
    print(error.value)
    assert str(error.value) == message


def test_a_function_has_no_derivative_to_be_found():
    with pytest.raises(ValueError, match="cannot be named in a model file: use one of l1, l2, l1_"):
        layers.Dense(2, kernel_regularizer=lambda w: np.sum(w**2))
    with pytest.raises(ValueError, match="cannot be named in a model file: use one of max_norm"):
        layers.Dense(2, kernel_constraint=lambda w: np.clip(w, -1, 1))
