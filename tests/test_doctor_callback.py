"""The Doctor finds each illness in a training that has it, says nothing of a healthy one, and
changes nothing.
"""

import json
import signal

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, optimizers
from minicnn.callbacks import Callback, LambdaCallback, LearningRateScheduler
from minicnn.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from minicnn.training.callbacks.doctor import LOOKS, PICTURES, Doctor
from minicnn.training.callbacks.validated import judge, worse
from minicnn.training.callbacks.vitals import Vitals, kernels

both_engines = pytest.mark.parametrize("engine", ["fast", "reference"])


def pictures(count=320, seed=0):
    """Noise with a bright bar, upright or lying: (x, y)."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 0.4, (count, 12, 12, 1)).astype(np.float32), rng.integers(0, 2, count)
    for one, label, place in zip(x, y, rng.integers(0, 12, count), strict=True):
        (one[:, place] if label else one[place])[...] += 0.6
    return x, y


def network(*head, engine="fast", warmup=True, **options):
    """Two convolutions and a dense layer with normalisation, as the documented network has them."""
    stack = [Conv2D(8, 3, activation="relu"), BatchNormalization(warmup=warmup), MaxPooling2D()]
    stack += [Conv2D(8, 3, activation="relu"), BatchNormalization(warmup=warmup), Flatten(), *head]
    model = Sequential(
        [Input((12, 12, 1)), *stack, Dense(2, activation="softmax", name="last")], seed=0, **options
    )
    model.engine = engine
    return model


def deep(gain):
    """Eight dense layers without normalisation, their initial weights multiplied by `gain`."""
    hidden = [Dense(16, activation="relu") for _ in range(8)]
    model = Sequential(
        [Input((12, 12, 1)), Flatten(), *hidden, Dense(2, activation="softmax")], seed=0
    )
    for layer in model.layers[1:-1]:
        layer.params["kernel"] *= gain
    return model


def train(model, optimizer=None, epochs=3, data=None, **options):
    """The doctor of a silent training."""
    doctor = Doctor(verbose=0)
    model.compile(optimizer or optimizers.Adam(), "sparse_categorical_crossentropy")
    callbacks = [doctor, *options.pop("callbacks", [])]
    model.fit(
        *(data or pictures()),
        batch_size=32,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
        **options,
    )
    return doctor


def only(doctor, kind):
    """The doctor's finding of that kind; there must be one, and no other twice."""
    kinds = [finding.kind for finding in doctor.findings]
    assert len(set(kinds)) == len(kinds), kinds
    (finding,) = [finding for finding in doctor.findings if finding.kind == kind]
    return finding


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


# Losses


def test_loss_not_falling():
    """Pictures that all look alike have nothing to learn from."""
    _, y = pictures(64)
    finding = only(
        train(network(), data=(np.full((64, 12, 12, 1), 0.5), y), epochs=4), "loss not falling"
    )
    assert finding.epoch >= 3 and finding.value == pytest.approx(np.log(2), rel=0.1)
    assert (
        "guessing gives 0.6931" in finding.message
        and "learn 50 pictures by heart" in finding.message
    )


def test_loss_not_finite():
    with pytest.warns(UserWarning, match="the loss is"):
        doctor = train(deep(gain=4.0), optimizers.SGD(1e9))
    finding = only(doctor, "loss not finite")
    assert finding.value is None and finding.epoch == 1
    assert (
        "at epoch 1, batch " in finding.message
        and "Try a learning rate below 1e+09" in finding.message
    )


def test_overfitting():
    """A few pictures full of noise, some a little brighter: that is learnt first, and then each of
    them by heart.
    """
    rng = np.random.default_rng(0)
    labels = [np.arange(count) % 2 for count in (60, 300)]
    data, held_out = [
        (rng.standard_normal((len(y), 12, 12, 1)) + 0.3 * y[:, None, None, None], y) for y in labels
    ]
    model = Sequential(
        [Input((12, 12, 1)), Flatten(), Dense(32, "relu"), Dense(2, "softmax")], seed=0
    )
    doctor = train(model, optimizers.Adam(1e-2), epochs=30, data=data, validation_data=held_out)
    finding = only(doctor, "overfitting")
    assert finding.value > 1.1 and finding.layer is None
    assert "the validation loss has risen from" in finding.message
    assert "pictures are learnt by heart" in finding.message


def test_random_labels_are_not_overfitting():
    """What is learnt by heart helps with no other picture, not even at first."""
    rng = np.random.default_rng(0)
    (x, y), held_out = [(rng.random((n, 12, 12, 1)), rng.integers(0, 2, n)) for n in (40, 80)]
    model = Sequential(
        [Input((12, 12, 1)), Flatten(), Dense(32, "relu"), Dense(2, "softmax")], seed=0
    )
    doctor = train(model, optimizers.Adam(5e-3), epochs=20, data=(x, y), validation_data=held_out)
    finding = only(doctor, "nothing carried over")
    assert finding.value > 0.97 and "guessing gives 0.6931" in finding.message
    assert "shuffled apart" in finding.message
    assert "overfitting" not in [finding.kind for finding in doctor.findings]


def test_averages_that_lag_are_not_overfitting():
    with pytest.warns(UserWarning, match="averages that lag"):
        doctor = train(
            network(warmup=False),
            epochs=15,
            data=pictures(160),
            validation_data=pictures(100, seed=1),
        )
    finding = only(doctor, "averages lagging")
    assert finding.value == pytest.approx(0.99 ** (5 * finding.epoch))
    assert (
        f"after {5 * finding.epoch} steps" in finding.message and "warmup=True" in finding.message
    )
    assert [finding.kind for finding in doctor.findings] == ["averages lagging"]


GUESSING = float(np.log(6))


def ailment(losses, validation, steps=4, momentum=None):
    found = judge(losses, validation, guessing=GUESSING, steps=steps, momentum=momentum)
    return found and found.kind


def test_a_training_is_compared_with_the_loss_of_the_same_epoch():
    """Validated every second epoch: the best validation, 0.9, was in epoch 2 of 6, whose training
    loss was 0.8.
    """
    assert ailment([1.0, 0.8, 0.5, 0.5, 0.4, 0.79], [0.9, 0.9, 1.1, 1.1, 1.3]) == "overfitting"
    assert ailment([1.0, 0.8, 0.5, 0.5, 0.4, 0.81], [0.9, 0.9, 1.1, 1.1, 1.3]) is None


def test_losses_of_epochs_without_validation_are_those_known():
    doctor = train(network(), epochs=5, validation_data=pictures(20), validation_freq=2)
    losses = doctor.model.history.history["val_loss"]
    assert (
        doctor._validation == [losses[0], losses[0], losses[1], losses[1]]
        and len(doctor._losses) == 5
    )


def test_validations_with_averages_that_lag_are_no_best_ones():
    """Four steps an epoch at momentum 0.5: from epoch 2 on less than a hundredth is left."""
    losses, validation = [1.7, 1.0, 0.6, 0.3, 0.2, 0.1], [0.5, 1.3, 1.2, 1.1, 1.1, 1.1]
    assert (
        ailment(losses, validation) == "overfitting"
        and ailment(losses, validation, momentum=0.5) is None
    )
    assert ailment(losses, validation, momentum=0.99) == "averages lagging"


@pytest.mark.parametrize("training, validation, samples, unit, is_worse", [
    (0.01, 0.30, 30, GUESSING, False),  # 30 pictures: up to 0.51 may be chance
    (0.01, 0.60, 30, GUESSING, True),
    (0.01, 0.30, 10_000, GUESSING, True),
    (-1.00, -0.967, 30, 1, False),  # the photographs: 100 % in training, 96.7 % in validation
    (-1.00, -0.40, 30, 1, True),
    (0.5, 0.4, 30, GUESSING, False),
])  # fmt: skip
def test_what_is_worse(training, validation, samples, unit, is_worse):
    assert worse(training, validation, samples, unit) == is_worse


def test_a_validation_as_accurate_as_the_training_is_no_overfitting():
    """Its loss may rise: the model is too sure of a few."""
    doctor = Doctor(verbose=0)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    doctor.set_model(model)
    doctor.set_params({"steps": 10})
    doctor.on_train_begin()
    doctor.on_test_begin({"size": 100})
    for accuracy, kinds in ((0.97, []), (0.6, ["overfitting"])):
        doctor._losses, doctor._validation = [0.5, 0.3, 0.2, 0.1, 0.05], [0.4, 0.45, 0.5, 0.6, 0.7]
        doctor._judge_validation({"accuracy": 1.0, "val_accuracy": accuracy})
        assert [finding.kind for finding in doctor.findings] == kinds


# Around it


def test_findings_are_printed_once_each(capsys):
    model = network(Dense(16, activation="relu"))
    model.get_layer("dense").params["bias"][...] = -100
    model.compile("adam", "sparse_categorical_crossentropy")
    doctor = Doctor()
    model.fit(*pictures(), epochs=2, verbose=0, callbacks=doctor)
    (finding,) = doctor.findings
    assert capsys.readouterr().out == f"Doctor: {finding}\n"
    assert doctor.to_text() == str(finding)


def test_verbose_0_prints_nothing(capsys):
    assert train(network()).findings == []
    assert capsys.readouterr().out == ""


def test_one_doctor_may_see_several_patients():
    doctor, ill, healthy = Doctor(verbose=0), deep(gain=0.2), network()
    for model in (ill, healthy):
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(*pictures(), epochs=2, verbose=0, callbacks=doctor)
        assert bool(doctor.findings) == (model is ill)


def test_layers_that_do_not_train_are_not_looked_at():
    model = network(Dense(16, activation="relu"))
    model.get_layer("dense").params["bias"][...] = -100
    for layer in model.layers:
        layer.trainable = isinstance(layer, BatchNormalization)
    assert "dead units" not in [finding.kind for finding in train(model, epochs=2).findings]


def test_what_the_doctor_knows_can_be_kept_and_given_back():
    model = network(Dense(16, activation="relu"))
    model.get_layer("dense").params["bias"][...] = -100
    doctor = train(model, validation_data=pictures(20), epochs=2)
    doctor.on_epoch_begin(2)
    doctor.on_batch_begin(0)
    doctor.on_batch_end(0, {"loss": 1.0, "size": 32})
    state = doctor.get_state()
    json.dumps(state, default=np.ndarray.tolist)  # nothing in it but numbers, text and arrays
    other = Doctor(verbose=0)
    other.set_state(state)
    assert other.findings == doctor.findings and other.findings[0].kind == "dead units"
    np.testing.assert_equal(other.get_state(), state)
    assert state["vitals"]["pictures"] == 32


class Interrupt(Callback):
    """Presses Ctrl-C in the third epoch, after its fourth batch."""

    def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
        self.epoch = epoch

    def on_batch_end(self, batch, logs=None):  # noqa: ARG002
        if (self.epoch, batch) == (2, 3):
            signal.raise_signal(signal.SIGINT)


def test_a_resumed_training_is_judged_like_one_that_never_stopped(tmp_path):
    def run(*others, **options):
        model, doctor = network(Dense(16, activation="relu")), Doctor(verbose=0)
        model.get_layer("dense").params["bias"][:8] = -100
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(
            *pictures(40), batch_size=8, epochs=8, verbose=0, callbacks=[doctor, *others], **options
        )
        return doctor, history.interrupted

    whole, _ = run()
    stopped, interrupted = run(Interrupt(), resume=tmp_path)
    assert interrupted and stopped.findings == [], "256 pictures had not been seen"
    resumed, _ = run(resume=tmp_path)
    assert resumed.findings == whole.findings and len(whole.findings) == 1
    np.testing.assert_equal(resumed.get_state(), whole.get_state())
