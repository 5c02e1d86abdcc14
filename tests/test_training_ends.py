"""How a training ends before its time: by Ctrl-C, and by losses that are no numbers."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from programs import PATIENCE
from training_cases import bits, deep, head, linear, linear_data, pictures

import minicnn
from minicnn import Input, Sequential, layers, optimizers
from minicnn.callbacks import Callback, LambdaCallback, TerminateOnNaN
from minicnn.layers.base import Layer

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
