"""Networks with branches: how they are joined, named, ordered, run and trained, and what is said of
wrong ones.
"""

import copy
import pickle

import numpy as np
import pytest

from minicnn import Input, Model, Sequential, layers, set_threads
from minicnn.machine import threads
from minicnn.network.executor import Execution

X = np.random.default_rng(0).random((12, 8, 8, 3))
Y = np.arange(12) % 3


def residual(seed=0, dtype="float32", dropout=0.5):
    """Two blocks with shortcuts around them; the second shares its convolution with itself."""
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same", use_bias=False)(x))
    x = layers.Activation("relu")(layers.add([y, x]))
    shared = layers.Conv2D(8, 3, padding="same")
    x = layers.Add()([shared(shared(x)), x])
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    model = Model(inputs, layers.Dense(3, activation="softmax")(x), seed=seed, dtype=dtype)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def trained(model, **options):
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0, **options)
    return model


def equal(one, two):
    assert len(one) == len(two) and all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


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


# Models inside models


def test_a_sequential_inside_a_sequential_is_one_layer_of_it():
    augment = Sequential([layers.RandomFlip("horizontal"), layers.Rescaling(1 / 2)])
    model = Sequential(
        [Input((8, 8, 3)), augment, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)], seed=0
    )
    assert [layer.name for layer in model.layers] == ["sequential", "conv2d", "flatten", "dense"]
    assert list(model.leaves)[:2] == ["sequential/random_flip", "sequential/rescaling"]
    assert (
        model.get_layer("sequential") is augment
        and augment.get_layer("rescaling") is model.leaves["sequential/rescaling"]
    )
    flat = [
        layers.RandomFlip("horizontal"),
        layers.Rescaling(1 / 2),
        layers.Conv2D(4, 3),
        layers.Flatten(),
    ]
    written_out = Sequential([Input((8, 8, 3)), *flat, layers.Dense(3)], seed=0)
    equal([model(X), model(X, training=True)], [written_out(X), written_out(X, training=True)])
    equal(model.get_weights(), written_out.get_weights())


def test_two_models_without_names_inside_one_are_told_apart():
    inputs = Input((4,))
    parts = [
        Sequential([layers.Dense(3)]),
        Sequential([layers.Dense(3)]),
        Sequential([layers.Dense(3)], name="head"),
    ]
    x = inputs
    for part in parts:
        x = part(x)
    model = Model(inputs, x, seed=0)
    assert [layer.name for layer in model.layers] == [
        "input_layer",
        "sequential",
        "sequential_1",
        "head",
    ]
    assert [name for name, _, _ in model.parameters()][::2] == [
        "sequential/dense/kernel", "sequential_1/dense/kernel", "head/dense/kernel",
    ]  # fmt: skip


def test_trainable_is_handed_down():
    base = Sequential([Input((4,)), layers.Dense(3), layers.Dense(3)])
    model = Sequential([base, layers.Dense(2)])
    base.trainable = False
    assert [name for name, _, _ in model.parameters()] == ["dense/kernel", "dense/bias"]
    model.trainable = True
    assert base.trainable and all(layer.trainable for layer in base.layers)


def with_base(**call):
    """A base with normalisation and dropout inside a model that calls it so."""
    base = Sequential(
        [
            Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.5),
        ],
        seed=1,
    )
    inputs = Input((8, 8, 3))
    x = layers.Flatten()(base(inputs, **call))
    model = Model(inputs, layers.Dense(3, activation="softmax")(x), seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, base


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_a_base_that_is_called_with_training_false_stays_in_inference(engine):
    """Keras' guide to fine-tuning: averages stand still, dropout does nothing, weights train all
    the same.
    """
    model, base = with_base(training=False)
    model.engine = engine
    before, averages = base.get_weights(), base.layers[1].state["moving_mean"].copy()
    assert np.array_equal(model(X, training=True), model(X))
    trained(model)
    assert np.array_equal(base.layers[1].state["moving_mean"], averages)
    assert not np.array_equal(base.layers[0].params["kernel"], before[0])
    assert not np.array_equal(base.layers[1].params["gamma"], before[2])
    free, base = with_base()
    trained(free)
    assert base.layers[1].state["moving_mean"].any()


def test_dropout_that_is_called_with_training_true_acts_in_inference_too():
    inputs = Input((4,))
    model = Model(inputs, layers.Dropout(0.5)(inputs, training=True))
    x = np.ones((50, 4))
    assert set(np.unique(model(x))) == {0, 2} and not np.array_equal(model(x), model(x))


def test_a_model_of_two_outputs_inside_another():
    inputs = Input((4,))
    two = Model(inputs, [layers.Dense(3)(inputs), layers.Dense(3)(inputs)], name="two")
    outer = Input((4,))
    a, b = two(outer)
    model = Model(outer, layers.Subtract()([a, b]), seed=0)
    x = X[:, 0, 0, :1].repeat(4, axis=1)
    one, other = two(x)
    np.testing.assert_allclose(model(x), one - other, atol=1e-6)


# Several inputs and outputs


def two_inputs():
    left, right = Input((8, 8, 3), name="left"), Input((5,), name="right")
    x = layers.concatenate(
        [layers.Flatten()(layers.Conv2D(2, 3)(left)), layers.Dense(4, activation="relu")(right)]
    )
    model = Model([left, right], layers.Dense(3, activation="softmax")(x), seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


RIGHT = np.random.default_rng(1).random((12, 5))


class Batches:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        part = slice(4 * index, 4 * index + 4)
        return (X[part], RIGHT[part]), Y[part]


def test_several_inputs_are_a_list_or_a_dict_everywhere():
    model, same = two_inputs(), two_inputs()
    history = model.fit(
        [X, RIGHT], Y, batch_size=5, epochs=2, validation_data=([X, RIGHT], Y), verbose=0
    )
    same.fit({"right": RIGHT, "left": X}, Y, batch_size=5, epochs=2, validation_split=0, verbose=0)
    equal(model.get_weights(), same.get_weights())
    assert history.history["val_loss"][-1] == model.evaluate([X, RIGHT], Y, verbose=0)[0]
    outputs = model.predict({"left": X, "right": RIGHT}, batch_size=5)
    np.testing.assert_allclose(outputs, model([X, RIGHT]), rtol=1e-6)
    np.testing.assert_allclose(model.predict(Batches()), outputs, rtol=1e-6)
    np.testing.assert_allclose(
        model.evaluate(Batches(), verbose=0), model.evaluate([X, RIGHT], Y, verbose=0), rtol=1e-6
    )
    model.fit(Batches(), verbose=0)
    assert model.train_on_batch([X, RIGHT], Y, return_dict=True).keys() == {"loss", "accuracy"}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            X,
            r"Model 'functional' expected an array for each of its inputs left, right, received "
            r"one",
        ),
        ([X], r"inputs left, right, received 1$"),
        ({"left": X}, r"inputs left, right, received left$"),
        ([RIGHT, X], r"expected for 'left' \(N, 8, 8, 3\), N = 12, received \(12, 5\)"),
        ([X, RIGHT[:3]], r"expected for 'right' \(N, 5\), N = 12, received \(3, 5\)"),
    ],
)
def test_what_is_no_array_for_each_input(x, message):
    for use in (two_inputs().predict, two_inputs(), lambda x: two_inputs().fit(x, Y)):
        with pytest.raises(ValueError, match=message):
            use(x)


def test_outputs_have_the_form_in_which_the_model_was_given_them():
    inputs = Input((4,))
    a, b = layers.Dense(2)(inputs), layers.Dense(3)(inputs)
    x = np.ones((5, 4))
    named = Model(inputs, {"a": a, "b": b})
    named.note_weights()
    assert {key: value.shape for key, value in named.predict(x, batch_size=2).items()} == {
        "a": (5, 2),
        "b": (5, 3),
    }
    assert [value.shape for value in Model(inputs, (a, b))(x)] == [(5, 2), (5, 3)]
    assert Model(inputs, [a]).predict(x).shape == (5, 2)  # as in Keras
    assert (named.output_shape, Model(inputs, a).output_shape) == (
        [(None, 2), (None, 3)],
        (None, 2),
    )
    named.compile("sgd", "sparse_categorical_crossentropy")
    for use in (named.fit, named.evaluate):
        with pytest.raises(
            ValueError, match="has 2 outputs, which can be predicted: training, measures and"
        ):
            use(x, np.zeros(5, int))


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


# What is said


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda _, x: Model(Input((3,)), x),
            ValueError,
            r"depend on its inputs .* alone, received one that also needs <No",
        ),
        (
            lambda i, _: Model(i, X),
            TypeError,
            r"expected symbolic outputs, such as Input\(\(32, 32, 3\)\) and layers called",
        ),
        (
            lambda _, x: Model([], x),
            ValueError,
            "expected at least one of its inputs, received none",
        ),
        (lambda i, x: Model([i, i], x), ValueError, "expected different inputs, received"),
        (lambda i, _: Model(i), TypeError, "outputs"),
        (
            lambda _, x: layers.Dense(2)([x, x]),
            TypeError,
            "Dense expected one tensor, received 2: join them by Concat",
        ),
        (
            lambda _, x: layers.Add()([x, X]),
            TypeError,
            "expected symbolic tensors alone, received array",
        ),
        (
            lambda _, x: layers.Add()(x),
            TypeError,
            "Add expected a list of tensors, received <Node of Dense",
        ),
        (
            lambda i, x: layers.Add()([i, x]),
            ValueError,
            r"Add expected inputs whose axes, .* received",
        ),
        (
            lambda _, __: layers.Concatenate()([Input((2, 2, 1)), Input((3, 2, 1))]),
            ValueError,
            "Concatenate expected",
        ),
        (
            lambda i, x: Model(i, x)(Input((7,))),
            ValueError,
            r"Model 'functional' expected \(None, 4\), received \(None, 7",
        ),
        (
            lambda i, x: Model(i, x).build((None, 7)),
            ValueError,
            r"is built for \(None, 4\), received \(None, 7\)",
        ),
        (
            lambda i, x: Sequential([i, x]),
            TypeError,
            "Sequential 'sequential' expected a layer, received <Node of Dense",
        ),
        (
            lambda *_: layers.Dense(2)("x"),
            TypeError,
            r"Dense expected an array \(N, ...\) of numbers or a symbolic ten",
        ),
        (
            lambda i, x: Model(i, x, nane="a"),
            TypeError,
            "Model has no argument 'nane'. Did you mean 'name'?",
        ),
    ],
)
def test_what_cannot_be_joined(make, error, message):
    inputs = Input((4,))
    with pytest.raises(error, match=message) as raised:
        make(inputs, layers.Dense(3)(inputs))
    print(raised.value)


def test_a_call_of_ones_own_cannot_be_differentiated():
    with pytest.raises(
        TypeError,
        match=r"Mine defines call\(\), which cannot be differentiated: minicnn has no autograd",
    ):

        class Mine(Model):
            def call(self, x):
                return x


def test_a_plan_is_made_anew_when_a_layer_inside_a_model_inside_is_built_again():
    model, base = with_base()
    before = model.execution_for(X)
    assert model.execution_for(X) is before and isinstance(before, Execution)
    base.layers[0].build((8, 8, 3), np.random.default_rng(5))
    assert model.execution_for(X) is not before
