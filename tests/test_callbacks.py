"""Callbacks: Keras' own behaviour replayed from golden/callbacks.json, then what is minicnn's
(messages, order).
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minicnn import Input, Sequential, callbacks, layers, optimizers
from minicnn.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

CASES = json.loads(Path(__file__).with_name("golden").joinpath("callbacks.json").read_text())
SCHEDULES: dict[str, Callable[..., Any]] = {
    "halve": lambda _, rate: rate * 0.5,
    "of the epoch alone": lambda epoch: 1.0 / (epoch + 1),
    "a float32": lambda _, rate: np.float32(rate) / np.float32(4),
}


class FakeModel:
    """All that a callback may touch: one weight, a learning rate, a stop flag and files that are
    only noted.
    """

    def __init__(self, folder: Path = Path(), learning_rate: float = 0.5) -> None:
        self.stop_training = False
        self.optimizer = SimpleNamespace(learning_rate=learning_rate, schedule=None)
        self.weight = np.zeros(1)
        self.folder = folder
        self.saves: list[list[Any]] = []

    def get_weights(self) -> list[np.ndarray]:
        return [self.weight.copy()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weight[...] = weights[0]

    def save(self, path: str) -> None:
        Path(path).touch()  # fails when its folder was not made
        self.saves.append([Path(path).relative_to(self.folder).as_posix(), float(self.weight[0])])

    save_weights = save


def make_callback(name: str, arguments: dict[str, Any], folder: Path) -> Callback:
    for path in ("filepath", "filename"):
        if path in arguments:
            arguments = arguments | {path: folder / arguments[path]}
    if "schedule" in arguments:
        arguments = arguments | {"schedule": SCHEDULES[arguments["schedule"]]}
    callback: Callback = getattr(callbacks, name)(**arguments)
    return callback


def decode(values: list[Any]) -> list[float | None]:
    return [None if value is None else float(value) for value in values]


def replay(case: dict[str, Any], folder: Path) -> None:
    """Run one golden case through minicnn's callbacks and compare all that Keras' did."""
    expected = case["expected"]
    model = FakeModel(folder)
    watched = [
        (name, make_callback(name, arguments, folder)) for name, arguments in case["callbacks"]
    ]
    history = History()
    every = CallbackList([*(callback for _, callback in watched), history], model=model)
    columns = {name: decode(values) for name, values in case["logs"].items()}
    epochs = max([len(values) for values in columns.values()] or [len(case.get("batches", []))])
    row = 0  # epochs of all fits so far
    for fit in range(case.get("fits", 1)):
        model.stop_training = False
        every.on_train_begin()
        for epoch in range(epochs):
            every.on_epoch_begin(epoch)
            losses = decode(case["batches"][epoch]) if "batches" in case else [1.0, 1.0]
            run_batches(every, model, losses, 100 * fit + epoch)
            logs = {
                name: values[epoch] for name, values in columns.items() if values[epoch] is not None
            }
            every.on_epoch_end(epoch, logs)
            for name, callback in watched:
                for attribute, values in expected.get(name, {}).items():
                    assert same(getattr(callback, attribute), values[row]), (name, attribute, epoch)
            row += 1
            if model.stop_training:
                break
        every.on_train_end(logs)
        assert model.stop_training == expected["stopped"][fit]
        assert len(history.epoch) == expected["epochs"][fit]
        assert model.weight[0] == expected["weight"][fit]
        for _, callback in watched:
            if isinstance(callback, EarlyStopping):
                assert callback.stopped_epoch == expected["stopped_epoch"][fit]
    check_end(expected, model, history, folder)


def run_batches(every: CallbackList, model: FakeModel, losses: list, weight: float) -> None:
    """The batches of an epoch, which move the weight by 1, until a callback stops them."""
    for batch, loss in enumerate(losses):
        every.on_train_batch_begin(batch)
        model.weight[0] = np.float32(weight + (batch + 1) / len(losses))
        every.on_train_batch_end(batch, {"loss": loss, "size": 64})
        if model.stop_training:
            break


def check_end(expected: dict[str, Any], model: FakeModel, history: History, folder: Path) -> None:
    """What all fits have left behind."""
    assert sorted(history.history) == expected["names"]
    if "learning_rate" in expected:
        assert history.history["learning_rate"] == pytest.approx(
            expected["learning_rate"], rel=1e-6
        )
        assert model.optimizer.learning_rate == pytest.approx(
            expected["last_learning_rate"], rel=1e-6
        )
    assert model.saves == expected.get("saves", [])
    if "csv" in expected:
        assert (folder / "log.csv").read_bytes().decode() == expected["csv"]


def same(ours: float | None, keras: float | str | None) -> bool:
    if keras is None or ours is None:
        return ours is None and keras is None
    return ours == float(keras) or (math.isnan(ours) and keras == "nan")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_does_what_keras_does(case: dict[str, Any], tmp_path: Path) -> None:
    replay(case, tmp_path)


class Recorder(Callback):
    """Notes every hook that is called."""

    def __init__(self, notes: list[Any], name: str = "") -> None:
        super().__init__()
        for hook in dir(Callback):
            if hook.startswith("on_"):
                setattr(
                    self,
                    hook,
                    lambda *arguments, hook=hook, **logs: notes.append(
                        (name + hook, arguments, logs)
                    ),
                )


def end_epochs(
    callback: Callback, rows: list[dict[str, Any]], learning_rate: float = 0.5
) -> tuple[FakeModel, History]:
    """Run a training without batches."""
    model, history = FakeModel(learning_rate=learning_rate), History()
    every = CallbackList([callback, history], model=model)
    every.on_train_begin()
    for epoch, row in enumerate(rows):
        every.on_epoch_begin(epoch)
        every.on_epoch_end(epoch, row)
    every.on_train_end(rows[-1])
    return model, history


# --- the list and the base class


def test_list_calls_every_hook_of_every_callback_in_order() -> None:
    notes: list[Any] = []
    every = CallbackList([Recorder(notes, "a."), Recorder(notes, "b.")])
    every.on_train_begin()
    every.on_epoch_begin(0)
    every.on_train_batch_begin(5)
    every.on_train_batch_end(5, {"loss": 1.0})
    every.on_test_begin()
    every.on_test_end({"loss": 2.0})
    every.on_epoch_end(0, {"loss": 1.0, "val_loss": 2.0})
    every.on_train_end({"loss": 1.0})
    assert notes == [
        (name + hook, arguments, keywords)
        for hook, arguments, keywords in [
            ("on_train_begin", ({},), {}),
            ("on_epoch_begin", (0, {}), {}),
            ("on_train_batch_begin", (5,), {"logs": {}}),
            ("on_train_batch_end", (5,), {"logs": {"loss": 1.0}}),
            ("on_test_begin", ({},), {}),
            ("on_test_end", ({"loss": 2.0},), {}),
            ("on_epoch_end", (0, {"loss": 1.0, "val_loss": 2.0}), {}),
            ("on_train_end", ({"loss": 1.0},), {}),
        ]
        for name in ("a.", "b.")
    ]


def test_batch_hooks_have_keras_second_names() -> None:
    notes: list[Any] = []
    every = CallbackList(
        LambdaCallback(
            on_batch_begin=lambda batch, logs: notes.append(("begin", batch, logs)),
            on_batch_end=lambda batch, logs: notes.append(("end", batch, logs)),
        )
    )
    every.on_train_batch_begin(3)
    every.on_train_batch_end(3, {"loss": 1.0})
    assert notes == [("begin", 3, {}), ("end", 3, {"loss": 1.0})]


def test_a_callback_without_super_init_gets_model_and_params() -> None:
    class Careless(Callback):
        def __init__(self) -> None:
            pass

    careless, model = Careless(), FakeModel()
    CallbackList([careless], model=model, params={"epochs": 3})
    assert careless.model is model
    assert careless.params == {"epochs": 3}


def test_logs_are_plain_numbers_shared_by_the_callbacks_and_not_the_caller_s() -> None:
    seen: list[dict[str, Any]] = []
    logs = {
        "loss": np.float32(0.5),
        "count": np.int64(3),
        "array": np.array(2.0),
        "rows": np.arange(2),
    }
    add = LambdaCallback(on_epoch_end=lambda _, logs: logs.update(extra=1))
    note = LambdaCallback(on_epoch_end=lambda _, logs: seen.append(logs))
    CallbackList([add, note]).on_epoch_end(0, logs)
    assert [type(seen[0][name]) for name in ("loss", "count", "array", "rows")] == [
        float,
        int,
        float,
        np.ndarray,
    ]
    assert seen[0]["extra"] == 1
    assert "extra" not in logs


def test_list_takes_one_callback_or_none() -> None:
    assert len(CallbackList(EarlyStopping()).callbacks) == 1
    assert CallbackList(None).callbacks == []


def test_a_class_instead_of_an_object_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"received the class EarlyStopping: write EarlyStopping\(\.\.\.\)"
    ):
        CallbackList([EarlyStopping])  # type: ignore[list-item]


def test_a_foreign_callback_is_refused() -> None:
    class EarlyStopping:
        pass

    with pytest.raises(
        TypeError, match=r"received .* of .*test_callbacks: import it from minicnn\.callbacks"
    ):
        CallbackList([EarlyStopping()])  # type: ignore[list-item]


def test_a_hook_that_is_never_called_is_warned_of() -> None:
    class Misspelt(Callback):
        def on_epoch_ends(self) -> None:
            raise AssertionError("never called")

    message = (
        r"Misspelt defines on_epoch_ends, which minicnn never calls\. Did you mean 'on_epoch_end'"
    )
    with pytest.warns(UserWarning, match=message):
        CallbackList(Misspelt()).on_epoch_end(0, {})


@pytest.mark.parametrize(
    "callback",
    [EarlyStopping, ReduceLROnPlateau, TerminateOnNaN, LambdaCallback, History],
    ids=lambda c: c.__name__,
)
def test_unknown_arguments_are_refused(callback: type[Callback]) -> None:
    with pytest.raises(TypeError, match="patienec"):
        callback(patienec=3)  # type: ignore[call-arg]


def test_history_keeps_epochs_and_values() -> None:
    _, history = end_epochs(Callback(), [{"loss": 2.0}, {"loss": 1.0, "val_loss": 3.0}])
    assert history.history == {"loss": [2.0, 1.0], "val_loss": [3.0]}
    assert history.epoch == [0, 1]
    assert history.interrupted is False


# --- monitoring


@pytest.mark.parametrize("callback", [EarlyStopping, ReduceLROnPlateau], ids=lambda c: c.__name__)
def test_a_missing_monitor_is_warned_of_with_what_there_is(
    callback: type[EarlyStopping] | type[ReduceLROnPlateau],
) -> None:
    with pytest.warns(UserWarning) as caught:
        model, _ = end_epochs(
            callback(monitor="val_acuracy", mode="max"), [{"loss": 1.0, "val_loss": 2.0}]
        )
    assert f"{callback.__name__} monitors 'val_acuracy', which is not in the logs" in str(
        caught[0].message
    )
    assert "Available: loss, val_loss" in str(caught[0].message)
    assert not model.stop_training


def test_a_missing_validation_is_named_as_the_reason() -> None:
    with pytest.warns(
        UserWarning, match=r"Available: loss, accuracy\. Pass validation_data or validation_split"
    ):
        end_epochs(EarlyStopping(), [{"loss": 1.0, "accuracy": 0.5}])


def test_checkpoint_without_its_monitor_saves_and_says_so(tmp_path: Path) -> None:
    every = CallbackList(
        ModelCheckpoint(tmp_path / "m", save_best_only=True), model=(model := FakeModel(tmp_path))
    )
    with pytest.warns(
        UserWarning, match=r"monitors 'val_loss', .*: saved without comparing\. Available: loss\."
    ):
        every.on_epoch_end(0, {"loss": 1.0})
    assert model.saves == [["m", 0.0]]


@pytest.mark.parametrize("monitor", ["val_loss", "loss"])
def test_auto_minimises_a_loss(monitor: str) -> None:
    callback = EarlyStopping(monitor)
    assert callback.is_improvement(1.0, 2.0)
    assert not callback.is_improvement(2.0, 1.0)


@pytest.mark.parametrize(
    "monitor", ["accuracy", "val_accuracy", "val_acc", "val_top_k_categorical_accuracy"]
)
def test_auto_maximises_an_accuracy(monitor: str) -> None:
    callback = EarlyStopping(monitor)
    assert callback.is_improvement(2.0, 1.0)
    assert not callback.is_improvement(1.0, 2.0)


@pytest.mark.parametrize("callback", [EarlyStopping, ReduceLROnPlateau], ids=lambda c: c.__name__)
def test_auto_refuses_to_guess(callback: type[EarlyStopping] | type[ReduceLROnPlateau]) -> None:
    with pytest.raises(
        ValueError, match=rf"{callback.__name__} .* received monitor='val_top5': pass mode='min' if"
    ):
        callback(monitor="val_top5")


def test_unknown_mode_is_warned_of() -> None:
    message = r"EarlyStopping mode 'mxa' is unknown, falling back to 'auto'\. Did you mean 'max'"
    with pytest.warns(UserWarning, match=message):
        assert EarlyStopping(mode="mxa").mode == "auto"


def test_early_stopping_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"val_loss": value} for value in (1.0, 0.5, 0.6)]
    end_epochs(EarlyStopping(patience=1, verbose=1, restore_best_weights=True), rows)
    assert capsys.readouterr().out == (
        "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    )


# --- the learning rate


def test_plateau_refuses_a_factor_that_does_not_reduce() -> None:
    with pytest.raises(
        ValueError, match=r"ReduceLROnPlateau expected a factor below 1, received factor=1\.0"
    ):
        ReduceLROnPlateau(factor=1.0)


def test_plateau_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    end_epochs(ReduceLROnPlateau(patience=1, verbose=1), [{"val_loss": 1.0}] * 2)
    assert capsys.readouterr().out == "Epoch 2: ReduceLROnPlateau reducing learning rate to 0.05.\n"


def test_plateau_logs_the_rate_that_the_epoch_was_trained_with() -> None:
    model, history = end_epochs(ReduceLROnPlateau(patience=1, factor=0.5), [{"val_loss": 1.0}] * 3)
    assert history.history["learning_rate"] == [0.5, 0.5, 0.25]
    assert model.optimizer.learning_rate == 0.125


def test_scheduler_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    end_epochs(
        LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1), verbose=1), [{"loss": 1.0}] * 2
    )
    assert capsys.readouterr().out == (
        "Epoch 1: LearningRateScheduler setting learning rate to 0.1.\n"
        "Epoch 2: LearningRateScheduler setting learning rate to 0.05.\n"
    )


def test_scheduler_sets_python_floats() -> None:
    model, history = end_epochs(LearningRateScheduler(SCHEDULES["a float32"]), [{"loss": 1.0}])
    assert type(model.optimizer.learning_rate) is float
    assert history.history["learning_rate"] == [0.125]


@pytest.mark.parametrize("returned", [None, 1, "0.1"])
def test_scheduler_wants_a_float(returned: Any) -> None:
    with pytest.raises(
        ValueError, match=r"expected its schedule to return a float, received .* for epoch 0"
    ):
        end_epochs(LearningRateScheduler(lambda *_: returned), [{"loss": 1.0}])


def test_scheduler_lets_an_error_inside_the_schedule_out() -> None:
    def schedule(_: int, rate: float) -> float:
        return rate * None  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand"):
        end_epochs(LearningRateScheduler(schedule), [{"loss": 1.0}])


# --- files


@pytest.mark.parametrize("save_freq", ["batch", 1.5, 0, -2])
def test_checkpoint_refuses_an_odd_frequency(save_freq: Any) -> None:
    with pytest.raises(
        ValueError, match=rf"'epoch' or a number of batches, received save_freq={save_freq!r}"
    ):
        ModelCheckpoint("model", save_freq=save_freq)


def test_checkpoint_names_what_its_path_may_hold() -> None:
    with pytest.raises(
        KeyError, match=r"cannot fill in 'val_loss' in filepath .* available are epoch, loss"
    ):
        CallbackList(ModelCheckpoint("{val_loss:.2f}"), model=FakeModel()).on_epoch_end(
            0, {"loss": 1.0}
        )


def test_checkpoint_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="received the existing folder .*: add a file name"):
        CallbackList(ModelCheckpoint(tmp_path), model=FakeModel()).on_epoch_end(0, {"loss": 1.0})


def test_checkpoint_weights_only_saves_weights(tmp_path: Path) -> None:
    calls: list[str] = []
    model = SimpleNamespace(
        save=lambda _: calls.append("model"), save_weights=lambda _: calls.append("weights")
    )
    for weights_only in (False, True):
        checkpoint = ModelCheckpoint(tmp_path / "any.suffix", save_weights_only=weights_only)
        CallbackList(checkpoint, model=model).on_epoch_end(0, {"loss": 1.0})
    assert calls == ["model", "weights"]


def test_checkpoint_says_what_it_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "best"
    every = CallbackList(
        ModelCheckpoint(path, save_best_only=True, verbose=1), model=FakeModel(tmp_path)
    )
    for epoch, value in enumerate((1.0, 0.5, 0.5)):
        every.on_epoch_begin(epoch)
        every.on_epoch_end(epoch, {"val_loss": value})
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1: val_loss improved from nothing to 1.00000",
        f"Epoch 1: saved {path}",
        "Epoch 2: val_loss improved from 1.00000 to 0.50000",
        f"Epoch 2: saved {path}",
        "Epoch 3: val_loss did not improve from 0.50000",
    ]


def test_csv_rows_can_be_read_while_training(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "log.csv"
    every = CallbackList(CSVLogger(path), model=FakeModel())
    every.on_train_begin()
    every.on_epoch_end(0, {"loss": 0.5, "val_loss": 1.0})
    assert path.read_text().splitlines() == ["epoch,loss,val_loss", "0,0.5,1.0"]
    every.on_train_end()


def test_csv_writes_a_list_as_one_cell(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    every = CallbackList(CSVLogger(path), model=FakeModel())
    every.on_train_begin()
    every.on_epoch_end(0, {"note": "fine", "val_recalls": np.array([0.5, 1.0])})
    every.on_train_end()
    assert path.read_text().splitlines()[1] == '0,fine,"""[0.5, 1.0]"""'


def test_csv_of_a_broken_training_is_closed_by_the_next(tmp_path: Path) -> None:
    every = CallbackList(CSVLogger(tmp_path / "log.csv"), model=FakeModel())
    for _ in range(2):
        every.on_train_begin()
        every.on_epoch_end(0, {"val_loss": 1.0})
    every.on_train_end()
    assert (tmp_path / "log.csv").read_text().splitlines() == ["epoch,val_loss", "0,1.0"]


# --- a loss that is no number


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_nan_stops_with_epoch_and_batch_counted_from_one(loss: float) -> None:
    model = FakeModel(learning_rate=0.1)
    every = CallbackList(TerminateOnNaN(), model=model)
    every.on_epoch_begin(2)
    every.on_train_batch_end(15, {"loss": 1.0})
    assert not model.stop_training
    with pytest.warns(
        UserWarning, match=rf"the loss is {loss} at epoch 3, batch 17: training stops"
    ):
        every.on_train_batch_end(16, {"loss": loss})
    assert model.stop_training


def test_nan_can_raise() -> None:
    every = CallbackList(TerminateOnNaN(raise_error=True), model=(model := FakeModel()))
    every.on_epoch_begin(0)
    with pytest.raises(RuntimeError, match="the loss is nan at epoch 1, batch 1"):
        every.on_train_batch_end(0, {"loss": math.nan})
    assert not model.stop_training


def test_batches_without_a_loss_are_let_pass() -> None:
    CallbackList(TerminateOnNaN(), model=(model := FakeModel())).on_train_batch_end(0, {})
    assert not model.stop_training


def test_warnings_of_callbacks_point_to_the_line_that_called_fit() -> None:
    """However deep inside the training loop they are raised."""
    model = Sequential([Input((2,)), layers.Dense(2, activation="softmax")], seed=0)
    model.compile(optimizers.SGD(1e38), "sparse_categorical_crossentropy")
    x, y = np.full((4, 2), 1e30), np.array([0, 1, 0, 1])
    watchers = [EarlyStopping(), TerminateOnNaN()]
    with pytest.warns(UserWarning) as got:
        model.fit(x, y, epochs=3, callbacks=watchers, verbose=0)
    assert {warning.filename for warning in got} == {__file__} and len(
        {warning.lineno for warning in got}
    ) == 1
    messages = " ".join(str(warning.message) for warning in got)
    assert (
        "the loss is" in messages
        and "EarlyStopping monitors" in messages
        and "TerminateOnNaN" in messages
    )
