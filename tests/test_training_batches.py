"""What fit makes of samples, and what it calls and prints on its way."""

import math
import sys

import numpy as np
import pytest
from training_cases import CLASSES, bits, linear, linear_data, numbered, recorded

import minicnn as keras
from minicnn import optimizers
from minicnn.callbacks import EarlyStopping, LambdaCallback, ReduceLROnPlateau
from minicnn.training import checks

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
