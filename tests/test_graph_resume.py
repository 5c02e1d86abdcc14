"""fit(resume=folder) of networks with branches: broken off and resumed, they end in the bits of one
that was not.
"""

import numpy as np
import pytest
from resume_cases import CLASSES, EPOCHS, STEPS, Kill, Killed, pictures, state

import minicnn
from minicnn import Input, Model, Sequential, callbacks, layers, losses, optimizers
from minicnn.machine import threads
from minicnn.models import load_model
from minicnn.training.checkpoint import FILE


def network(seed=None, filters=4, again=True):
    """Augmentation as a model inside, a residual block with a layer that is called twice, dropout,
    a backbone.
    """
    augmentation = Sequential(
        [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1)], name="augmentation"
    )
    maps = Input((8, 8, filters))
    normal = layers.BatchNormalization(warmup=True)(layers.Conv2D(filters, 3, padding="same")(maps))
    backbone = Model(maps, layers.ReLU()(normal), name="backbone")
    inputs, shared = Input((8, 8, 1)), layers.Conv2D(filters, 3, padding="same", name="shared")
    x = layers.Conv2D(filters, 1)(layers.Rescaling(1 / 255)(augmentation(inputs)))
    x = layers.Add()([x, backbone(x), shared(shared(x) if again else x)])
    x = layers.Dropout(0.3)(layers.Flatten()(backbone(x, training=False)))
    model = Model(inputs, layers.Dense(CLASSES, activation="softmax")(x), seed=seed)
    model.compile(
        optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        ["accuracy"],
    )
    return model


def train(folder, seed=None, kill=None, model=None):
    model = model or network(seed)
    early = callbacks.EarlyStopping(patience=4, restore_best_weights=True, monitor="val_accuracy")
    watchers = [callbacks.SwapEMAWeights(swap_on_epoch=True), early, *([kill] if kill else [])]
    options = {
        "batch_size": 8,
        "epochs": EPOCHS,
        "validation_data": pictures(10, seed=1),
        "verbose": 0,
    }
    model.fit(*pictures(), callbacks=watchers, resume=folder, checkpoint_every_steps=2, **options)
    return model


COUNTS = sorted({1, min(2, threads.get_thread_count())})  # of threads


@pytest.fixture(params=COUNTS)
def whole(request, tmp_path):
    """How the training ends that nobody interrupts, by one thread or two."""
    minicnn.set_threads(request.param)
    yield state(train(tmp_path / "whole", seed=5))
    minicnn.set_threads(threads.get_thread_count())


@pytest.mark.parametrize(("epoch", "batch"), [(0, 2), (1, 1), (2, STEPS - 1)])
def test_broken_off_it_ends_as_if_it_had_not(epoch, batch, whole, tmp_path):
    with pytest.raises(Killed):
        train(tmp_path / "broken", 5, Kill(epoch, batch))
    assert state(train(tmp_path / "broken")) == whole


def test_one_thread_and_two_end_in_the_same_bits(tmp_path):
    ends = []
    for count in COUNTS:
        minicnn.set_threads(count)
        ends.append(state(train(tmp_path / str(count), seed=5)))
    minicnn.set_threads(threads.get_thread_count())
    assert ends[0] == ends[-1]


def test_a_checkpoint_is_the_file_of_a_model(tmp_path):
    model = train(tmp_path, seed=5)
    loaded = load_model(tmp_path / FILE)
    assert type(loaded) is Model and list(loaded.leaves) == list(model.leaves)
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))


def test_another_network_is_refused_and_what_differs_is_said(tmp_path):
    train(tmp_path, seed=5)
    start = r"fit cannot resume: '.*' is of another training.*What differs:\n"
    inside = (
        r"(  .*\n)*  layers.backbone.config.layers.conv2d.config.filters: 4 in the checkpoint, 5 "
        r"here"
    )
    with pytest.raises(ValueError, match=start + inside):
        train(tmp_path, model=network(filters=5))
    with pytest.raises(
        ValueError, match=start + r"  nodes.6.layer: shared in the checkpoint, add here\n  nodes"
    ):
        train(tmp_path, model=network(again=False))
