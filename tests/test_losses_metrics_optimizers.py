"""Losses, metrics and optimizers against their definitions, written out here in plain NumPy and
float64.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Sequential, layers, metrics, optimizers
from minicnn.layers.softmax import softmax
from minicnn.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy

# Losses by definition


def by_definition(z: np.ndarray, t: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean over n of -sum_k t_k log(exp(z_k) / sum_j exp(z_j)) * weight, one sample and one class
    at a time.
    """
    total = 0.0
    for n in range(len(z)):
        denominator = math.fsum(math.exp(value) for value in z[n])
        loss = -math.fsum(
            t[n, k] * math.log(math.exp(z[n, k]) / denominator) for k in range(z.shape[1])
        )
        total += loss * (1.0 if weight is None else weight[n])
    return total / len(z)


def smoothed(t: np.ndarray, a: float) -> np.ndarray:
    return t * (1 - a) + a / t.shape[1]


@st.composite
def batches(draw):
    """Logits (N, K), labels (N,), weights (N,) or None and a smoothing."""
    n, k = draw(st.integers(1, 5)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weight = rng.uniform(0, 3, n) if draw(st.booleans()) else None
    return (
        rng.standard_normal((n, k)) * 3,
        rng.integers(0, k, n),
        weight,
        draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
    )


@settings(deadline=None)
@given(batches())
def test_losses_are_their_definition(batch):
    z, y, weight, a = batch
    one_hot, p = np.eye(z.shape[1])[y], softmax(z)
    plain, smooth = (
        by_definition(z, one_hot, weight),
        by_definition(z, smoothed(one_hot, a), weight),
    )
    for from_logits, y_pred in ((True, z), (False, p)):
        sparse = SparseCategoricalCrossentropy(from_logits=from_logits)
        assert sparse(y, y_pred, weight) == pytest.approx(plain, rel=1e-12, abs=1e-13)
        assert sparse(y[:, None], y_pred, weight) == sparse(y, y_pred, weight)
        categorical = CategoricalCrossentropy(from_logits=from_logits, label_smoothing=a)
        assert categorical(one_hot, y_pred, weight) == pytest.approx(smooth, rel=1e-12, abs=1e-13)


@settings(deadline=None)
@given(batches(), st.sampled_from([1.0, 0.5]), st.sampled_from([1.0, 1.0005]))
def test_loss_gradients_are_differences_of_the_definition(batch, total, p_sum):
    """Central differences, also where the targets' sum is not 1, nor, by rounding, the
    probabilities'.

    From probabilities, the definition divides by their sum first, as Keras does: it is that of
    their logarithms.
    """
    z, y, weight, a = batch
    one_hot, h = total * np.eye(z.shape[1])[y], 1e-6
    t = smoothed(one_hot, a)
    loss = CategoricalCrossentropy(label_smoothing=a)
    for from_logits, y_pred in ((True, z), (False, softmax(z) * p_sum)):
        _, gradient = loss.value_and_gradient(one_hot, y_pred, weight, from_logits=from_logits)
        assert gradient.shape == z.shape and gradient.dtype == np.float64
        for index in np.ndindex(z.shape):
            step = h if from_logits else h * y_pred[index]
            value = {}
            for sign in (1, -1):
                moved = y_pred.copy()
                moved[index] += sign * step
                value[sign] = by_definition(moved if from_logits else np.log(moved), t, weight)
            measured = (value[1] - value[-1]) / (2 * step)
            assert gradient[index] == pytest.approx(measured, rel=1e-6, abs=1e-14 / step)


def test_the_gradient_from_logits_is_p_minus_t_over_n():
    z = np.log([[1.0, 2.0, 1.0], [1.0, 1.0, 2.0]])
    value, gradient = SparseCategoricalCrossentropy(from_logits=True).value_and_gradient(
        np.array([1, 0]), z
    )
    assert value == pytest.approx((math.log(2) + math.log(4)) / 2, rel=1e-15)
    np.testing.assert_allclose(gradient, [[0.125, -0.25, 0.125], [-0.375, 0.125, 0.25]], rtol=1e-14)


def test_the_known_value_of_smoothing():
    """p = (.05, .95, 0) and (.1, .8, .1), smoothing 0: Keras' own documentation gives 1.177; with
    0.1, by hand.
    """
    y, p = np.array([[0, 1, 0], [0, 0, 1.0]]), np.array([[0.05, 0.95, 0], [0.1, 0.8, 0.1]])
    assert CategoricalCrossentropy()(y, p) == pytest.approx(1.177, abs=5e-4)
    t = smoothed(y, 0.1)
    expected = -(t[1] * np.log(p[1])).sum()
    assert CategoricalCrossentropy(label_smoothing=0.1)(y[1:], p[1:]) == pytest.approx(
        expected, rel=1e-14
    )


def test_smoothing_of_nothing_and_of_everything():
    y, z = np.eye(4), np.random.default_rng(0).standard_normal((4, 4))
    plain = CategoricalCrossentropy(from_logits=True)
    assert CategoricalCrossentropy(from_logits=True, label_smoothing=0.0)(y, z) == plain(y, z)
    assert CategoricalCrossentropy(from_logits=True, label_smoothing=1.0)(y, z) == plain(
        np.full((4, 4), 0.25), z
    )


def test_targets_may_be_any_probabilities():
    t, z = np.array([[0.3, 0.7], [0.5, 0.5]]), np.array([[1.0, -1.0], [0.25, 2.0]])
    assert CategoricalCrossentropy(from_logits=True)(t, z) == pytest.approx(
        by_definition(z, t), rel=1e-14
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, 3e38])
def test_extreme_logits_are_exact_and_silent(size, dtype):
    """pytest turns every warning into an error here."""
    z = np.array(
        [[size, -size, 0], [size, -size, 0], [-size, -size, -size], [size, size, -size]], dtype
    )
    y = np.array([0, 1, 2, 1])
    big = float(dtype(size))
    expected = [0.0, 2 * big, math.log(3), math.log(2)]
    loss = SparseCategoricalCrossentropy(from_logits=True)
    for n in range(4):
        assert loss(y[n : n + 1], z[n : n + 1]) == expected[n]
    value, gradient = loss.value_and_gradient(y, z)
    assert value == pytest.approx(math.fsum(expected) / 4, rel=1e-15)
    np.testing.assert_allclose(
        gradient * 4,
        [[0, 0, 0], [1, -1, 0], [1 / 3, 1 / 3, -2 / 3], [0.5, -0.5, 0]],
        rtol=1e-6,
        atol=0,
    )
    assert gradient.dtype == dtype


@pytest.mark.parametrize("size", [1e4, 3e38])
def test_a_model_of_extreme_logits_predicts_and_evaluates_silently(size):
    model = Sequential([Input((2,)), layers.Dense(2, activation="softmax", use_bias=False)])
    model.set_weights([np.eye(2)])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    x = np.array([[size, -size], [-size, size]], np.float32)
    assert np.array_equal(model.predict(x), [[1, 0], [0, 1]])
    assert model.evaluate(x, np.array([0, 1])) == [0.0, 1.0]
    assert model.evaluate(x, np.array([1, 0])) == [2 * float(np.float32(size)), 0.0]


def test_small_losses_are_not_rounded_away():
    """log(1 + e^-30), where 1 - p is below float32's and nearly float64's resolution: Keras would
    report 1e-7.
    """
    loss = SparseCategoricalCrossentropy(from_logits=True)(np.array([0]), np.array([[30.0, 0.0]]))
    assert loss == pytest.approx(math.log1p(math.exp(-30)), rel=1e-2)


def test_a_probability_of_zero_for_the_right_class_is_an_infinite_loss():
    """Not 16.1, where Keras' clipping ends."""
    assert CategoricalCrossentropy()(np.array([[0, 1.0]]), np.array([[1.0, 0.0]])) == math.inf
    assert CategoricalCrossentropy()(np.array([[1.0, 0]]), np.array([[1.0, 0.0]])) == 0.0


@pytest.mark.parametrize("from_logits", [True, False])
def test_nan_predictions_are_a_nan_loss(from_logits):
    p = np.array([[np.nan, np.nan], [0.5, 0.5]])
    assert math.isnan(CategoricalCrossentropy(from_logits=from_logits)(np.eye(2), p))


def test_infinite_logits_are_a_nan_loss_without_numpys_warnings():
    """fit then says where they come from."""
    assert math.isnan(
        CategoricalCrossentropy(from_logits=True)(np.eye(2), np.array([[np.inf, 0.0], [0, 1]]))
    )


def test_the_loss_is_computed_in_double_from_single_predictions():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((1000, 10)).astype(np.float32), rng.integers(0, 10, 1000)
    loss = SparseCategoricalCrossentropy(from_logits=True)
    value, gradient = loss.value_and_gradient(y, z)
    exact, exact_gradient = loss.value_and_gradient(y, z.astype(np.float64))
    assert value == exact and gradient.dtype == np.float32
    assert np.array_equal(gradient, exact_gradient.astype(np.float32))


def test_losses_leave_their_arguments_alone():
    z, y, weight = np.ones((3, 3), np.float32), np.eye(3, dtype=np.uint8), np.full(3, 2.0)
    copies = z.copy(), y.copy(), weight.copy()
    CategoricalCrossentropy(from_logits=True, label_smoothing=0.1).value_and_gradient(y, z, weight)
    assert all(np.array_equal(a, b) for a, b in zip((z, y, weight), copies, strict=True))


@pytest.mark.parametrize(
    "loss", [CategoricalCrossentropy(from_logits=True), SparseCategoricalCrossentropy(True)]
)
def test_labels_of_pictures_do_not_go_with_predictions_of_places(loss):
    y = np.eye(3) if type(loss) is CategoricalCrossentropy else np.arange(3)
    with pytest.raises(
        ValueError, match=r"labels \(N, 2, 2.*for one answer per picture put Flatten\(\) or"
    ):
        loss(y, np.zeros((3, 2, 2, 3)))
    with pytest.raises(ValueError, match=r"expected 4 labels, one per prediction, received 1"):
        loss(y[:1], np.zeros((4, 3)))


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("weight", [np.ones(3), np.ones((4, 2)), 2.0])
def test_a_weight_per_sample_is_demanded_where_it_is_used(from_logits, weight):
    loss = SparseCategoricalCrossentropy(from_logits=from_logits)
    with pytest.raises(
        ValueError, match=r"expected sample_weight of shape \(4,\), one per prediction, received \("
    ):
        loss.value_and_gradient(np.zeros(4, int), np.full((4, 2), 0.5), weight)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.float32, np.float64])
def test_softmax_takes_numbers_of_any_type_and_order(dtype):
    scores = np.asfortranarray(np.array([[1, 3, 2], [-4, 0, 0]], dtype))
    powers = np.exp(scores.astype(np.float64))
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert np.allclose(softmax(scores), expected, rtol=2e-3 if dtype == np.float16 else 1e-6)


# Metrics


PREDICTIONS = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.2, 0.6], [0.3, 0.4, 0.3]])
LABELS = np.array([1, 2, 2, 0])  # right, second, right, tied for second


FORMS = {"(n,)": LABELS, "(n, 1)": LABELS[:, None], "(n, K)": np.eye(3)[LABELS]}


@pytest.mark.parametrize(
    ("metric", "forms", "expected"),
    [
        (metrics.Accuracy(), FORMS, [1, 0, 1, 0]),
        (metrics.CategoricalAccuracy(), ["(n, K)"], [1, 0, 1, 0]),
        (metrics.SparseCategoricalAccuracy(), ["(n,)", "(n, 1)"], [1, 0, 1, 0]),
        (metrics.TopKCategoricalAccuracy(k=1), ["(n, K)"], [1, 0, 1, 0]),
        (metrics.TopKCategoricalAccuracy(k=2), ["(n, K)"], [1, 1, 1, 1]),
        (metrics.SparseTopKCategoricalAccuracy(k=2), ["(n,)", "(n, 1)"], [1, 1, 1, 1]),
        (metrics.SparseTopKCategoricalAccuracy(), ["(n,)", "(n, 1)"], [1, 1, 1, 1]),
    ],
)
def test_metrics_on_labels_of_every_form(metric, forms, expected):
    for form in forms:
        assert metric.values(FORMS[form], PREDICTIONS).tolist() == [bool(e) for e in expected]


@pytest.mark.filterwarnings("error")
def test_a_diverging_model_is_wrong_and_nothing_warns_of_it():
    """NaN is the largest for argmax, but never right; infinite logits are numbers like others."""
    accuracy, labels = metrics.Accuracy(), np.array([0, 1])
    for predictions, expected in (
        ([[np.nan, 0], [0, 1]], [False, True]),
        ([[np.inf, -np.inf], [-np.inf, np.inf]], [True, True]),
        ([[3e38, 3e38], [3e38, np.nan]], [True, False]),
    ):
        assert accuracy.values(labels, np.array(predictions, np.float32)).tolist() == expected


@pytest.mark.parametrize(
    "metric", [metrics.CategoricalAccuracy(), metrics.TopKCategoricalAccuracy(k=2)]
)
def test_categorical_metrics_want_one_hot_labels(metric):
    with pytest.raises(
        ValueError,
        match=rf"metric '{metric.name}' expected one-hot labels \(N, 3\), received shape",
    ):
        metric.update(LABELS, PREDICTIONS)


@pytest.mark.parametrize(
    "metric", [metrics.SparseCategoricalAccuracy(), metrics.SparseTopKCategoricalAccuracy(k=2)]
)
def test_sparse_metrics_want_integer_labels(metric):
    with pytest.raises(
        ValueError,
        match=rf"metric '{metric.name}' expected integer labels .*received shape \(4, 3\)",
    ):
        metric.update(np.eye(3)[LABELS], PREDICTIONS)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(2, 7), st.integers(1, 8))
def test_top_k_counts_the_larger_predictions(seed, n, classes, k):
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, classes, n), rng.permuted(np.tile(np.arange(classes), (n, 1)), axis=1)
    expected = [
        sorted(row, reverse=True).index(row[label]) < k
        for row, label in zip(p.tolist(), y, strict=True)
    ]
    assert metrics.SparseTopKCategoricalAccuracy(k).values(y, p).tolist() == expected
    assert metrics.TopKCategoricalAccuracy(k).values(np.eye(classes)[y], p).tolist() == expected


def test_predictions_that_are_nan_are_never_right():
    p = np.array([[np.nan, np.nan, np.nan], [0.2, 0.7, 0.1]])
    assert metrics.SparseTopKCategoricalAccuracy(k=2).values(np.array([1, 1]), p).tolist() == [
        False,
        True,
    ]


def test_a_metric_is_the_mean_over_all_samples_since_reset():
    metric = metrics.Accuracy()
    assert metric.result() == 0.0
    metric.update(np.array([1]), PREDICTIONS[:1])
    metric.update(np.array([2, 0, 0]), PREDICTIONS[1:])
    assert metric.result() == 0.25
    metric.reset()
    metric.update(np.array([1]), PREDICTIONS[:1])
    assert metric.result() == 1.0


@pytest.mark.parametrize("k", [0, -1])
def test_a_top_k_of_nothing_is_refused(k):
    with pytest.raises(
        ValueError, match=f"TopKCategoricalAccuracy expected k of at least 1, received {k}"
    ):
        metrics.TopKCategoricalAccuracy(k=k)


def test_metric_names():
    for name in metrics.NAMES:
        assert metrics.get(name).name == name
    mine = metrics.TopKCategoricalAccuracy(k=3, name="top3")
    assert metrics.get(mine) is mine
    assert mine.get_config() == {"k": 3, "name": "top3"}


# Optimizers against the textbook, three parameters at a time


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
