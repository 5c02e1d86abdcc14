"""Losses against their definitions, written out here in plain NumPy and float64."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Sequential, layers
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
