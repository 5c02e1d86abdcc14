"""Optimizers beside Keras' steps; what they remember in files and checkpoints; their names and
mistakes. Those of Adam and SGD against the textbooks are in test_optimizer_definitions.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, models, optimizers, schedules

sys.path.insert(0, str(Path(__file__).parent / "golden"))
import make_optimizers as golden  # noqa: E402

GOLDEN = json.loads(golden.GOLDEN.read_text())


def steps(optimizer, dtype=np.float64, count=golden.STEPS):
    values, rows = [value.astype(dtype) for value in golden.initial()], []
    for step in golden.gradients()[:count]:
        optimizer.step(
            (f"p{i}/w", value, gradient.astype(dtype))
            for i, (value, gradient) in enumerate(zip(values, step, strict=True))
        )
        rows.append(np.concatenate([value.reshape(-1) for value in values]))
    return rows


@pytest.mark.parametrize("name", golden.OPTIMIZERS)
def test_steps_are_keras(name):
    rows = steps(golden.made(optimizers, name))
    for row, expected in zip([rows[0], rows[1], rows[4], rows[-1]], GOLDEN[name], strict=True):
        # Keras takes constants such as 0.9 and 0.96 through float32
        np.testing.assert_allclose(row, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", golden.OPTIMIZERS)
def test_single_precision_stays_and_follows_double(name):
    optimizer = golden.made(optimizers, name)
    single, double = steps(optimizer, np.float32), steps(golden.made(optimizers, name))
    assert single[-1].dtype == np.float32
    assert {a.dtype for slots in optimizer.slots.values() for a in slots.values()} == {
        np.dtype(np.float32)
    }
    np.testing.assert_allclose(single[-1], double[-1], rtol=3e-4, atol=1e-5)


@pytest.mark.parametrize("name", golden.OPTIMIZERS)
def test_a_description_makes_one_like_it(name):
    optimizer = golden.made(optimizers, name)
    twin = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert twin.get_config() == optimizer.get_config()
    np.testing.assert_array_equal(steps(twin)[-1], steps(optimizer)[-1])


@pytest.mark.parametrize("name", optimizers.NAMES)
def test_every_optimizer_by_name_class_and_description(name):
    cls = optimizers.NAMES[name]
    for given in (name, name.upper(), cls.__name__, cls, optimizers.serialize(cls())):
        assert type(optimizers.get(given)) is cls
        assert optimizers.get(given).get_config() == cls().get_config()


def network():
    model = Sequential([Input((3,)), layers.Dense(4, "relu"), layers.Dense(1, "sigmoid")], seed=0)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20, 3)).astype(np.float32)
    return model, x, (x[:, 0] > 0).astype(int)


@pytest.mark.parametrize("name", golden.OPTIMIZERS)
def test_a_training_goes_on_from_a_file_and_from_a_checkpoint(name, tmp_path):
    options = {"batch_size": 6, "verbose": 0, "seed": 3}
    model, x, y = network()
    model.compile(golden.made(optimizers, name), "binary_crossentropy")
    model.fit(x, y, epochs=2, resume=tmp_path / "run", **options)
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(tmp_path / "model.safetensors")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    again, _, _ = network()
    again.compile(golden.made(optimizers, name), "binary_crossentropy")
    again.fit(x, y, epochs=3, resume=tmp_path / "run", **options)
    through, _, _ = network()
    through.compile(golden.made(optimizers, name), "binary_crossentropy")
    through.fit(x, y, epochs=3, **options)
    for mine, expected in zip(again.get_weights(), through.get_weights(), strict=True):
        assert np.array_equal(mine, expected)
    for trained in (model, loaded):
        trained.train_on_batch(x, y)
    for mine, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(mine, expected)


def test_nadams_momentum_goes_on_wherever_it_is_taken_up():
    whole, later = optimizers.Nadam(0.1), optimizers.Nadam(0.1)
    value, other = np.ones(2), np.ones(2)
    for t in range(6):
        whole.step([("p", value, np.ones(2) * t)])
        if t == 3:
            later.slots = {"p": {slot: a.copy() for slot, a in whole.slots["p"].items()}}
            later.iterations, other[...] = whole.iterations, value
        if t > 3:
            later.step([("p", other, np.ones(2) * t)])
    np.testing.assert_allclose(other, value, rtol=1e-15)


def test_clipping_leaves_gradients_alone_and_nan_visible():
    for clip in ("clipnorm", "clipvalue", "global_clipnorm"):
        value, gradient = np.zeros(3), np.array([30.0, 40.0, 0.0])
        optimizers.SGD(1.0, **{clip: 1.0}).step([("p", value, gradient)])
        assert gradient.tolist() == [30, 40, 0]
        expected = [-1, -1, 0] if clip == "clipvalue" else [-0.6, -0.8, 0]
        np.testing.assert_allclose(value, expected, rtol=1e-15)
        value = np.zeros(2)
        optimizers.SGD(1.0, **{clip: 1.0}).step([("p", value, np.array([np.nan, 0.5]))])
        assert np.isnan(value[0])


def test_clipnorm_is_of_each_parameter_on_its_own():
    small, large = np.zeros(2), np.zeros(2)
    rows = [("a", small, np.array([0.3, 0.4])), ("b", large, np.array([3.0, 4.0]))]
    optimizers.SGD(1.0, clipnorm=1.0).step(rows)
    np.testing.assert_allclose([small, large], [[-0.3, -0.4], [-0.6, -0.8]], rtol=1e-15)


def test_what_is_not_used_is_in_no_description():
    """Checkpoints of versions without these arguments stay readable."""
    assert not {"clipnorm", "clipvalue", "amsgrad"} & optimizers.Adam().get_config().keys()
    config = optimizers.Adam(clipvalue=0.5, amsgrad=True).get_config()
    assert config["clipvalue"] == 0.5 and config["amsgrad"] is True and "clipnorm" not in config


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=0.5), "one of clipnorm, clipvalue and glo"),
        (lambda: optimizers.Adam(clipnorm=0), "clipnorm as a finite number above 0, received 0"),
        (lambda: optimizers.Adam(clipvalue=-1), "clipvalue as a finite number above 0"),
        (lambda: optimizers.RMSprop(rho=1.5), "RMSprop expected rho as .* at most 1, received 1.5"),
        (lambda: optimizers.RMSprop(momentum=-1), "momentum as .* at least 0"),
        (lambda: optimizers.RMSprop(centered=2), "centered as True or False, received 2"),
        (lambda: optimizers.RMSprop(epsilon=-1), "epsilon as .* at least 0"),
        (lambda: optimizers.Nadam(beta_1=1.0), "Nadam expected beta_1 as .* below 1"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1), "initial_accumulator_value as"),
        (lambda: optimizers.Adadelta(rho=-0.1), "Adadelta expected rho as .* at least 0"),
        (lambda: optimizers.Adamax(beta_2=1), "Adamax expected beta_2 as .* below 1"),
        (lambda: optimizers.Lion(beta_1=0), "Lion expected beta_1 as .* above 0"),
        (lambda: optimizers.Adam(amsgrad="yes"), "amsgrad as True or False"),
        (lambda: optimizers.get("ftrl"), "unknown optimizer 'ftrl'. It is for sparse linear mod"),
        (lambda: optimizers.get("rmsprob"), "unknown optimizer 'rmsprob'. Did you mean 'rmsprop'"),
        (lambda: optimizers.get({"class_name": "Ftrl"}), "optimizers has no class 'Ftrl'"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_schedule_by_its_description():
    config = schedules.serialize(schedules.PiecewiseConstantDecay([3], [0.5, 0.25]))
    optimizer = optimizers.deserialize(
        {"class_name": "SGD", "config": {"learning_rate": json.loads(json.dumps(config))}}
    )
    assert optimizer.learning_rate == 0.5 and optimizer.schedule(4) == 0.25
