"""fit(resume=folder): a training that is broken off and resumed, anywhere and however, ends as if
nothing had happened.
"""
# ruff: noqa: ARG002, ARG005  (hooks and methods keep their whole signatures, used or not)

import os
import signal
from pathlib import Path

import pytest
from resume_cases import (
    EPOCHS,
    STEPS,
    Kill,
    Killed,
    Mean,
    break_off,
    files,
    killed_process,
    network,
    pictures,
    state,
    train,
    watchers,
)

from minicnn import Sequential, callbacks, models
from minicnn.training.checkpoint import FILE


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The training that nobody interrupts, once with and once without a checkpoint: the seed makes
    them equal.
    """
    folder, other = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("plain")
    model = train(folder, model_seed=5)
    assert state(model) == state(train(other, resume=False, model_seed=5))
    assert files(folder) == files(other)
    assert (
        len(model.history.epoch) == EPOCHS and len(set(model.history.history["learning_rate"])) > 1
    )
    return state(model), files(folder)


# Broken off anywhere


@pytest.mark.parametrize("every", [None, 1, 2])
@pytest.mark.parametrize(("epoch", "batch"), [(e, b) for e in range(EPOCHS) for b in range(STEPS)])
def test_broken_off_after_any_batch_it_ends_as_if_it_had_not(epoch, batch, every, whole, tmp_path):
    """Checkpoints at an epoch's edge only, after every step, after every other. The resuming model
    has other weights, generators and another seed."""
    break_off(tmp_path, Kill(epoch, batch), checkpoint_every_steps=every)
    resumed = train(tmp_path, checkpoint_every_steps=every)
    assert state(resumed) == whole[0]
    assert files(tmp_path) == whole[1]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_it_is_the_checkpoint_that_makes_it_so(whole, tmp_path):
    """The tests above can fail: without the checkpoint the same script ends elsewhere."""
    break_off(tmp_path, Kill(1, 2))
    (tmp_path / FILE).unlink()
    ended = state(train(tmp_path))
    assert all(ended[part] != whole[0][part] for part in ended)


def test_broken_off_again_and_again(whole, tmp_path):
    for epoch, batch in ((0, 0), (0, 1), (0, 4), (1, 0), (1, 3), (2, 2), (2, 4)):
        break_off(tmp_path, Kill(epoch, batch), checkpoint_every_steps=1)
    assert state(train(tmp_path, checkpoint_every_steps=1)) == whole[0]
    assert files(tmp_path) == whole[1]


def test_the_frequency_of_checkpoints_changes_nothing_and_may_change(whole, tmp_path):
    break_off(tmp_path, Kill(1, 2), checkpoint_every_steps=1)
    assert state(train(tmp_path, checkpoint_every_steps=3)) == whole[0]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_after_kill_9_in_the_middle_of_epochs(whole, tmp_path):
    killed_process(tmp_path, 0, 3)
    killed_process(tmp_path, 2, 1)  # which first resumes what the one before left
    resumed = train(tmp_path, checkpoint_every_steps=2)
    assert state(resumed) == whole[0]
    assert files(tmp_path) == whole[1]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_while_the_checkpoint_is_written_the_one_before_is_whole(
    whole, tmp_path, monkeypatch
):
    replace, calls = os.replace, []

    def kill_at_the_third(source, target):
        if Path(target).name == FILE:
            calls.append(target)
            if len(calls) == 3:
                raise Killed
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", kill_at_the_third)
        patched.setattr(os, "unlink", lambda path: None)  # killed: nobody tidies up
        with pytest.raises(Killed):
            train(tmp_path, model_seed=5, checkpoint_every_steps=2)
    assert len(list(tmp_path.glob(f".{FILE}.*"))) == 1
    assert state(train(tmp_path, checkpoint_every_steps=2)) == whole[0]
    assert list(tmp_path.glob(f".{FILE}.*")) == []


@pytest.mark.parametrize("batch", [1, STEPS - 1])
def test_after_ctrl_c_the_epoch_goes_on_where_it_was_left(batch, whole, tmp_path):
    model = train(tmp_path, kill=Kill(1, batch, signal.SIGINT), model_seed=5)
    assert model.history.interrupted and model.history.epoch == [0]  # the second epoch is not over
    resumed = train(tmp_path)
    assert not resumed.history.interrupted
    assert state(resumed) == whole[0]
    assert files(tmp_path) == whole[1]


def test_the_same_model_can_go_on_after_ctrl_c(whole, tmp_path):
    """In a notebook, the cell runs again: with the learning rate that a callback has lowered."""
    model, (x, y) = network(seed=5), pictures()
    options = {
        "batch_size": 8,
        "epochs": EPOCHS,
        "validation_data": pictures(10, seed=1),
        "verbose": 0,
    }
    for kill in ([Kill(2, 1, signal.SIGINT)], []):
        model.fit(x, y, callbacks=[*watchers(tmp_path), *kill], resume=tmp_path, **options)
    assert model.optimizer.learning_rate < 0.01
    assert state(model) == whole[0]


# Finished, and further


def test_a_finished_training_is_not_trained_again(whole, tmp_path):
    train(tmp_path, model_seed=5)
    seen: list[int] = []
    count = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    again = train(tmp_path, kill=count)
    assert seen == []
    assert state(again) == whole[0]
    assert files(tmp_path) == whole[1]


def test_more_epochs_train_on(tmp_path):
    (tmp_path / "long").mkdir(), (tmp_path / "short").mkdir()
    expected = train(tmp_path / "long", model_seed=5, epochs=EPOCHS + 2)
    train(tmp_path / "short", model_seed=5)
    further = train(tmp_path / "short", epochs=EPOCHS + 2)
    assert state(further) == state(expected) and len(further.history.epoch) > EPOCHS
    assert files(tmp_path / "short") == files(tmp_path / "long")


def test_what_early_stopping_has_ended_stays_ended(tmp_path):
    x, y = pictures()

    def run(seed: int | None) -> Sequential:
        model, stop = (
            network(seed=seed),
            callbacks.EarlyStopping("loss", min_delta=10.0, patience=1),
        )
        model.fit(x, y, batch_size=8, epochs=9, callbacks=stop, resume=tmp_path, verbose=0)
        assert stop.stopped_epoch == 1
        return model

    first, again = run(5), run(None)
    assert first.history.epoch == again.history.epoch == [0, 1]
    assert state(first) == state(again)


def test_a_checkpoint_is_a_model_file(tmp_path):
    model = train(tmp_path, model_seed=5)
    loaded = models.load_model(tmp_path / FILE, custom_objects={"Mean": Mean})
    x, y = pictures()
    assert loaded.optimizer.iterations == model.optimizer.iterations == EPOCHS * STEPS
    loaded.fit(x, y, verbose=0)
