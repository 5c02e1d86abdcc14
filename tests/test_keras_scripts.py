"""What scripts for Keras write of inputs, optimizers, tables and sources of batches."""

import copy
import json
import pickle

import numpy as np
import pytest

import minicnn as keras
from minicnn import layers, optimizers, schedules


def test_an_input_layer_begins_a_stack():
    for first in (
        layers.InputLayer(input_shape=(8, 8, 3)),
        layers.InputLayer(shape=(8, 8, 3)),
        layers.InputLayer((8, 8, 3), name="pictures"),
    ):
        model = keras.Sequential([first, layers.Conv2D(2, 3)])
        assert model.input_shape == (None, 8, 8, 3) and model.output_shape == (None, 6, 6, 2)
        assert first.get_config() == {"shape": (8, 8, 3), "name": first.name}
        assert len(keras.Sequential.from_config(model.get_config()).layers) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {},
            r"InputLayer expected the shape of one sample, such as shape=\(32, 32, 3\), received ",
        ),
        (
            {"shape": (3,), "input_shape": (4,)},
            r"received shape=\(3,\), input_shape=\(4,\)$",
        ),
        ({"input_shape": "ab"}, "InputLayer expected"),
    ],
)
def test_an_input_layer_without_one_shape(options, message):
    with pytest.raises(ValueError, match=message) as caught:
        layers.InputLayer(**options)
    print(caught.value)


def test_layers_by_their_long_names():
    assert layers.Convolution2D is layers.Conv2D
    assert layers.Convolution2DTranspose is layers.Conv2DTranspose
    assert layers.SeparableConvolution2D is layers.SeparableConv2D


def test_a_learning_rate_is_assigned_in_both_ways():
    optimizer = optimizers.Adam(0.01)
    optimizer.learning_rate.assign(0.5)
    assert optimizer.learning_rate == 0.5 and repr(optimizer.learning_rate) == "0.5"
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate.numpy() == np.float32(0.25)
    assert float(optimizer.learning_rate) * 2 == 0.5
    with pytest.raises(ValueError, match="Adam expected learning_rate"):
        optimizer.learning_rate.assign(-1)
    optimizer.learning_rate.assign(schedules.ExponentialDecay(0.1, 10, 0.5))
    assert optimizer.learning_rate == 0.1 and optimizer.schedule is not None


def test_copies_of_a_learning_rate_are_plain_numbers():
    rate = optimizers.SGD(0.5).learning_rate
    for twin in (copy.copy(rate), copy.deepcopy(rate), pickle.loads(pickle.dumps(rate)), rate / 1):
        assert type(twin) is float and twin == 0.5
    assert json.dumps({"rate": rate}) == '{"rate": 0.5}'
    for product in (np.ones(2, np.float32) * rate, rate * np.ones(2, np.float32)):
        assert product.dtype == np.float32 and product.tolist() == [0.5, 0.5]
    array = np.ones(2, np.float32)
    array -= rate * array
    assert array.tolist() == [0.5, 0.5] and np.sqrt(rate) == np.sqrt(0.5)
    assert optimizers.SGD(0.5).get_config()["learning_rate"] is not rate


def test_what_is_logged_of_a_schedule_is_a_plain_number():
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2)], seed=0)
    model.compile(optimizers.SGD(schedules.ExponentialDecay(0.1, 1, 0.5)), "mse")
    history = model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0).history
    assert [type(rate) for rate in history["learning_rate"]] == [float]


def frozen():
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    model.layers[0].trainable = False
    return model


def printed(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    return [[cell for cell in line.split("  ") if cell] for line in "\n".join(lines).splitlines()]


def test_the_table_shows_what_trains():
    """As printed by Keras 3.15, which cuts the heading to "Trai…"."""
    rows = [[cell.strip() for cell in row] for row in printed(frozen(), show_trainable=True)]
    assert rows[2] == ["Layer (type)", "Output Shape", "Param #", "Trainable"]
    assert rows[4:8] == [
        ["conv2d (Conv2D)", "(None, 6, 6, 4)", "112", "N"],
        ["batch_normalization (BatchNormalization)", "(None, 6, 6, 4)", "16", "Y"],
        ["flatten (Flatten)", "(None, 144)", "0", "-"],
        ["dense (Dense)", "(None, 2)", "290", "Y"],
    ]
    assert rows[9:12] == [
        ["Total params: 418"],
        ["Trainable params: 298"],
        ["Non-trainable params: 120"],
    ]


def test_the_table_shows_what_trains_inside_and_beside_connections():
    inputs, base = keras.Input((8, 8, 3)), frozen()
    base.trainable = False
    y = layers.Dense(2, name="head")(base(inputs))
    model = keras.Model(inputs, layers.Add()([y, y]))
    rows = printed(model, show_trainable=True, expand_nested=True, flops=True)
    letters = {row[0].split(" (")[0].strip("└ "): row[-2].strip() for row in rows[4:-5]}
    assert letters == {
        **{"input_layer": "-", "sequential": "N", "conv2d": "N", "batch_normalization": "N"},
        **{"flatten": "-", "dense": "N", "head": "Y", "add": "-"},
    }


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.ones((2, 3), np.float32), np.ones((2, 2), np.float32)


def test_arguments_come_in_the_order_of_keras():
    """Where Keras 3 has them: predict(x, batch_size, verbose, steps)."""
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2)], seed=0)
    model.compile("sgd", "mse")
    model.set_weights([np.ones((3, 2)), np.zeros(2)])
    assert model.predict(Batches(), None, 0, 2).shape == (4, 2)
    assert model.predict(np.ones((6, 3)), 2, 0, 1).shape == (2, 2)
    with pytest.warns(UserWarning, match="predict leaves batch_size=2 out of account, .* steps=n$"):
        assert model.predict(Batches(), 2).shape == (6, 2)
    assert model.evaluate(Batches(), None, None, 0, None, 2) == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda model: model.evaluate(Batches(), batch_size=2),
            r"evaluate expected no batch_size .* For its first n batches write steps=n$",
        ),
        (
            lambda model: model.fit(Batches(), batch_size=2),
            r"fit expected no batch_size .* For n batches an epoch write steps_per_epoch=n$",
        ),
    ],
)
def test_a_number_that_once_was_steps(ask, message):
    model = keras.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message) as caught:
        ask(model)
    print(caught.value)
