"""Learning rate schedules, weight decay and averages of weights: values of Keras and PyTorch, then
minicnn's own.
"""

import json
import math

import numpy as np
import pytest
from golden import make_training as golden
from hypothesis import given
from hypothesis import strategies as st

import minicnn
from minicnn import Input, Sequential, callbacks, layers, models, optimizers, schedules
from minicnn.errors import ModelFileError
from minicnn.optimizers.base import AVERAGE
from minicnn.saving import model_file

EXPECTED = json.loads(golden.GOLDEN.read_text())


def softmax_layer(dtype: str = "float64", seed: int = 0) -> Sequential:
    return Sequential([Input((4,)), layers.Dense(3, activation="softmax")], dtype=dtype, seed=seed)


def trained(
    optimizer: optimizers.Optimizer, watchers=None, epochs: int = 2, **options
) -> Sequential:
    model = softmax_layer()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    (x, y), validation = golden.data()
    model.fit(
        x,
        y,
        batch_size=5,
        epochs=epochs,
        callbacks=watchers,
        validation_data=validation,
        verbose=0,
        **options,
    )
    return model


# Values


@pytest.mark.parametrize(
    ("case", "expected"),
    list(zip(golden.SCHEDULES, EXPECTED["schedules"], strict=True)),
    ids=[f"{name} {i}" for i, (name, *_) in enumerate(golden.SCHEDULES)],
)
def test_schedules_are_keras(case, expected):
    name, arguments, steps = case
    schedule = getattr(optimizers.schedules, name)(**arguments)
    rates = [schedule(step) for step in range(0, steps, golden.EVERY)]
    # Keras computes them in float32
    np.testing.assert_allclose(rates, expected, rtol=3e-6, atol=1e-8)
    assert {type(rate) for rate in rates} == {float}


@pytest.mark.parametrize(
    ("case", "expected"), list(zip(golden.CYCLES, EXPECTED["cycles"], strict=True))
)
def test_one_cycle_is_pytorchs(case, expected):
    peak, steps, peak_at, first, last = case
    schedule = schedules.OneCycle(peak, steps, peak_at, div_factor=first, final_div_factor=last)
    np.testing.assert_allclose([schedule(step) for step in range(steps)], expected, rtol=1e-12)
    assert schedule(steps) == schedule(10 * steps) == pytest.approx(expected[-1], rel=1e-12)


@given(
    peak=st.floats(1e-6, 10),
    steps=st.integers(1, 300),
    peak_at=st.floats(0, 1, exclude_max=True),
    factors=st.tuples(st.floats(1, 100), st.floats(1, 1e5)),
)
def test_one_cycle_rises_once_and_falls_once(peak, steps, peak_at, factors):
    schedule = schedules.OneCycle(
        peak, steps, peak_at, div_factor=factors[0], final_div_factor=factors[1]
    )
    rates = [schedule(step) for step in range(steps + 2)]
    highest = rates.index(max(rates))
    slack = 1e-12 * peak
    assert all(a <= b + slack for a, b in zip(rates[:highest], rates[1 : highest + 1], strict=True))
    assert all(a >= b - slack for a, b in zip(rates[highest:-1], rates[highest + 1 :], strict=True))
    assert peak / factors[0] / factors[1] - slack <= min(rates) and max(rates) <= peak + slack
    assert abs(highest - (peak_at * steps - 1)) <= 1 or highest == 0 or factors[0] < 1.001


def test_the_documented_one_cycle():
    """4e-3 at a quarter of 60 epochs of 391 batches."""
    schedule = schedules.OneCycle(4e-3, 60 * 391, peak_at=0.25)
    assert schedule(15 * 391 - 1) == 4e-3
    assert [schedule(0), schedule(60 * 391 - 1)] == pytest.approx([1.6e-4, 1.6e-8], rel=1e-9)
    rates = [schedule(step) for step in range(60 * 391)]
    assert np.argmax(rates) == 15 * 391 - 1
    # cosines lie half way on average
    assert np.mean(rates) == pytest.approx(4e-3 / 2 * (1 + 0.25 / 25), rel=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            "ExponentialDecay expected decay_steps above 0, received 0",
        ),
        (
            lambda: schedules.CosineDecay(0.1, -1),
            "CosineDecay expected decay_steps above 0, received -1",
        ),
        (lambda: schedules.OneCycle(0.1, 0), "OneCycle expected steps above 0, received 0"),
        (
            lambda: schedules.OneCycle(0.1, 9, div_factor=0),
            "OneCycle expected div_factor above 0, received 0",
        ),
        (
            lambda: schedules.OneCycle(0.1, 9, 1.0),
            r"OneCycle expected 0 <= peak_at < 1, the share of steps, received 1.0",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]),
            "expected one value more than boundaries, received 2 boundaries and 1 values",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([2, 2], [1, 2, 3]),
            r"expected rising boundaries, received \[2, 2\]",
        ),
        (lambda: schedules.CosineDecay(0.1, 9, 0.0, 0.1), "positional arguments"),
    ],
)
def test_schedules_that_make_no_sense_are_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


def test_a_schedule_of_ones_own_that_is_not_finished():
    with pytest.raises(
        NotImplementedError, match=r"LearningRateSchedule must define __call__\(step\)"
    ):
        schedules.LearningRateSchedule()(0)


# In optimizers


class Halving(schedules.LearningRateSchedule):
    """A schedule of one's own."""

    def __init__(self, first: float):
        self.first = first

    def __call__(self, step: int) -> float:
        return self.first * 0.5**step


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam, optimizers.AdamW])
def test_every_step_has_the_rate_of_the_steps_before_it(kind):
    """A schedule is the same as setting each rate by hand."""
    rng = np.random.default_rng(0)
    by_schedule, by_hand = kind(Halving(0.5)), kind(0.5)
    values = [np.ones(3), np.ones(3)]
    for step in range(5):
        assert by_schedule.learning_rate == 0.5 * 0.5**step and by_schedule.iterations == step
        by_hand.learning_rate = 0.5 * 0.5**step
        gradient = rng.standard_normal(3)
        for optimizer, value in zip((by_schedule, by_hand), values, strict=True):
            optimizer.step([("w", value, gradient)])
    assert np.array_equal(*values)


def test_a_number_ends_a_schedule_and_a_schedule_may_begin_at_any_time():
    optimizer = optimizers.SGD(Halving(0.5))
    assert isinstance(optimizer.schedule, Halving)
    optimizer.learning_rate = 0.125
    assert optimizer.schedule is None and optimizer.learning_rate == 0.125
    optimizer.learning_rate = schedules.CosineDecay(0.25, 10)
    assert optimizer.learning_rate == 0.25


def test_history_has_the_rate_at_the_end_of_each_epoch():
    schedule = schedules.CosineDecay(0.5, 20)
    model = trained(optimizers.SGD(schedule), epochs=3)
    assert list(model.history.history) == ["loss", "val_loss", "learning_rate"]
    assert model.history.history["learning_rate"] == [schedule(4), schedule(8), schedule(12)]


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (callbacks.ReduceLROnPlateau(), "ReduceLROnPlateau"),
        (callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)), "LearningRateScheduler"),
    ],
)
def test_callbacks_that_set_the_rate_refuse_a_schedule(callback, name):
    message = (
        rf"{name} sets the learning rate, but SGD's follows "
        r"CosineDecay\(initial_learning_rate=0.5, .*\): leave out one"
    )
    with pytest.raises(TypeError, match=message):
        trained(optimizers.SGD(schedules.CosineDecay(0.5, 20)), callback)


@pytest.mark.parametrize("name", schedules.SCHEDULES)
def test_schedules_are_saved_with_the_model_and_go_on(name, tmp_path):
    arguments = next((a for n, a, _ in golden.SCHEDULES if n == name), {"peak": 0.5, "steps": 20})
    whole, model = (
        trained(optimizers.SGD(schedules.SCHEDULES[name](**arguments)), epochs=e) for e in (3, 2)
    )
    model.save(tmp_path / "m.safetensors")
    loaded = models.load_model(tmp_path / "m.safetensors")
    assert repr(loaded.optimizer.schedule) == repr(model.optimizer.schedule)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    (x, y), _ = golden.data()
    for one in (model, loaded):
        one.fit(x, y, batch_size=5, shuffle=False, epochs=3, initial_epoch=2, verbose=0)
    assert (
        loaded.optimizer.learning_rate
        == model.optimizer.learning_rate
        == whole.optimizer.learning_rate
    )
    assert np.array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_a_schedule_of_ones_own_is_named_when_loading(tmp_path):
    trained(optimizers.SGD(Halving(0.5))).save(tmp_path / "m.safetensors")
    loaded = models.load_model(tmp_path / "m.safetensors", custom_objects={"Halving": Halving})
    assert isinstance(loaded.optimizer.schedule, Halving) and loaded.optimizer.schedule.first == 0.5
    with pytest.raises(
        ModelFileError, match=r"names the unknown schedule 'Halving'. Known are: .*custom_objects"
    ):
        models.load_model(tmp_path / "m.safetensors")


def test_a_file_with_a_schedule_that_is_none_is_refused(tmp_path):
    trained(optimizers.SGD(schedules.CosineDecay(0.5, 20))).save(tmp_path / "m.safetensors")
    config, arrays = model_file.read(tmp_path / "m.safetensors")
    config["compile"]["optimizer"]["config"]["learning_rate"]["class"] = "SGD"
    model_file.write(tmp_path / "m.safetensors", config, arrays)
    with pytest.raises(ModelFileError, match="gives SGD arguments that it does not take"):
        models.load_model(tmp_path / "m.safetensors")


# Weight decay and averages


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
