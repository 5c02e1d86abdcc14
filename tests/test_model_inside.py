"""Models inside models, and models of several inputs and outputs."""

import numpy as np
import pytest
from model_cases import X, Y, equal, trained, with_base

from minicnn import Input, Model, Sequential, layers

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
