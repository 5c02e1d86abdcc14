"""fit, evaluate, predict and train_on_batch: what happens around the batches, and what a script of
Keras' gets.
"""

import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from programs import PATIENCE

import minicnn
import minicnn as keras
from minicnn import Input, Sequential, layers, metrics, optimizers
from minicnn.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from minicnn.layers.base import Layer
from minicnn.losses.categorical_crossentropy import cross_entropy
from minicnn.training import checks

CLASSES = 3


def linear(learning_rate: float = 0.1, metrics: Sequence = ("accuracy",), **options) -> Sequential:
    """One softmax layer over four numbers, trained by plain gradient descent: everything can be
    computed by hand.
    """
    model = Sequential(
        [Input((4,)), layers.Dense(CLASSES, activation="softmax")], **{"seed": 0} | options
    )
    model.compile(optimizers.SGD(learning_rate), "sparse_categorical_crossentropy", metrics)
    return model


def linear_data(n: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 4)).astype(np.float32), np.arange(n) % CLASSES


def easy_pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """uint8 pictures (n, 8, 8, 1) of noise with one bright quarter, whose place is the class, and
    labels (n, 1).
    """
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 120, (n, 8, 8, 1)), rng.integers(0, 4, n)
    for picture, label in zip(x, y, strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        picture[row : row + 4, column : column + 4] += 100
    return x.astype(np.uint8), y[:, None].astype(np.uint8)


def bits(model: Sequential) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


class Recorder(Layer):
    """A first layer that changes nothing and notes the batches it sees in training, and those in
    inference.
    """

    def __init__(self):
        super().__init__()
        self.trained: list[np.ndarray] = []
        self.asked: list[np.ndarray] = []

    def forward(self, x, *, training=False):
        x = self.accept(x)
        (self.trained if training else self.asked).append(x[:, 0].copy())
        return x

    def backward(self, dy):
        return dy


def recorded() -> tuple[Sequential, Recorder]:
    recorder = Recorder()
    model = Sequential([Input((4,)), recorder, layers.Dense(CLASSES, activation="softmax")], seed=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model, recorder


def numbered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples that carry their own number as their first value."""
    x = np.zeros((n, 4), np.float32)
    x[:, 0] = np.arange(n)
    return x, np.arange(n) % CLASSES


# History


def test_history_has_keras_keys_and_one_value_per_epoch():
    x, y = linear_data()
    model = linear()
    history = model.fit(x, y, epochs=3, batch_size=4, validation_data=(x, y), verbose=0)
    assert model.history is history
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert {len(values) for values in history.history.values()} == {3}
    assert history.epoch == [0, 1, 2]
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 3}
    assert history.interrupted is False
    assert list(model.fit(x, y, verbose=0).history) == ["loss", "accuracy"]


def test_every_fit_has_a_history_of_its_own():
    x, y = linear_data()
    model = linear()
    first = model.fit(x, y, epochs=2, verbose=0)
    second = model.fit(x, y, epochs=1, verbose=0)
    assert len(first.history["loss"]) == 2 and len(second.history["loss"]) == 1


def test_initial_epoch_counts_what_was_done_before():
    x, y = linear_data()
    seen: list[int] = []
    history = linear().fit(
        x,
        y,
        epochs=5,
        initial_epoch=3,
        verbose=0,
        callbacks=LambdaCallback(on_epoch_begin=lambda e, _: seen.append(e)),
    )
    assert history.epoch == seen == [3, 4] and len(history.history["loss"]) == 2
    assert linear().fit(x, y, epochs=3, initial_epoch=3, verbose=0).history == {}


def test_logged_loss_is_the_mean_over_samples_not_over_batches():
    """With learning rate 0 the weights stand still, so the epoch's loss is that of all samples, 4 +
    4 + 2 of them.
    """
    x, y = linear_data(10)
    model = linear(learning_rate=0.0)
    seen: list[dict] = []
    note = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append({"batch": batch} | logs)
    )
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=note)
    loss, accuracy = model.evaluate(x, y)
    p = np.exp(x.astype(float) @ model.get_weights()[0])
    losses = -np.log((p / p.sum(axis=1, keepdims=True))[np.arange(10), y])
    assert loss == pytest.approx(losses.mean(), rel=1e-6)
    assert accuracy == np.mean(p.argmax(axis=1) == y)
    assert history.history["loss"][0] == pytest.approx(loss, rel=1e-6)
    assert history.history["accuracy"][0] == accuracy
    assert [(logs["batch"], logs["size"]) for logs in seen] == [(0, 4), (1, 4), (2, 2)]
    assert [logs["loss"] for logs in seen] == pytest.approx(
        [losses[:n].mean() for n in (4, 8, 10)], rel=1e-6
    )


def test_validation_metrics_are_those_of_the_epochs_final_weights():
    x, y = linear_data()
    x_val, y_val = linear_data(7, seed=1)
    model = linear()
    history = model.fit(
        x, y, epochs=2, batch_size=2, validation_data=(x_val, y_val), verbose=0
    ).history
    assert [history["val_loss"][-1], history["val_accuracy"][-1]] == model.evaluate(x_val, y_val)
    assert history["loss"][-1] != model.evaluate(x, y)[0]  # a mean over changing weights


def test_validation_leaves_no_trace_in_the_training():
    x, y = linear_data()
    plain, validated = linear(), linear()
    one = plain.fit(x, y, epochs=3, batch_size=4, verbose=0).history
    two = validated.fit(
        x, y, epochs=3, batch_size=4, verbose=0, validation_data=linear_data(5, seed=2)
    ).history
    assert bits(plain) == bits(validated)
    assert one["loss"] == two["loss"] and one["accuracy"] == two["accuracy"]


def test_validation_data_may_carry_sample_weights():
    x, y = linear_data()
    weight = np.linspace(0, 3, len(x))
    model = linear()
    history = model.fit(x, y, validation_data=(x, y, weight), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(
        model.evaluate(x, y, sample_weight=weight)[0], rel=1e-12
    )
    assert history["val_loss"][0] != pytest.approx(model.evaluate(x, y)[0], rel=1e-3)


# Order of samples, batches and the split


def test_without_shuffling_batches_come_in_order_and_the_last_is_smaller():
    model, recorder = recorded()
    model.fit(*numbered(7), batch_size=3, epochs=2, shuffle=False, verbose=0)
    assert [batch.tolist() for batch in recorder.trained] == 2 * [[0, 1, 2], [3, 4, 5], [6]]


def test_shuffling_uses_every_sample_once_in_a_new_order_each_epoch():
    model, recorder = recorded()
    model.fit(*numbered(7), batch_size=3, epochs=3, verbose=0)
    assert [len(batch) for batch in recorder.trained] == 3 * [3, 3, 1]
    epochs = [np.concatenate(recorder.trained[3 * i : 3 * i + 3]).tolist() for i in range(3)]
    assert all(sorted(order) == list(range(7)) for order in epochs)
    assert len({tuple(order) for order in [*epochs, range(7)]}) == 4


def test_samples_labels_and_weights_stay_together_when_shuffled():
    """Labels and weights are functions of x, so a step over all of it is the same in any order."""
    x, y = linear_data(9)
    weight = np.linspace(0.5, 2, 9)
    shuffled, plain = linear(dtype="float64"), linear(dtype="float64")
    shuffled.fit(x, y, batch_size=9, sample_weight=weight, epochs=3, verbose=0)
    plain.fit(x, y, batch_size=9, sample_weight=weight, epochs=3, verbose=0, shuffle=False)
    for one, two in zip(shuffled.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)


def test_the_default_batch_is_32():
    model, recorder = recorded()
    model.fit(*numbered(70), verbose=0)
    assert [len(batch) for batch in recorder.trained] == [32, 32, 6]


@pytest.mark.parametrize(("n", "share"), [(10, 0.2), (10, 0.25), (11, 0.5), (21, 0.9)])
def test_validation_split_takes_the_last_part_and_never_trains_on_it(n, share):
    model, recorder = recorded()
    x, _ = numbered(n)
    model.fit(x, np.zeros(n, int), validation_split=share, batch_size=4, epochs=3, verbose=0)
    at = math.floor(n * (1 - share))
    assert sorted(np.concatenate(recorder.trained)) == sorted(3 * list(range(at)))
    assert np.concatenate(recorder.asked).tolist() == 3 * list(range(at, n))


def test_poisoned_labels_in_the_validation_part_change_nothing_that_is_trained():
    x, y = linear_data(20)
    clean, poisoned = linear(), linear()
    wrong = y.copy()
    wrong[16:] = (wrong[16:] + 1) % CLASSES
    one = clean.fit(x, y, validation_split=0.2, epochs=4, batch_size=4, verbose=0).history
    two = poisoned.fit(x, wrong, validation_split=0.2, epochs=4, batch_size=4, verbose=0).history
    assert bits(clean) == bits(poisoned)
    assert one["loss"] == two["loss"] and one["val_loss"] != two["val_loss"]


def test_validation_split_is_fit_and_validation_data_by_hand():
    x, y = linear_data(20)
    weight = np.linspace(0.5, 2, 20)
    split, by_hand = linear(), linear()
    one = split.fit(
        x, y, validation_split=0.25, epochs=3, batch_size=4, sample_weight=weight, verbose=0
    )
    two = by_hand.fit(
        x[:15],
        y[:15],
        validation_data=(x[15:], y[15:]),
        epochs=3,
        batch_size=4,
        sample_weight=weight[:15],
        verbose=0,
    )
    assert bits(split) == bits(by_hand)
    assert one.history["loss"] == two.history["loss"]


@pytest.mark.parametrize(
    "options",
    [{}, {"validation_split": 0.25}, {"sample_weight": np.ones(12), "class_weight": "balanced"}],
)
def test_what_is_trained_on_enters_the_checks_once(options):
    """What validation_split keeps of it, too."""
    (x, y), entered = linear_data(12), []

    def note(frame, event, _):
        code, caller = frame.f_code, frame.f_back
        if event == "call" and code.co_filename == checks.__file__ != caller.f_code.co_filename:
            given = [
                frame.f_locals[name]
                for name in code.co_varnames[: code.co_argcount]
                if name in frame.f_locals
            ]
            if any(isinstance(value, np.ndarray) and np.shares_memory(value, x) for value in given):
                entered.append(code.co_name)

    sys.setprofile(note)
    try:
        linear().fit(x, y, epochs=2, verbose=0, **options)
    finally:
        sys.setprofile(None)
    assert entered == ["training_samples"]


def test_validation_data_goes_before_validation_split():
    model, recorder = recorded()
    x, y = numbered(6)
    model.fit(x, y, validation_data=(x[:2], y[:2]), validation_split=0.5, verbose=0)
    assert sorted(np.concatenate(recorder.trained)) == list(range(6))
    assert np.concatenate(recorder.asked).tolist() == [0, 1]


def test_lists_and_all_forms_of_labels_train_alike():
    x, y = linear_data(9)
    results = []
    for loss, labels in (
        ("sparse_categorical_crossentropy", y),
        ("sparse_categorical_crossentropy", y[:, None].astype(np.uint8)),
        ("sparse_categorical_crossentropy", y.astype(np.float32)),
        ("sparse_categorical_crossentropy", y.tolist()),
        ("categorical_crossentropy", keras.utils.to_categorical(y, CLASSES)),
        ("categorical_crossentropy", np.eye(CLASSES)[y].tolist()),
    ):
        model = linear()
        model.compile(optimizers.SGD(0.1), loss, ["accuracy"])
        history = model.fit(x.tolist(), labels, batch_size=4, epochs=2, verbose=0)
        results.append((bits(model), history.history, model.evaluate(x, labels)))
    assert all(result == results[0] for result in results)


# Weights of classes and samples


def by_hand_step(
    model: Sequential, x: np.ndarray, y: np.ndarray, weight: np.ndarray, rate: float
) -> tuple:
    """The loss and the new kernel and bias of one step of gradient descent, from the definition, in
    float64.
    """
    kernel, bias = (w.astype(float) for w in model.get_weights())
    z = x.astype(float) @ kernel + bias
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(-np.log(p[np.arange(len(x)), y]) * weight)
    dz = (p - np.eye(CLASSES)[y]) * weight[:, None] / len(x)
    return loss, kernel - rate * x.T.astype(float) @ dz, bias - rate * dz.sum(axis=0)


@pytest.mark.parametrize("form", ["sparse", "one-hot"])
@pytest.mark.parametrize("weights", ["none", "sample", "class", "both"])
def test_weights_scale_the_losses_of_their_samples(weights, form):
    x, y = linear_data(8)
    sample = np.linspace(0.25, 3, 8)
    by_class = {0: 2.0, 2: 0.5}  # 1 is not in it and counts once
    factor = np.ones(8)
    arguments: dict = {}
    if weights in ("sample", "both"):
        arguments["sample_weight"], factor = sample, factor * sample
    if weights in ("class", "both"):
        arguments["class_weight"] = by_class
        factor = factor * np.array([by_class.get(label, 1.0) for label in y])
    labels = y if form == "sparse" else np.eye(CLASSES)[y]
    loss_name = (
        "sparse_categorical_crossentropy" if form == "sparse" else "categorical_crossentropy"
    )
    for run in ("fit", "train_on_batch"):
        model = linear(dtype="float64")
        model.compile(optimizers.SGD(0.5), loss_name)
        loss, kernel, bias = by_hand_step(model, x, y, factor, rate=0.5)
        if run == "fit":
            received = model.fit(x, labels, batch_size=8, verbose=0, **arguments).history["loss"][0]
        else:
            received = model.train_on_batch(x, labels, **arguments)
        assert received == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-11)
        np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-11)


def test_a_sample_of_weight_zero_does_not_train():
    x, y = linear_data(8)
    other = x.copy()
    other[3] = 100.0
    models = [linear(), linear()]
    for model, data in zip(models, (x, other), strict=True):
        model.fit(
            data, y, sample_weight=np.where(np.arange(8) == 3, 0.0, 1.0), shuffle=False, verbose=0
        )
    assert bits(models[0]) == bits(models[1])


def test_class_weight_is_not_used_in_validation():
    x, y = linear_data()
    model = linear()
    history = model.fit(
        x, y, class_weight={0: 5.0, 1: 0.1}, validation_data=(x, y), verbose=0
    ).history
    assert history["val_loss"][0] == model.evaluate(x, y)[0]


# evaluate, predict, train_on_batch


def test_evaluate_forms():
    x, y = linear_data()
    model = linear(metrics=["accuracy", "sparse_top_k_categorical_accuracy"])
    listed, named = model.evaluate(x, y, verbose=0), model.evaluate(x, y, return_dict=True)
    assert list(named) == ["loss", "accuracy", "sparse_top_k_categorical_accuracy"]
    assert listed == list(named.values()) and listed[2] == 1.0
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.evaluate(x, y) == pytest.approx(listed[0])
    weight = np.arange(10.0)
    p = np.exp(x.astype(float) @ model.get_weights()[0])
    losses = -np.log((p / p.sum(axis=1, keepdims=True))[np.arange(10), y])
    assert model.evaluate(x, y, sample_weight=weight) == pytest.approx(
        np.mean(losses * weight), rel=1e-6
    )


def test_evaluate_and_predict_do_not_depend_on_the_batch_and_change_nothing():
    x, y = linear_data(11)
    model = linear()
    model.fit(x, y, verbose=0)
    before = bits(model)
    np.testing.assert_allclose(model.evaluate(x, y, batch_size=4), model.evaluate(x, y), rtol=1e-6)
    np.testing.assert_allclose(model.predict(x, batch_size=3), model.predict(x), rtol=1e-6)
    assert model.predict(x, batch_size=3).shape == (11, CLASSES)
    assert bits(model) == before


def test_predict_runs_in_inference_and_hands_out_a_copy():
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    model = Sequential([Input((4,)), layers.Dropout(0.5), layers.BatchNormalization()], seed=0)
    model.set_weights(model.get_weights())  # not fresh any more
    np.testing.assert_allclose(model.predict(x), x / np.sqrt(1.001), rtol=1e-6)
    dropout = Sequential([Input((4,)), layers.Dropout(0.5)])
    y = dropout.predict(x)
    y[...] = 0
    assert x.any()


def test_train_on_batch_returns_the_loss_before_its_update():
    x, y = linear_data()
    model = linear()
    before, first = model.evaluate(x, y), bits(model)
    assert model.train_on_batch(x, y) == pytest.approx(before, rel=1e-6)
    assert bits(model) != first and model.optimizer.iterations == 1
    named = model.train_on_batch(x, y, return_dict=True)
    assert list(named) == ["loss", "accuracy"] and named["loss"] < before[0]
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert isinstance(model.train_on_batch(x, y), float)


def test_fit_is_train_on_batch_over_the_batches():
    x, y = linear_data(10)
    fitted, stepped = linear(), linear()
    fitted.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for start in range(0, 10, 4):
            stepped.train_on_batch(x[start : start + 4], y[start : start + 4])
    assert bits(fitted) == bits(stepped)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("size", [-1, 0])
def test_a_batch_of_no_samples_is_refused(method, size):
    x, y = linear_data()
    model = linear()
    model.train_on_batch(x, y)
    with pytest.raises(
        ValueError, match=f"{method} expected batch_size.*at least 1, received {size}"
    ):
        getattr(model, method)(
            *(x, y)[: 1 if method == "predict" else 2], batch_size=size, verbose=0
        )


class Seen(metrics.Metric):
    """A user's metric, which hands on the predictions that it is given."""

    def __init__(self, note):
        super().__init__("seen")
        self.note = note

    def values(self, y_true, y_pred):  # noqa: ARG002
        self.note(y_pred.copy())
        return np.zeros(len(y_pred))


def test_a_metric_sees_what_the_model_predicts():
    """Probabilities, although the loss is computed from the logits in front of the softmax."""
    x, y = linear_data()
    seen: list[np.ndarray] = []
    model = linear(learning_rate=0.0, metrics=[Seen(seen.append)])
    model.evaluate(x, y)
    model.train_on_batch(x, y)
    for predictions in seen:
        np.testing.assert_allclose(predictions, model.predict(x), rtol=1e-6)
    assert len(seen) == 2


# Callbacks in a real fit


def test_callbacks_are_called_in_keras_order():
    x, y = linear_data(4)
    calls: list[str] = []
    hooks = [
        f"on_{what}"
        for what in (
            "train_begin",
            "train_end",
            "epoch_begin",
            "epoch_end",
            "test_begin",
            "test_end",
        )
    ]
    hooks += ["on_train_batch_begin", "on_train_batch_end"]
    note = LambdaCallback(
        **{hook: lambda *_, hook=hook, **__: calls.append(hook) for hook in hooks}
    )
    linear().fit(x, y, batch_size=2, epochs=2, validation_data=(x, y), verbose=0, callbacks=[note])
    batch = ["on_train_batch_begin", "on_train_batch_end"]
    epoch = ["on_epoch_begin", *batch, *batch, "on_test_begin", "on_test_end", "on_epoch_end"]
    assert calls == ["on_train_begin", *epoch, *epoch, "on_train_end"]


def test_early_stopping_ends_a_fit_and_restores_the_best_weights():
    """Labels of the validation part are poisoned: the better the training, the worse the
    validation.
    """
    x, y = linear_data(20)
    y[15:] = (y[15:] + 1) % CLASSES
    model = linear(learning_rate=0.5)
    kept: list[list[bytes]] = []
    stop = EarlyStopping(patience=2, restore_best_weights=True)
    note = LambdaCallback(on_epoch_end=lambda *_: kept.append(bits(model)))
    history = model.fit(
        x, y, epochs=200, batch_size=5, validation_split=0.25, verbose=0, callbacks=[note, stop]
    )
    best = int(np.argmin(history.history["val_loss"]))
    assert len(history.epoch) == best + 3 < 200
    assert stop.stopped_epoch == best + 2 and stop.best_epoch == best
    assert bits(model) == kept[best] != kept[-1]


def test_reduce_lr_on_plateau_slows_a_fit_and_logs_the_rate():
    x, y = linear_data()
    model = linear(learning_rate=0.0)  # nothing ever improves
    model.optimizer.learning_rate = 1e-30
    reduce = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1)
    history = model.fit(x, y, epochs=4, shuffle=False, verbose=0, callbacks=reduce).history
    assert history["learning_rate"] == [1e-30, 1e-30, 0.5e-30, 0.25e-30]
    assert model.optimizer.learning_rate == 0.125e-30


def test_a_changed_learning_rate_acts_from_the_next_step():
    x, y = linear_data()
    model = linear(learning_rate=0.1)
    model.fit(x, y, verbose=0)
    model.optimizer.learning_rate = 0.0
    before = bits(model)
    model.fit(x, y, verbose=0)
    assert bits(model) == before


def test_stop_training_ends_after_the_batch_with_validation():
    x, y = linear_data(10)
    model = linear()

    def at_the_second_batch(batch, logs):
        model.stop_training = batch == 1 and logs["size"] == 2

    stop = LambdaCallback(on_train_batch_end=at_the_second_batch)
    history = model.fit(
        x, y, batch_size=2, epochs=5, validation_data=(x, y), verbose=0, callbacks=stop
    )
    assert model.optimizer.iterations == 2
    assert [len(values) for values in history.history.values()] == [1, 1, 1, 1]
    assert history.interrupted is False
    model.fit(x, y, batch_size=2, epochs=2, verbose=0)  # the flag does not outlive its fit
    assert model.optimizer.iterations == 12


# What is printed


@pytest.mark.parametrize("verbose", [2, "auto"])
def test_without_a_terminal_every_epoch_is_one_plain_line(verbose, capsys):
    x, y = linear_data()
    linear().fit(x, y, epochs=2, verbose=verbose, validation_data=(x, y))
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert printed.err == "" and len(lines) == 2
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"Epoch {number}/2  loss ")
        assert all(
            word in line for word in ("accuracy ", "val_loss ", "val_accuracy ", "pictures/s")
        )
        assert "\r" not in line and "\x1b" not in line


def test_verbose_0_prints_nothing(capsys):
    x, y = linear_data()
    model = linear()
    model.fit(x, y, epochs=2, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    assert capsys.readouterr() == ("", "")


def test_verbose_1_is_a_bar_on_stderr(capsys):
    x, y = linear_data()
    linear().fit(x, y, epochs=1, verbose=1)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "%|" in printed.err and "loss " in printed.err
    assert (
        printed.err.rstrip()
        .splitlines()[-1]
        .split("\r")[-1]
        .lstrip("\x1b[A")
        .startswith("Epoch 1/1  loss ")
    )


@pytest.mark.parametrize("verbose", [3, "loud", None])
def test_another_verbose_is_refused(verbose):
    with pytest.raises(ValueError, match="verbose expected 'auto', 0 .* received"):
        linear().fit(*linear_data(), verbose=verbose)


# Ctrl-C


class PressCtrlC(Callback):
    """Sends this process SIGINT at one moment, as a terminal does."""

    def __init__(self, hook: str, times: int = 1):
        super().__init__()
        self.hook, self.times, self.batches = hook, times, 0

    def _at(self, hook: str) -> None:
        if hook == self.hook:
            self.hook = ""
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)

    # a hook keeps its whole signature
    def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002
        self.batches += 1
        if batch == 1:
            self._at("batch")

    def on_test_begin(self, logs=None):  # noqa: ARG002
        self._at("validation")

    def on_epoch_end(self, epoch, logs=None):  # noqa: ARG002
        self._at("epoch end")


@pytest.mark.parametrize(("moment", "batches"), [("batch", 2), ("validation", 5), ("epoch end", 5)])
def test_ctrl_c_ends_the_epoch_in_good_order(moment, batches):
    x, y = linear_data(10)
    model = linear()
    press, ended = PressCtrlC(moment), []
    history = model.fit(
        x,
        y,
        batch_size=2,
        epochs=50,
        validation_data=(x, y),
        verbose=0,
        callbacks=[press, LambdaCallback(on_train_end=ended.append)],
    )
    assert press.batches == batches
    assert history.epoch == [0] and {len(values) for values in history.history.values()} == {1}
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert model.history.interrupted is True
    assert len(ended) == 1 and ended[0]["val_loss"] == history.history["val_loss"][0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert linear().fit(x, y, verbose=0).interrupted is False


def test_a_second_ctrl_c_interrupts_at_once():
    x, y = linear_data(10)
    press = PressCtrlC("batch", times=2)
    with pytest.raises(KeyboardInterrupt):
        linear().fit(x, y, batch_size=2, verbose=0, callbacks=press)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):  # and outside of fit the first one does
        signal.raise_signal(signal.SIGINT)


def test_a_programs_own_handler_stays_in_place():
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    history = linear().fit(
        *linear_data(), epochs=2, verbose=0, callbacks=PressCtrlC("batch"), batch_size=2
    )
    assert received == [signal.SIGINT]
    assert history.epoch == [0, 1] and history.interrupted is False


def test_a_callback_that_fails_gives_ctrl_c_back():
    def fail(epoch, *_):
        raise ZeroDivisionError(f"in epoch {epoch}")

    with pytest.raises(ZeroDivisionError):
        linear().fit(*linear_data(), verbose=0, callbacks=LambdaCallback(on_epoch_end=fail))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_fit_runs_outside_of_the_main_thread_too():
    """Where no signal handler can be set."""
    model = linear()
    thread = threading.Thread(target=model.fit, args=linear_data(), kwargs={"verbose": 0})
    thread.start()
    thread.join()
    assert len(model.history.history["loss"]) == 1


def test_ctrl_c_in_a_process_of_its_own_still_lets_it_save(tmp_path):
    script = f"""
        import signal, numpy as np, minicnn as keras
        from minicnn import layers
        signal.signal(signal.SIGINT, signal.default_int_handler)
        model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        def press(*_):
            signal.raise_signal(signal.SIGINT)
        pressed = [keras.callbacks.LambdaCallback(on_epoch_begin=press)]
        x, y = np.eye(4), np.arange(4) % 3
        history = model.fit(x, y, epochs=10**6, batch_size=2, callbacks=pressed)
        assert history.interrupted and len(history.history["loss"]) == 1
        model.save({str(tmp_path / "kept.safetensors")!r})
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | {"PYTHONPATH": str(Path(minicnn.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert run.returncode == 0
    *others, last = run.stderr.splitlines()
    assert all(line.startswith("minicnn: compiling kernels") for line in others)
    assert last == "Ctrl-C: this batch is the last one; once more, and it ends at once"
    assert run.stdout.startswith("Epoch 1/1000000  loss ") and run.stdout.count("\n") == 1
    assert minicnn.models.load_model(tmp_path / "kept.safetensors").layers[0].units == 3


# Losses that are no numbers


def head() -> list[Layer]:
    return [layers.Flatten(), layers.Dense(CLASSES, activation="softmax")]


def deep(**options) -> Sequential:
    """With a batch normalisation, whose moving statistics one bad batch could spoil for ever."""
    model = Sequential(
        [
            Input((6, 6, 1)),
            layers.Conv2D(2, 3, name="first_conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            *head(),
        ],
        seed=0,
        **options,
    )
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    return model


def pictures(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).standard_normal((n, 6, 6, 1)).astype(np.float32), np.arange(
        n
    ) % CLASSES


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_batch_with_a_bad_input_trains_nothing_and_says_where(bad):
    x, y = pictures(4)
    x[1, 2, 3] = bad
    model = deep()
    before = bits(model)
    with pytest.warns(
        UserWarning, match="the loss is nan at epoch 1, batch 1: the input holds NaN or infinity"
    ) as got:
        model.fit(x, y, batch_size=4, verbose=0)
    assert len(got) == 1
    assert bits(model) == before  # weights and moving statistics
    assert model.optimizer.iterations == 0


def test_training_goes_on_after_a_bad_batch_as_if_it_had_not_been():
    x, y = pictures(12)
    x[5] = np.nan  # the second of three batches
    spoilt, without = deep(), deep()
    with pytest.warns(UserWarning, match="at epoch 1, batch 2") as got:
        history = spoilt.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
    assert len(got) == 1
    good = np.r_[0:4, 8:12]
    without.fit(x[good], y[good], batch_size=4, shuffle=False, verbose=0)
    assert bits(spoilt) == bits(without)
    assert all(np.isfinite(weight).all() for weight in spoilt.get_weights())
    assert math.isnan(history["loss"][0]) and 0 <= history["accuracy"][0] <= 1


class Spoil(Layer):
    """Passes its input on, with one NaN in it."""

    def forward(self, x, *, training=False):  # noqa: ARG002
        x = self.accept(x).copy()
        x[0] = np.nan
        return x

    def backward(self, dy):
        return dy


def test_the_warning_names_the_first_layer_whose_output_is_bad():
    x, y = pictures(4)
    model = Sequential([Input((6, 6, 1)), layers.ReLU(), Spoil(name="culprit"), *head()], seed=0)
    model.compile(optimizers.SGD(0.125), "sparse_categorical_crossentropy")
    message = (
        "the loss is nan at epoch 2, batch 1: the output of Spoil 'culprit' is the first with NaN "
        "or infinity. "
    )
    with pytest.warns(
        UserWarning, match=message + "The update was left out. Try a learning rate below 0.125"
    ):
        model.fit(x, y, epochs=2, initial_epoch=1, verbose=0)


def test_the_warning_names_a_weight_that_is_bad():
    x, y = pictures(4)
    model = deep()
    model.get_layer("first_conv").params["bias"][1] = np.nan
    with pytest.warns(UserWarning, match="bias of Conv2D 'first_conv' holds NaN or infinity"):
        model.fit(x, y, verbose=0)


def test_a_training_that_diverges_warns_of_the_loss_and_of_nothing_else():
    """NumPy's own warnings of overflow would bury the one that helps."""
    x, y = pictures(12)
    model = Sequential([Input((6, 6, 1)), layers.Conv2D(2, 3, activation="gelu"), *head()], seed=0)
    model.compile(optimizers.SGD(1e25), "sparse_categorical_crossentropy")
    with pytest.warns(
        UserWarning, match="Try a learning rate below 1e\\+25, or global_clipnorm=1.0"
    ) as got:
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert {w.category for w in got} == {UserWarning}
    assert {str(w.message).split(" at epoch")[0] for w in got} <= {
        f"the loss is {bad}" for bad in ("nan", "inf")
    }


def test_moving_statistics_stay_finite_when_a_variance_overflows_float32():
    """Pictures of 1e30 have the variance 1e60: the normalised values are fine, the average of
    variances is not.
    """
    x, y = pictures(4)
    model = deep()
    model.fit(x * np.float32(1e30), y, verbose=0)
    assert all(np.isfinite(state).all() for state in model.get_layer("norm").state.values())


def test_terminate_on_nan_stops_at_the_first_bad_batch():
    x, y = pictures(12)
    x[5] = np.nan
    model = deep()
    with pytest.warns(UserWarning) as got:
        history = model.fit(
            x, y, batch_size=4, epochs=9, shuffle=False, verbose=0, callbacks=[TerminateOnNaN()]
        )
    assert model.optimizer.iterations == 1 and history.epoch == [0]
    assert [str(w.message).split(":")[0] for w in got] == [
        "the loss is nan at epoch 1, batch 2",
        "TerminateOnNaN",
    ]


def test_train_on_batch_leaves_the_update_out_too():
    x, y = linear_data()
    model = linear()
    before = bits(model)
    assert math.isnan(model.train_on_batch(x * np.float32(np.nan), y)[0])
    assert bits(model) == before


# Learning


def test_an_easy_problem_is_learnt():
    x, y = easy_pictures(320)
    model = Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=(8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(momentum=0.9, warmup=True),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(4, activation="softmax"),
        ],
        seed=0,
    )
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", ["accuracy"])
    history = model.fit(x, y, batch_size=16, epochs=10, validation_split=0.2, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    assert history["val_accuracy"][-1] > 0.9
    x_test, y_test = easy_pictures(200, seed=1)
    assert model.evaluate(x_test, y_test)[1] > 0.9
    assert (
        np.mean(model.predict(x_test).argmax(axis=1) == y_test[:, 0])
        == model.evaluate(x_test, y_test)[1]
    )


def test_a_handful_of_samples_is_learnt_by_heart():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 6, 6, 1)), rng.integers(0, CLASSES, 12)
    model = deep()
    model.fit(x, y, epochs=60, batch_size=12, verbose=0)
    loss, accuracy = Sequential.evaluate(model, x, y)
    assert accuracy == 1.0 and model.history.history["loss"][-1] < 0.05, loss


def test_the_loss_goes_down_along_its_own_gradient():
    """One small step changes the loss by -rate * |gradient|^2, to first order."""
    x, y = pictures(6)
    model = deep(dtype="float64")
    rate = 1e-7
    model.compile(optimizers.SGD(rate), "sparse_categorical_crossentropy")
    before, _ = model.loss_and_gradients(x, y)
    squared = sum(float((gradient**2).sum()) for _, _, gradient in model.parameters())
    model.train_step(x, y)
    after, _ = model.loss_and_gradients(x, y)
    assert (before - after) / rate == pytest.approx(squared, rel=1e-4)


def test_the_documented_script_runs_with_its_import_changed():
    """The training script that the project documents, tf.keras replaced by minicnn, on 64 small
    pictures.
    """
    rng = np.random.default_rng(0)
    x_train, x_test = (rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8) for n in (64, 16))
    y_train, y_test = (np.arange(n, dtype=np.uint8)[:, None] % 10 for n in (64, 16))
    keras.utils.set_random_seed(0)

    x_train = x_train.astype("float32") / 255.0
    x_test = x_test.astype("float32") / 255.0
    y_train = keras.utils.to_categorical(y_train, 10)
    y_test = keras.utils.to_categorical(y_test, 10)

    def build_cnn_model():
        model = keras.Sequential([
            # First convolutional block
            keras.layers.Conv2D(32, (3, 3), padding="valid", activation="relu",
                input_shape=(32, 32, 3)),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            # Second convolutional block
            keras.layers.Conv2D(64, (3, 3), padding="valid", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            # Third convolutional block
            keras.layers.Conv2D(128, (3, 3), padding="valid", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(pool_size=(2, 2)),
            # Fully connected layers
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ])  # fmt: skip
        return model

    model = build_cnn_model()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    callbacks = [
        keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=5),
    ]
    with pytest.warns(UserWarning, match="averages that lag"):  # one step an epoch
        history = model.fit(
            x_train,
            y_train,
            validation_split=0.2,
            epochs=3,
            batch_size=64,
            callbacks=callbacks,
            verbose=0,
        )
    assert list(history.history) == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
    ]
    assert len(history.history["loss"]) == 3 and history.history["learning_rate"] == [0.001] * 3
    test_loss, test_accuracy = model.evaluate(x_test, y_test)
    assert math.isfinite(test_loss) and 0 <= test_accuracy <= 1

    def predict_image(img_array, model):
        img_array = np.expand_dims(img_array, axis=0)
        predictions = model.predict(img_array)
        return np.argmax(predictions[0]), predictions[0]

    predicted_class, probabilities = predict_image(x_test[0], model)
    assert 0 <= predicted_class < 10 and probabilities.shape == (10,)
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert test_loss == pytest.approx(
        float(cross_entropy(model.predict(x_test), y_test)[0].mean()), rel=1e-5
    )
