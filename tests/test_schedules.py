"""Learning rate schedules: values of Keras and PyTorch, and what optimizers do with them."""

import numpy as np
import pytest
from golden import make_training as golden
from hypothesis import given
from hypothesis import strategies as st
from schedule_cases import EXPECTED, trained

from minicnn import callbacks, models, optimizers, schedules
from minicnn.errors import ModelFileError
from minicnn.saving import model_file

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
