"""The Doctor finds illnesses of losses, and changes nothing around it."""

import json
import signal

import numpy as np
import pytest
from doctor_cases import deep, network, only, pictures, train

from minicnn import Input, Sequential, optimizers
from minicnn.callbacks import Callback
from minicnn.layers import BatchNormalization, Dense, Flatten
from minicnn.training.callbacks.doctor import Doctor
from minicnn.training.callbacks.validated import judge, worse

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
