"""Metrics against their definitions, written out here in plain NumPy and float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import metrics

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
