"""Weight decay and averages of weights: values of Keras, then minicnn's own."""

import math

import numpy as np
import pytest
from golden import make_training as golden
from hypothesis import given
from hypothesis import strategies as st
from schedule_cases import EXPECTED, softmax_layer, trained

import minicnn
from minicnn import callbacks, models, optimizers
from minicnn.optimizers.base import AVERAGE
from minicnn.saving import model_file


@pytest.mark.parametrize("name", golden.TRAININGS)
def test_trainings_are_keras(name):
    def averages(optimizer: optimizers.Optimizer) -> list[np.ndarray]:
        return [slots[AVERAGE] for slots in optimizer.slots.values()]

    received, expected = (
        golden.run(minicnn, softmax_layer(), name, averages),
        EXPECTED["trainings"][name],
    )
    assert received.keys() == expected.keys()
    assert received["history"].keys() == expected["history"].keys()
    for key, values in expected["history"].items():
        np.testing.assert_allclose(received["history"][key], values, rtol=1e-6)
    for part in expected.keys() - {"history"}:
        np.testing.assert_allclose(received[part], expected[part], rtol=1e-5, atol=1e-7)


@given(
    momentum=st.floats(0, 1),
    frequency=st.none() | st.integers(1, 4),
    decay=st.floats(0, 0.5),
    gradients=st.lists(st.floats(-3, 3), min_size=1, max_size=6),
)
def test_decay_and_average_are_their_definition(momentum, frequency, decay, gradients):
    """One number after the other, in exact order: decay, step, average, overwrite."""
    optimizer = optimizers.SGD(
        0.5,
        weight_decay=decay,
        use_ema=True,
        ema_momentum=momentum,
        ema_overwrite_frequency=frequency,
    )
    value, w, average = np.array([2.0]), 2.0, None
    for step, gradient in enumerate(gradients, 1):
        optimizer.step([("w", value, np.array([gradient]))])
        w -= 0.5 * decay * w
        w -= 0.5 * gradient
        average = w if average is None else momentum * average + (1 - momentum) * w
        if frequency and step % frequency == 0:
            w = average
        assert value[0] == pytest.approx(w, rel=1e-12, abs=1e-12)
        assert optimizer.slots["w"][AVERAGE][0] == pytest.approx(average, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam, optimizers.AdamW])
def test_averaging_changes_no_step_and_allocates_nothing(kind):
    """The same arrays from the first step on; what is averaged is not changed by it."""
    rng = np.random.default_rng(0)
    plain, averaged = kind(0.1), kind(0.1, use_ema=True)
    values = [np.ones(50, np.float32), np.ones(50, np.float32)]
    for step in range(4):
        gradient = rng.standard_normal(50).astype(np.float32)
        for optimizer, value in zip((plain, averaged), values, strict=True):
            optimizer.step([("w", value, gradient)])
        if step == 0:
            average = averaged.slots["w"][AVERAGE]
            assert np.array_equal(average, values[1])
    assert np.array_equal(*values)
    assert averaged.slots["w"][AVERAGE] is average and average.dtype == np.float32


def test_a_weight_that_joins_later_is_averaged_from_there_on():
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    first, second = np.zeros(1), np.full(1, 8.0)
    optimizer.step([("a", first, np.ones(1))])
    optimizer.step([("a", first, np.ones(1)), ("b", second, np.ones(1))])
    assert optimizer.slots["b"][AVERAGE][0] == 0.5 * 8 + 0.5 * 7


def test_fit_ends_with_the_averages_and_evaluates_with_the_weights():
    """Without SwapEMAWeights, as in Keras: validation sees the weights of the moment."""
    plain = trained(optimizers.SGD(0.5), shuffle=False)
    averaged = trained(optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), shuffle=False)
    assert plain.history.history == averaged.history.history
    assert not np.array_equal(plain.get_weights()[0], averaged.get_weights()[0])
    assert np.array_equal(
        averaged.get_weights()[0], averaged.optimizer.slots["dense/kernel"][AVERAGE]
    )


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_stopped_early_fit_ends_with_the_averages_too(swap_on_epoch):
    """Where Keras, with swap_on_epoch, would end with the weights."""
    watchers = [
        callbacks.SwapEMAWeights(swap_on_epoch),
        callbacks.EarlyStopping("loss", min_delta=100.0, patience=1),
    ]
    stopped = trained(
        optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), watchers, epochs=9, shuffle=False
    )
    assert stopped.history.epoch == [0, 1]
    expected = trained(optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), shuffle=False)
    assert np.array_equal(stopped.get_weights()[0], expected.get_weights()[0])


def test_a_checkpoint_after_swap_ema_weights_holds_the_averages(tmp_path):
    save = callbacks.ModelCheckpoint(tmp_path / "{epoch}.safetensors")
    options = {"use_ema": True, "ema_momentum": 0.5}
    model = trained(
        optimizers.SGD(0.5, **options),
        [callbacks.SwapEMAWeights(swap_on_epoch=True), save],
        shuffle=False,
    )
    saved = models.load_model(tmp_path / "2.safetensors")
    assert np.array_equal(saved.get_weights()[0], model.get_weights()[0])


def test_averages_are_saved_with_the_model_and_go_on(tmp_path):
    model = trained(optimizers.Adam(0.1, use_ema=True, ema_momentum=0.5, weight_decay=0.1))
    model.save(tmp_path / "m.safetensors")
    loaded = models.load_model(tmp_path / "m.safetensors")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    (x, y), _ = golden.data()
    for one in (model, loaded):
        one.fit(x, y, shuffle=False, verbose=0)
    assert np.array_equal(model.get_weights()[0], loaded.get_weights()[0])


def test_files_from_before_there_were_averages_still_load(tmp_path):
    model = trained(optimizers.SGD(0.5, momentum=0.5))
    model.save(tmp_path / "m.safetensors")
    config, arrays = model_file.read(tmp_path / "m.safetensors")
    settings = config["compile"]["optimizer"]["config"]
    for name in ("weight_decay", "use_ema", "ema_momentum", "ema_overwrite_frequency"):
        del settings[name]
    del config["model"]["class_names"]
    model_file.write(tmp_path / "old.safetensors", config, arrays)
    loaded = models.load_model(tmp_path / "old.safetensors")
    assert (
        loaded.optimizer.get_config() == model.optimizer.get_config() and loaded.class_names is None
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"ema_momentum": 1.5},
            "Adam expected ema_momentum as .* at least 0 and at most 1, received 1.5",
        ),
        (
            {"ema_momentum": math.nan},
            "Adam expected ema_momentum as .* at least 0 and at most 1, received nan",
        ),
        (
            {"ema_overwrite_frequency": 0},
            "Adam expected ema_overwrite_frequency of at least 1, received 0",
        ),
    ],
)
def test_averages_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimizers.Adam(use_ema=True, **arguments)


def test_swap_ema_weights_needs_averages():
    message = (
        r"SwapEMAWeights expected an optimizer that averages the weights, received SGD with "
        r"use_ema=False"
    )
    with pytest.raises(ValueError, match=message):
        trained(optimizers.SGD(0.5), callbacks.SwapEMAWeights())
