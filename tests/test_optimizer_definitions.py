"""Optimizers against the textbook, three parameters at a time."""

import math
from fractions import Fraction

import numpy as np
import pytest

from minicnn import optimizers


def gradients(steps: int, seed: int = 0) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [[rng.standard_normal(shape) * scale for shape, scale in SHAPES] for _ in range(steps)]


SHAPES = [((2, 3), 1.0), ((4,), 100.0), ((1, 1, 2, 2), 1e-4)]


def run(
    optimizer: optimizers.Optimizer, steps: list[list[np.ndarray]], dtype=np.float64
) -> list[np.ndarray]:
    """The three parameters after the steps, starting from 1, 2, 3 everywhere."""
    values = [np.full(shape, i + 1.0, dtype) for i, (shape, _) in enumerate(SHAPES)]
    for step in steps:
        optimizer.step(
            (f"p{i}/w", value, g.astype(dtype))
            for i, (value, g) in enumerate(zip(values, step, strict=True))
        )
    assert optimizer.iterations == len(steps)
    return values


def textbook(update, steps: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The same with update(number, gradient, memory, t) -> number for one number at a time; memory
    is its own dict.
    """
    values = [np.full(shape, i + 1.0) for i, (shape, _) in enumerate(SHAPES)]
    for i, value in enumerate(values):
        for index in np.ndindex(value.shape):
            memory: dict[str, float] = {}
            for t, step in enumerate(steps, 1):
                value[index] = update(float(value[index]), float(step[i][index]), memory, t)
    return values


def assert_same(
    received: list[np.ndarray], expected: list[np.ndarray], rtol: float = 1e-13
) -> None:
    for one, two in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=rtol)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_the_textbooks(momentum, nesterov):
    def update(w, g, memory, _):
        memory["velocity"] = momentum * memory.get("velocity", 0.0) - 0.1 * g
        return w + (momentum * memory["velocity"] - 0.1 * g if nesterov else memory["velocity"])

    steps = gradients(6)
    assert_same(run(optimizers.SGD(0.1, momentum, nesterov), steps), textbook(update, steps))


def adam_by_the_book(rate=1e-3, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    """Kingma & Ba's moments and bias correction, epsilon where Keras adds it: to sqrt(v), before
    the correction.
    """

    def update(w, g, memory, t):
        w -= rate * decay * w
        memory["m"] = beta_1 * memory.get("m", 0.0) + (1 - beta_1) * g
        memory["v"] = beta_2 * memory.get("v", 0.0) + (1 - beta_2) * g * g
        m_hat, v_hat = memory["m"] / (1 - beta_1**t), memory["v"] / (1 - beta_2**t)
        return w - rate * m_hat / (math.sqrt(v_hat) + epsilon / math.sqrt(1 - beta_2**t))

    return update


ADAMS = [
    {},
    {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1},
    {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 1e-3},
]


@pytest.mark.nojit
@pytest.mark.parametrize("arguments", ADAMS)
@pytest.mark.parametrize("decay", [None, 0.004, 0.5])
def test_adam_and_adamw_are_the_textbooks(arguments, decay):
    steps = gradients(7)
    if decay is None:
        optimizer: optimizers.Adam = optimizers.Adam(0.01, **arguments)
    else:
        optimizer = optimizers.AdamW(0.01, weight_decay=decay, **arguments)
    expected = textbook(adam_by_the_book(rate=0.01, decay=decay or 0.0, **arguments), steps)
    assert_same(run(optimizer, steps), expected, rtol=1e-12)


def test_defaults_are_keras_defaults():
    every = {
        "weight_decay": None,
        "global_clipnorm": None,
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
    }
    assert optimizers.SGD().get_config() == every | {
        "learning_rate": 0.01,
        "momentum": 0.0,
        "nesterov": False,
    }
    adam = every | {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    assert optimizers.Adam().get_config() == adam
    assert optimizers.AdamW().get_config() == adam | {"weight_decay": 0.004}


@pytest.mark.parametrize(
    "make", [optimizers.SGD, lambda: optimizers.SGD(momentum=0.9, nesterov=True), optimizers.Adam]
)
def test_float32_parameters_stay_float32_and_follow_float64(make):
    steps = gradients(5)
    single, double = run(make(), steps, np.float32), run(make(), steps, np.float64)
    assert {value.dtype for value in single} == {np.dtype(np.float32)}
    assert_same(single, double, rtol=1e-5)


@pytest.mark.parametrize(
    "make", [lambda **o: optimizers.SGD(0.1, 0.9, **o), optimizers.Adam, optimizers.AdamW]
)
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_global_clipnorm_scales_all_gradients_together(make, factor):
    """Clipping at `factor` times the norm is handing over gradients that are scaled down by it
    beforehand.
    """
    steps = gradients(1)
    norm = math.sqrt(math.fsum(float(v) ** 2 for g in steps[0] for v in g.ravel()))
    scaled = [[g * min(1.0, factor) for g in steps[0]]]
    originals = [g.copy() for g in steps[0]]
    assert_same(run(make(global_clipnorm=factor * norm), steps), run(make(), scaled))
    assert all(np.array_equal(g, original) for g, original in zip(steps[0], originals, strict=True))


def test_global_clipnorm_bounds_the_step_and_its_arithmetic():
    """Gradients whose squares overflow float32, and zero ones."""
    value, gradient = np.zeros(4, np.float32), np.full(4, 1e30, np.float32)
    optimizers.SGD(1.0, global_clipnorm=1.0).step([("p/w", value, gradient)])
    np.testing.assert_allclose(value, -0.5, rtol=1e-6)
    optimizers.SGD(1.0, global_clipnorm=1.0).step([("p/w", value, np.zeros(4, np.float32))])
    np.testing.assert_allclose(value, -0.5, rtol=1e-6)


@pytest.mark.parametrize("norm", [0, -1.0])
def test_a_global_clipnorm_that_clips_everything_or_turns_around_is_refused(norm):
    with pytest.raises(
        ValueError,
        match=f"Adam expected global_clipnorm as a finite number above 0, received {norm}",
    ):
        optimizers.Adam(global_clipnorm=norm)


@pytest.mark.parametrize(
    "arguments", [{"beta_1": 1.0}, {"beta_2": 1.0}, {"beta_1": -0.1}, {"beta_2": 1.5}]
)
def test_betas_out_of_range_are_refused(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(
        ValueError, match=f"Adam expected {name} as .* at least 0 and below 1, received {value}"
    ):
        optimizers.Adam(**arguments)


@pytest.mark.parametrize("momentum", [-0.1, 1.1])
def test_a_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(
        ValueError,
        match=f"SGD expected momentum as .* at least 0 and at most 1, received {momentum}",
    ):
        optimizers.SGD(momentum=momentum)


def test_the_learning_rate_can_be_read_and_set_between_steps():
    steps = gradients(2)
    optimizer = optimizers.SGD(0.1)
    values = [np.full(shape, 0.0) for shape, _ in SHAPES]
    for rate, step in zip((0.1, 0.5), steps, strict=True):
        optimizer.learning_rate = rate
        assert optimizer.learning_rate == rate
        optimizer.step(
            (f"p{i}", value, g) for i, (value, g) in enumerate(zip(values, step, strict=True))
        )
    assert_same(values, [-0.1 * a - 0.5 * b for a, b in zip(*steps, strict=True)])


@pytest.mark.nojit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adam_flushes_subnormal_moments(dtype):
    """A gradient once, then none: without the flush the moments shrink into the subnormal numbers
    and stay there.
    """
    value, gradient = np.zeros(3, dtype), np.array([1e-3, -1e-3, 1e-15], dtype)
    optimizer = optimizers.Adam(beta_1=0.5, beta_2=0.5)
    optimizer.step([("p/w", value, gradient)])
    assert (optimizer.slots["p/w"]["v"][:2] > 0).all()
    gradient[...] = 0
    smallest = float(np.finfo(np.float32).tiny)
    for _ in range(200):
        optimizer.step([("p/w", value, gradient)])
        for moment in optimizer.slots["p/w"].values():
            assert not ((moment != 0) & (np.abs(moment) < smallest)).any()
    assert not any(moment.any() for moment in optimizer.slots["p/w"].values())
    assert np.isfinite(value).all()


def test_adam_keeps_nan_visible():
    value = np.ones(2, np.float32)
    optimizers.Adam().step([("p/w", value, np.array([np.nan, 1.0], np.float32))])
    assert np.isnan(value[0]) and value[1] < 1


@pytest.mark.parametrize("make", [optimizers.SGD, optimizers.Adam, optimizers.AdamW])
def test_parameters_that_are_not_c_contiguous_are_updated_too(make):
    """A layer of the user's own may hold a transposed array."""
    rng = np.random.default_rng(0)
    plain, gradient = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
    turned = np.asfortranarray(plain)
    make().step([("p/w", turned, gradient)])
    make().step([("p/w", plain, gradient)])
    np.testing.assert_allclose(turned, plain, rtol=1e-15)


def test_a_memory_of_another_shape_is_refused():
    optimizer = optimizers.Adam()
    optimizer.step([("dense/kernel", np.zeros((2, 3)), np.ones((2, 3)))])
    message = (
        r"Adam remembers m of 'dense/kernel' with shape \(2, 3\), received \(4,\): use a new "
        r"optimizer"
    )
    with pytest.raises(ValueError, match=message):
        optimizer.step([("dense/kernel", np.zeros(4), np.ones(4))])


def test_a_parameter_that_joins_later_starts_with_an_empty_memory():
    optimizer = optimizers.Adam()
    first, second = np.zeros(1), np.zeros(1)
    optimizer.step([("a/w", first, np.ones(1))])
    optimizer.step([("a/w", first, np.ones(1)), ("b/w", second, np.ones(1))])
    assert set(optimizer.slots) == {"a/w", "b/w"}
    assert optimizer.slots["a/w"]["m"][0] == pytest.approx(0.9 * 0.1 + 0.1)
    assert optimizer.slots["b/w"]["m"][0] == pytest.approx(0.1)


def test_steps_are_exact_where_the_arithmetic_is():
    """Powers of two: the velocity after n steps of gradient 1, as a fraction."""
    value, velocity = np.zeros(1), Fraction(0)
    expected = Fraction(0)
    optimizer = optimizers.SGD(0.25, momentum=0.5)
    for _ in range(10):
        optimizer.step([("p", value, np.ones(1))])
        velocity = velocity / 2 - Fraction(1, 4)
        expected += velocity
    assert Fraction(float(value[0])) == expected
