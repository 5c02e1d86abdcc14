"""The Doctor finds each illness of units, gradients and learning rates in a training that has it,
and says nothing of a healthy one.
"""

import numpy as np
import pytest
from doctor_cases import both_engines, deep, network, only, pictures, train

from minicnn import Input, Sequential, layers, optimizers
from minicnn.callbacks import LambdaCallback, LearningRateScheduler
from minicnn.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten
from minicnn.training.callbacks.doctor import LOOKS, PICTURES, Doctor
from minicnn.training.callbacks.vitals import Vitals, kernels

# Healthy


@both_engines
def test_a_healthy_training_has_no_finding(engine, capsys):
    model, doctor = network(Dropout(0.3), engine=engine), Doctor()
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(
        *pictures(), epochs=6, verbose=0, callbacks=doctor, validation_data=pictures(100, seed=1)
    )
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0], "it has learnt"
    assert doctor.findings == []
    assert capsys.readouterr().out == f"Doctor: {doctor.to_text()}\n"
    assert doctor.to_text() == "nothing found: gradients, updates and loss look healthy"


@both_engines
def test_a_training_is_bitwise_the_same_with_a_doctor(engine):
    weights = []
    for callbacks in ([], [Doctor(verbose=0)]):
        model = network(Dropout(0.3), engine=engine)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(*pictures(), epochs=2, verbose=0, callbacks=callbacks)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("count, looks", [(32 * 100, LOOKS), (32 * 19, 19), (32 * 3, 3)])
def test_some_batches_of_an_epoch_are_looked_at(count, looks, monkeypatch):
    seen = []
    monkeypatch.setattr(
        Vitals, "look", lambda _vitals, _layers, before, size: seen.append((set(before), size))
    )
    model = Sequential([Input((12, 12, 1)), Flatten(), Dense(2, activation="softmax")], seed=0)
    train(model, epochs=1, data=pictures(count))
    assert seen == [({"dense"}, 32)] * looks


# Dead units


@both_engines
def test_units_without_a_gradient_are_those_that_no_picture_makes_active(engine):
    """In a layer with an activation of its own, before one, before a normalisation before one."""
    stack = [
        Conv2D(8, 3, activation="relu"),
        Conv2D(8, 3),
        BatchNormalization(),
        Activation("relu"),
        Flatten(),
    ]
    stack += [
        Dense(16),
        layers.ReLU(),
        Dense(16, activation="relu"),
        Dense(16, activation="relu", use_bias=False),
    ]
    model = Sequential([Input((12, 12, 1)), *stack, Dense(2, activation="softmax")], seed=0)
    model.engine = engine
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    for layer in model.layers:
        shift = layer.params.get("beta" if isinstance(layer, BatchNormalization) else "bias")
        if shift is not None and len(shift) > 2:
            shift[...] = rng.choice([-100.0, 0.0, 0.1], len(shift))
    model.get_layer("dense_2").params["kernel"][:, ::4] = -1
    vitals, (x, y) = Vitals(), pictures(32)
    model.loss_and_gradients(x, y)
    vitals.look(model.leaves, kernels(model.leaves), 32)
    active = {}
    for layer in model.layers:
        x = layer.forward(x, training=True)
        active[layer.name] = (x > 0).any(axis=tuple(range(x.ndim - 1)))
    expected = {
        "conv2d": "conv2d",
        "conv2d_1": "activation",
        "dense": "re_lu",
        "dense_1": "dense_1",
        "dense_2": "dense_2",
    }
    for name, activation in expected.items():
        assert 0 < active[activation].sum() < len(active[activation])
        np.testing.assert_array_equal(vitals.alive[name], active[activation], name)


@both_engines
def test_dead_units(engine):
    model = network(Dense(16, activation="relu"), engine=engine)
    model.get_layer("dense").params["bias"][:6] = -100
    finding = only(train(model), "dead units")
    assert (finding.layer, finding.value, finding.epoch) == ("dense", 6 / 16, 1)
    assert str(finding).startswith(
        f"dead units: 6 of 16 units of 'dense': not active in any of {320} pictures"
    )
    assert (
        "Lower the learning rate, now 0.001, add BatchNormalization, or use LeakyReLU"
        in finding.message
    )


def test_a_few_dead_units_are_no_finding():
    model = network(Dense(16, activation="relu"))
    model.get_layer("dense").params["bias"][:3] = -100
    assert train(model).findings == []


def test_layers_below_one_that_is_all_dead_are_not_blamed():
    model = network(Dense(16, activation="relu"))
    model.get_layer("dense").params["bias"][...] = -100
    finding = only(train(model), "dead units")
    assert finding.layer == "dense" and finding.value == 1 and "conv2d" not in finding.message


def test_units_are_judged_when_enough_pictures_have_been_seen():
    model = network(Dense(16, activation="relu"))
    model.get_layer("dense").params["bias"][...] = -100
    finding = only(train(model, data=pictures(PICTURES // 2 - 1), epochs=3), "dead units")
    assert finding.epoch == 3 and f"any of {3 * (PICTURES // 2 - 1)} pictures" in finding.message


# Gradients


@both_engines
def test_exploding_gradients(engine):
    model, rate = deep(gain=4.0), optimizers.SGD(1e-9)
    model.engine = engine
    finding = only(train(model, rate, data=pictures(32), epochs=1), "exploding gradients")
    grads = model.get_layer(finding.layer).grads.values()
    assert finding.value == pytest.approx(
        np.sqrt(sum((grad.astype(float) ** 2).sum() for grad in grads)), rel=1e-5
    )
    assert (
        f"the gradient of {finding.layer!r} has a norm of up to {finding.value:.3g}"
        in finding.message
    )
    assert "Rescaling(1 / 255)" in finding.message and "global_clipnorm=1.0" in finding.message


def test_vanishing_gradients():
    finding = only(train(deep(gain=0.2)), "vanishing gradients")
    assert finding.value < 1e-4 and finding.layer in ("dense", "dense_1", "dense_2")
    assert f"the gradient of {finding.layer!r} is {finding.value:.1e} of that of" in finding.message
    assert "kernel_initializer='he_normal'" in finding.message
    assert not [
        finding for finding in train(deep(gain=1.5)).findings if "gradients" in finding.kind
    ]


# Learning rates


@pytest.mark.parametrize("optimizer", [optimizers.Adam(0.3), optimizers.SGD(3.0)])
def test_learning_rate_too_high(optimizer):
    finding = only(train(deep(gain=1.0), optimizer), "learning rate too high")
    rate = optimizer.learning_rate
    assert finding.epoch == 1 and finding.value > 0.1
    assert (
        f"the learning rate {rate:.3g} changes the kernel of {finding.layer!r}, in one step, by up "
        "to" in str(finding)
    )
    assert f"Try {rate / 10:.3g}, or what model.lr_find(x, y) suggests" in finding.message


def test_loss_that_rises_again():
    """The labels change sides when the loss has fallen: whatever the rounding, it rises then, and
    by small updates.
    """
    x, y = pictures()

    def turn(epoch, _logs=None):
        if epoch == 4:
            y[...] = 1 - y

    finding = only(
        train(network(), epochs=6, data=(x, y), callbacks=[LambdaCallback(on_epoch_begin=turn)]),
        "learning rate too high",
    )
    assert finding.epoch >= 5 and finding.layer is None
    assert "the training loss has risen from" in finding.message and "Try 0.0001" in finding.message


def test_large_updates_with_a_loss_that_falls_are_no_finding():
    model = network()
    model.get_layer("last").params["kernel"] *= (
        0.01  # so that the first step is half as large as the kernel
    )
    assert train(model, data=pictures(960)).findings == []


def test_learning_rate_too_low():
    finding = only(train(network(), optimizers.SGD(1e-6)), "learning rate too low")
    assert finding.epoch == 2 and 0 < finding.value < 1e-4
    assert (
        f"the learning rate 1e-06 changes even the kernel of {finding.layer!r}" in finding.message
    )
    assert "Try 1e-05, or what model.lr_find(x, y) suggests" in finding.message


@pytest.mark.parametrize("epochs", [4, 5])
def test_learning_rate_that_was_lowered_is_not_too_low(epochs):
    schedule = LearningRateScheduler(lambda epoch, _rate: 1e-4 if epoch < 1 else 1e-9)
    kinds = [
        finding.kind for finding in train(network(), epochs=epochs, callbacks=[schedule]).findings
    ]
    assert "learning rate too low" not in kinds
