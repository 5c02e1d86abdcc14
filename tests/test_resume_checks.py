"""fit(resume=folder): what it asks of callbacks, and what is no checkpoint of this training."""
# ruff: noqa: ARG002, ARG005  (hooks and methods keep their whole signatures, used or not)

import numpy as np
import pytest
from resume_cases import CLASSES, STEPS, Kill, Killed, network, pictures, train

from minicnn import Input, Sequential, callbacks, layers, optimizers
from minicnn.errors import ModelFileError
from minicnn.saving import model_file
from minicnn.training.checkpoint import FILE

# Callbacks


class Counter(callbacks.Callback):
    """A user's callback, with a state by naming it."""

    remembers = ("batches",)

    def __init__(self):
        super().__init__()
        self.batches, self.begun = 0, []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


def test_a_callback_of_ones_own_remembers_what_it_names(tmp_path):
    x, y = pictures()
    for kill, expected, begun in ((Kill(1, 2), 8, [0, 1]), (None, 2 * STEPS, [1])):
        model, counter = network(), Counter()
        given = [counter, *([kill] if kill else [])]
        options = {
            "batch_size": 8,
            "epochs": 2,
            "resume": tmp_path,
            "checkpoint_every_steps": 1,
            "verbose": 0,
        }
        if kill:
            with pytest.raises(Killed):
                model.fit(x, y, callbacks=given, **options)
        else:
            model.fit(x, y, callbacks=given, **options)
        # The eighth batch was trained after the last checkpoint, and is trained again.
        assert (counter.batches, counter.begun) == (expected, begun)


def test_logs_of_the_end_are_those_of_the_last_epoch(tmp_path):
    seen: list[dict] = []
    end = callbacks.LambdaCallback(on_train_end=lambda logs: seen.append(logs))
    train(tmp_path, model_seed=5)
    train(tmp_path, kill=end)
    last = {
        name: values[-1]
        for name, values in train(tmp_path).history.history.items()
        if name != "learning_rate"
    }
    assert seen == [last]


def test_the_bar_begins_where_the_epoch_goes_on(tmp_path, capsys):
    x, y = pictures()
    for kill in (Kill(0, 2), None):
        model = network(seed=5)
        options = {"batch_size": 8, "resume": tmp_path, "checkpoint_every_steps": 2, "verbose": 1}
        if kill:
            with pytest.raises(Killed):
                model.fit(x, y, callbacks=kill, **options)
        else:
            model.fit(x, y, **options)
    assert "100%" in capsys.readouterr().err


# What is no checkpoint of this training


def test_another_training_is_refused_and_what_differs_is_said(tmp_path):
    model = network(seed=5)
    x, y = pictures()

    def fit(model: Sequential = model, x=x, **options) -> None:
        model.fit(x, y, **{"batch_size": 8, "verbose": 0, "resume": tmp_path} | options)

    fit()
    start = (
        rf"fit cannot resume: '.*{FILE}' is of another training. Choose another folder, or delete "
        r"the file to start "
        r"anew. What differs:\n  "
    )

    def refused(what: str, **options) -> None:
        with pytest.raises(ValueError, match=start + what):
            fit(**options)

    refused(r"data.batch_size: 8 in the checkpoint, 4 here$", batch_size=4)
    refused(r"shuffle: True in the checkpoint, False here$", shuffle=False)
    refused(r"seed: None in the checkpoint, 3 here$", seed=3)
    refused(r"data.x.contents: \w+ in the checkpoint, \w+ here$", x=x[::-1])
    refused(
        r"data.x.dtype: uint8 in the checkpoint, float32 here\n  data.x.contents: ",
        x=x.astype(np.float32),
    )
    refused(
        r"data.sample_weight: None in the checkpoint, missing here\n  data.sample_weight",
        sample_weight=np.ones(38),
    )
    refused(
        r"data.x.shape: \[38, 8, 8, 1\] in .*, \[30, 8, 8, 1\] here\n(  .*\n)*  callbacks: "
        r"\['History'",
        validation_split=0.2,
        callbacks=Counter(),
    )
    other = network()
    other.compile(optimizers.AdamW(0.02, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4))
    refused(
        r"(metrics.*\n  )+optimizer.config.learning_rate: 0.01 in the checkpoint, 0.02 here\n  "
        r"loss.config.label_smoothing: 0.1 in the checkpoint, 0.0 here$",
        model=other,
    )
    rest = [layers.Flatten(), layers.Dense(CLASSES, activation="softmax")]
    smaller = Sequential([Input((8, 8, 1)), layers.Rescaling(1 / 127.5, offset=-1), *rest])
    smaller.compile("sgd")
    refused(
        r"layers.rescaling.config.scale: 0.0039\d+ in .*, 0.0078\d+ here\n(  .*\n)*  and \d+ more$",
        model=smaller,
    )
    fit()  # and the checkpoint is as it was
    assert model.history.epoch == [0]


def test_a_damaged_checkpoint_and_a_plain_model_are_refused(tmp_path):
    model = train(tmp_path, model_seed=5)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:-9])
    with pytest.raises(ModelFileError, match=f"{FILE}' is damaged"):
        train(tmp_path)
    model.save(tmp_path / FILE)
    with pytest.raises(
        ValueError,
        match=r"fit\(resume=...\) expected a checkpoint, received the plain model file '.*'",
    ):
        train(tmp_path)


def test_a_checkpoint_every_so_many_steps_is_a_number(tmp_path):
    with pytest.raises(
        ValueError, match="fit expected checkpoint_every_steps of at least 1, received 0"
    ):
        train(tmp_path, checkpoint_every_steps=0)


def test_a_plain_training_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "write", lambda *_: pytest.fail("a checkpoint without resume"))
    model = network()
    model.fit(*pictures(), verbose=0)
    assert list(tmp_path.iterdir()) == []
