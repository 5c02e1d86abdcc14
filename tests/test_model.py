"""Networks with branches: how they are joined, named, ordered, run and trained."""

import copy
import pickle

import numpy as np
import pytest
from model_cases import X, Y, equal, residual, trained, with_base

from minicnn import Input, Model, Sequential, layers, set_threads
from minicnn.machine import threads

# Joining


def test_a_symbolic_tensor_has_a_shape_and_a_name_and_no_numbers():
    x = layers.Conv2D(4, 3, name="conv")(Input((8, 8, 3)))
    assert (x.shape, x.ndim, x.dtype, x.name) == ((None, 6, 6, 4), 4, np.float32, "conv")
    assert repr(x) == "<Node of Conv2D 'conv': (None, 6, 6, 4)>"
    for use in (
        lambda: np.asarray(x),
        lambda: float(x),
        lambda: x[0],
        lambda: len(x),
        lambda: bool(x),
        lambda: list(x),
    ):
        with pytest.raises(
            TypeError, match="is symbolic and has no numbers: call layers on it, such as Add"
        ):
            use()


def test_a_chain_is_the_sequential_of_its_layers_bit_for_bit():
    def stack():
        return [
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]

    x = inputs = Input((8, 8, 3))
    for layer in stack():
        x = layer(x)
    one, two = Model(inputs, x, seed=4), Sequential([Input((8, 8, 3)), *stack()], seed=4)
    for model in (one, two):
        model.compile("adam", "sparse_categorical_crossentropy")
        trained(model)
    equal(one.get_weights(), two.get_weights())
    equal([one.predict(X)], [two.predict(X)])
    assert [layer.name for layer in one.layers] == [
        "input_layer",
        *(layer.name for layer in two.layers),
    ]


def test_names_are_given_in_the_order_in_which_layers_were_made_and_explicit_ones_win():
    inputs = Input((4,))
    first, second, third = layers.Dense(3), layers.Dense(3, name="dense"), layers.Dense(3)
    model = Model(inputs, third(second(first(inputs))))
    assert [layer.name for layer in model.layers] == ["input_layer", "dense_1", "dense", "dense_2"]
    with pytest.raises(ValueError, match="names must be unique in a model"):
        Model(inputs, layers.Dense(2, name="twice")(layers.Dense(2, name="twice")(inputs)))


def test_layers_are_in_keras_order_by_depth_and_not_by_creation():
    """As Keras 3.15 has them: ['input_layer', 'conv2d_1', 'conv2d', 'conv2d_2', 'add', 'flatten',
    'dense'].
    """
    inputs = Input((8, 8, 3))
    short = layers.Conv2D(4, 1)
    long_1, long_2 = layers.Conv2D(4, 3, padding="same"), layers.Conv2D(4, 3, padding="same")
    x = layers.Add()([short(inputs), long_2(long_1(inputs))])
    model = Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    names = ["input_layer", "conv2d_1", "conv2d", "conv2d_2", "add", "flatten", "dense"]
    assert [layer.name for layer in model.layers] == names


def test_layer_input_and_output_and_models_between_them_share_weights():
    model = trained(residual())
    inner = model.get_layer("add").output
    features = Model(model.input, inner)
    rest = Model(inner, model.output)
    np.testing.assert_allclose(rest.predict(features.predict(X)), model.predict(X), rtol=1e-5)
    assert features.get_layer("conv2d") is model.get_layer("conv2d")
    assert model.get_layer("add").input[1] is model.get_layer("conv2d").output
    assert (model.get_layer(index=0).name, model.get_layer(index=-1)) == (
        "input_layer",
        model.layers[-1],
    )
    with pytest.raises(ValueError, match="expected a name or an index, received both"):
        model.get_layer("add", 1)
    with pytest.raises(
        AttributeError, match=r"Dense has no output yet: call it on a symbolic tensor"
    ):
        layers.Dense(2).output  # noqa: B018


def test_sequential_models_have_symbolic_ends_too():
    model = Sequential(
        [Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv"), layers.Flatten(), layers.Dense(2)],
        seed=0,
    )
    both = Model(model.input, [model.get_layer("conv").output, model.output])
    features, outputs = both(X)
    assert features.shape == (12, 6, 6, 4) and np.array_equal(outputs, model(X))
    with pytest.raises(AttributeError, match="has no input yet"):
        Sequential([layers.Dense(2)]).input  # noqa: B018


# Running


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_engine_computes_what_the_layers_say(dtype, tolerance):
    found = []
    for engine in ("fast", "reference"):
        model = residual(dtype=dtype)
        model.engine = engine
        loss, outputs = model.loss_and_gradients(X, Y)
        found.append(
            [np.array(loss), outputs, *(gradient for _, _, gradient in model.parameters())]
        )
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, rtol=tolerance, atol=tolerance)


def test_gradients_of_all_uses_of_a_layer_are_added():
    """y = d(d(x)) for one Dense d without bias: the derivative of W W x by W has two terms."""
    inputs, shared = Input((2,)), layers.Dense(2, use_bias=False)
    model = Model(inputs, shared(shared(inputs)), dtype="float64", seed=0)
    x, dy = np.random.default_rng(0).random((2, 3, 2))
    W = shared.params["kernel"].copy()
    y = model.forward(x, training=True)
    dx = model.backward(dy)
    np.testing.assert_allclose(y, x @ W @ W)
    np.testing.assert_allclose(shared.grads["kernel"], x.T @ (dy @ W.T) + (x @ W).T @ dy)
    np.testing.assert_allclose(dx, dy @ W.T @ W.T)


def test_one_stateless_layer_may_stand_between_all_others_whatever_their_shapes():
    inputs, relu, flat = Input((8, 8, 3)), layers.ReLU(), layers.Flatten()
    x = relu(layers.Conv2D(4, 3)(inputs))
    x = relu(layers.Conv2D(2, 3)(x))
    x = relu(layers.Dense(5)(flat(x)))
    model = Model(inputs, layers.Dense(3, activation="softmax")(x), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert trained(model).predict(X).shape == (12, 3)
    with pytest.raises(
        ValueError, match=r"Dense.* has weights for samples of \(4,\), received samples of \(5,\)"
    ):
        dense = layers.Dense(3)
        dense(Input((4,)))
        dense(Input((5,)))


def test_a_model_may_be_called_on_arrays():
    model = trained(residual())
    assert np.array_equal(model(X), model.predict(X))
    assert not np.array_equal(model(X, training=True), model(X, training=True))  # dropout


def test_backward_ends_where_nothing_below_trains():
    model = residual()
    model.freeze()
    model.get_layer("dense").trainable = True
    execution = model.execution_for(X)
    wanted = execution.wanted(to_input=False)
    assert sum(wanted) == 1  # the last value alone
    before = model.get_weights()
    trained(model)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False] * (len(before) - 2) + [True, True]


# The same numbers


def test_the_same_seed_gives_the_same_bits_for_any_number_of_threads():
    before = threads.used()
    found = []
    try:
        for count in range(1, threads.state()["available"] + 1):
            set_threads(count)
            found.append(trained(residual(seed=7)).get_weights())
    finally:
        set_threads(before)
    for other in [*found[1:], trained(residual(seed=7)).get_weights()]:
        equal(found[0], other)
    assert not np.array_equal(residual(seed=8).get_weights()[0], residual(seed=7).get_weights()[0])


def test_weights_of_a_call_are_drawn_again_by_the_models_seed_unless_they_were_set_or_shared():
    inputs, dense = Input((4,)), layers.Dense(3)
    outputs = dense(inputs)
    first = Model(inputs, outputs, seed=1)
    weights = first.get_weights()
    equal(Model(inputs, outputs, seed=2).get_weights(), weights)  # which is shared
    own = layers.Dense(3)
    x = own(inputs)
    own.set_weights([np.ones((4, 3)), np.zeros(3)])
    assert (Model(inputs, x, seed=1).get_weights()[0] == 1).all()


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_are_networks_of_their_own(way):
    model, _ = with_base()
    trained(model)
    twin = way(model)
    equal([twin.predict(X)], [model.predict(X)])
    equal(trained(twin).get_weights(), trained(model).get_weights())
    assert twin.get_layer("sequential") is not model.get_layer("sequential")
    assert twin.get_layer("dense").output.layer is twin.get_layer("dense")
    assert twin.get_layer("flatten").input.layer is twin.get_layer("sequential")


def test_a_network_of_a_thousand_layers_is_joined_copied_and_run():
    x = inputs = Input((3,))
    for _ in range(1000):
        x = layers.ReLU()(x)
    model = Model(inputs, x)
    assert copy.deepcopy(model)(np.ones((1, 3))).sum() == 3
