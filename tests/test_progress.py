"""The bar and the plain lines of fit, with a clock that the test moves."""

import io
import math
import re
from typing import Any

import pytest

from minicnn.callbacks import CallbackList, EarlyStopping, LambdaCallback
from minicnn.training import progress
from minicnn.training.progress import Progress, resolve_verbose


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Stands for the time module's perf_counter."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def train(
    verbose: int,
    clock: Clock,
    epochs: int = 1,
    callbacks: tuple[Any, ...] = (),
    validate: bool = True,
) -> None:
    """Three batches (4 + 4 + 2 images, 2 s each) and a validation of 100 s per epoch."""
    every = CallbackList(
        [*callbacks, Progress(verbose, epochs=epochs, steps=3, samples=10)], model=object()
    )
    every.on_train_begin()
    for epoch in range(epochs):
        every.on_epoch_begin(epoch)
        for batch, size in enumerate((4, 4, 2)):
            every.on_train_batch_begin(batch)
            clock.now += 2
            every.on_train_batch_end(
                batch, {"loss": 2.0 - batch / 4, "accuracy": 0.25, "size": size}
            )
        logs = {"loss": 1.5, "accuracy": 0.25}
        if validate:
            every.on_test_begin()
            clock.now += 100
            every.on_test_end({"loss": 1.0, "accuracy": 0.5})
            logs |= {"val_loss": 1.0, "val_accuracy": 0.5}
        every.on_epoch_end(epoch, logs)
    every.on_train_end(logs)


def test_plain_lines_count_training_time_only(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    train(2, clock, epochs=2)
    out, err = capsys.readouterr()
    rest = "loss 1.5000  accuracy 0.2500  val_loss 1.0000  val_accuracy 0.5000  6.0 s  2 pictures/s"
    assert out.splitlines() == [f"Epoch 1/2  {rest}", f"Epoch 2/2  {rest}"]
    assert err == ""


def test_plain_lines_show_what_other_callbacks_log(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    logged = {
        "learning_rate": 1e-05,
        "small": 0.00012345,
        "large": -3e16,
        "zero": 0.0,
        "none": math.nan,
        "word": "not a number",
    }
    add = LambdaCallback(on_epoch_end=lambda _, logs: logs.update(logged))
    train(2, clock, callbacks=(add,), validate=False)
    assert capsys.readouterr().out == (
        "Epoch 1/1  loss 1.5000  accuracy 0.2500  learning_rate 1e-05  small 0.0001234  "
        "large -3e+16  zero 0.0000  none nan  6.0 s  2 pictures/s\n"
    )


def test_silence(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    train(0, clock)
    assert capsys.readouterr() == ("", "")


def test_bar_shows_running_means_and_leaves_one_line_per_epoch(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    train(1, clock, epochs=2)
    screen = terminal.getvalue()
    assert "Epoch 1/2  40%|" in screen, (
        "from the first batch on, before which kernels may be compiled"
    )
    assert "?" not in screen, "time left is not said before it is known"
    assert re.search(
        r"Epoch 1/2 100%\|[#█]+\| .* img/s, 00:00 left, loss 1\.5000  accuracy 0\.2500", screen
    )
    assert "Epoch 2/2 validating" in screen
    line = "loss 1.5000  accuracy 0.2500  val_loss 1.0000  val_accuracy 0.5000  6.0 s  2 pictures/s"
    assert left_on_screen(screen) == [f"Epoch 1/2  {line}", f"Epoch 2/2  {line}"]


def test_messages_of_callbacks_stand_above_the_bar(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    stop = EarlyStopping(monitor="loss", verbose=1)
    stop.stopped_epoch = 3
    say = LambdaCallback(on_epoch_end=lambda _, logs: stop.on_train_end(logs))
    train(1, clock, callbacks=(say,))
    first, second = left_on_screen(terminal.getvalue())
    assert first == "Epoch 4: early stopping"
    assert second.startswith("Epoch 1/1  loss 1.5000")


def test_an_unfinished_epoch_closes_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    every = CallbackList(Progress(1, epochs=1, steps=3, samples=10))
    every.on_train_begin()
    every.on_epoch_begin(0)
    every.on_train_batch_end(0, {"loss": 1.0, "size": 4})
    every.on_train_end()
    assert left_on_screen(terminal.getvalue()) == []


def left_on_screen(written: str) -> list[str]:
    """Return the lines that remain when a carriage return starts a line anew."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        if shown.strip():
            lines.append(shown.rstrip())
    return lines


@pytest.mark.parametrize(("verbose", "resolved"), [(0, 0), (1, 1), (2, 2), (True, 1), (False, 0)])
def test_verbose_numbers(verbose: int, resolved: int) -> None:
    assert resolve_verbose(verbose) is resolved


def test_verbose_auto_looks_at_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    assert resolve_verbose("auto") == 1
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert resolve_verbose("auto") == 2
    monkeypatch.setattr("sys.stderr", None)  # a program without a console
    assert resolve_verbose("auto") == 2


@pytest.mark.parametrize("verbose", [3, -1, "yes", None])
def test_verbose_names_its_choices(verbose: Any) -> None:
    choices = r"'auto', 0 \(silent\), 1 \(a progress bar\) or 2 \(one line per epoch\)"
    with pytest.raises(ValueError, match=rf"verbose expected {choices}, received {verbose!r}"):
        resolve_verbose(verbose)
