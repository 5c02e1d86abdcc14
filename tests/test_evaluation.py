"""evaluate_report agrees with scikit-learn, with definitions written as loops and with published
numbers.
"""

import json
import warnings
from math import ceil, log

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.report import (
    Evaluation,
    calibration,
    classification_report,
    evaluate_report,
    wilson_interval,
)


def examples(n, classes, seed=0, skill=1.0):
    """Labels (n,) and the probabilities (n, classes) of a model that knows something, without equal
    ones.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    scores = rng.normal(size=(n, classes))
    scores[np.arange(n), y] += skill
    p = np.exp(scores)
    return y, p / p.sum(axis=1, keepdims=True)


problems = st.tuples(st.integers(1, 60), st.integers(2, 12), st.integers(0, 10_000))


@given(problems)
@settings(deadline=None)
def test_every_figure_that_scikit_learn_has_is_scikit_learns(drawn):
    n, classes, seed = drawn
    y, p = examples(n, classes, seed)
    evaluation, labels, answers = evaluate_report(y, p), range(classes), p.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that do not occur
        figures = {
            average: sklearn.metrics.precision_recall_fscore_support(
                y, answers, labels=labels, average=average, zero_division=0
            )
            for average in (None, "macro", "weighted")
        }
        np.testing.assert_array_equal(
            evaluation.confusion, sklearn.metrics.confusion_matrix(y, answers, labels=labels)
        )
    measured = evaluation.classes
    for ours, theirs in zip(
        (measured.precision, measured.recall, measured.f1, measured.support),
        figures[None],
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(
        list(measured.macro_average.values()), figures["macro"][:3], rtol=1e-12
    )
    np.testing.assert_allclose(
        list(measured.weighted_average.values()), figures["weighted"][:3], rtol=1e-12
    )
    assert evaluation.accuracy == pytest.approx(sklearn.metrics.accuracy_score(y, answers))
    assert evaluation.cross_entropy == pytest.approx(
        sklearn.metrics.log_loss(y, p, labels=list(labels)), rel=1e-9
    )
    assert list(evaluation.top_k_accuracy) == [k for k in (3, 5) if k < classes]
    for k, share in evaluation.top_k_accuracy.items():
        theirs = sklearn.metrics.top_k_accuracy_score(y, p, k=k, labels=labels)
        assert share == pytest.approx(theirs)


def calibration_error_by_loops(y, p):
    """Guo et al. 2017, equation 3, with M = 15."""
    n, error = len(y), 0.0
    for m in range(1, 16):
        bin_m = []  # those whose confidence lies in ((m - 1) / 15, m / 15]
        for i in range(n):
            if max(1, ceil(max(p[i]) * 15)) == m:
                bin_m.append(i)
        if bin_m:
            accuracy = sum(int(np.argmax(p[i]) == y[i]) for i in bin_m) / len(bin_m)
            confidence = sum(max(p[i]) for i in bin_m) / len(bin_m)
            error += len(bin_m) / n * abs(accuracy - confidence)
    return error


@given(problems)
@settings(deadline=None)
def test_calibration_error_is_the_definitions(drawn):
    n, classes, seed = drawn
    y, p = examples(n, classes, seed, skill=2.0)
    evaluation = evaluate_report(y, p)
    found = evaluation.calibration
    assert found.error == pytest.approx(calibration_error_by_loops(y, p), abs=1e-12)
    assert found.count.sum() == n and found.edges.shape == (16,)
    assert found.overconfidence == pytest.approx(p.max(axis=1).mean() - evaluation.accuracy)


def test_calibration_by_hand():
    """Two answers of 0.6, one of them right, and a certain one that is right: only the first bin is
    off, by 0.1.
    """
    found = calibration(np.array([0.6, 0.6, 1.0]), np.array([True, False, True]))
    # (8/15, 9/15] contains 0.6; (14/15, 1] contains 1
    assert np.flatnonzero(found.count).tolist() == [
        8,
        14,
    ]
    assert found.count[[8, 14]].tolist() == [2, 1]
    assert found.error == pytest.approx(2 / 3 * 0.1)
    assert found.overconfidence == pytest.approx(2 / 3 * 0.1)


def test_a_model_that_is_right_as_often_as_it_says_has_no_calibration_error():
    confidence = np.repeat([0.5, 0.75, 0.9], [10, 20, 100])
    right = np.concatenate(
        [np.arange(n) < share * n for n, share in ((10, 0.5), (20, 0.75), (100, 0.9))]
    )
    assert calibration(confidence, right).error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "right, n, low, high",
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_the_published_one(right, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3: the four examples there."""
    np.testing.assert_allclose(wilson_interval(right, n), (low, high), atol=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_solves_its_equation(drawn):
    """Its ends are the shares q whose own standard deviation sqrt(q (1 - q) / n) is 1.96 times in
    |p - q|.
    """
    right, n = drawn
    p, (low, high) = right / n, wilson_interval(right, n)
    assert 0 <= low <= p + 1e-12 and p - 1e-12 <= high <= 1
    for q in (low, high):
        assert (p - q) ** 2 == pytest.approx(1.959964**2 * q * (1 - q) / n, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("right, n", [(0, 0), (3, 2), (-1, 5)])
def test_wilson_interval_refuses_what_is_no_share(right, n):
    with pytest.raises(
        ValueError, match=rf"wilson_interval expected 0 <= right <= n .* received {right} of {n}"
    ):
        wilson_interval(right, n)


KNOWN = evaluate_report(
    [0, 0, 0, 1, 1, 2],
    np.array(
        [
            [0.8, 0.1, 0.1],
            [0.3, 0.6, 0.1],
            [0.2, 0.7, 0.1],
            [0.1, 0.8, 0.1],
            [0.5, 0.4, 0.1],
            [0.1, 0.2, 0.7],
        ],
        np.float32,
    ),
    ["cat", "dog", "owl"],
)


def test_known_values_by_hand():
    assert KNOWN.accuracy == 0.5
    assert KNOWN.confusion.tolist() == [[1, 2, 0], [1, 1, 0], [0, 0, 1]]
    assert KNOWN.most_confused == [("cat", "dog", 2), ("dog", "cat", 1)]
    assert KNOWN.cross_entropy == pytest.approx(
        -(log(0.8) + log(0.3) + log(0.2) + log(0.8) + log(0.4) + log(0.7)) / 6
    )
    assert KNOWN.top_k_accuracy == {}  # three of three are always enough
    assert isinstance(KNOWN, Evaluation)


def test_the_page_for_a_terminal():
    assert KNOWN.to_text() == str(KNOWN) == repr(KNOWN)
    top, table, pairs = (
        KNOWN.to_text().split("\n\n", 1)[0],
        str(KNOWN.classes),
        KNOWN.to_text().splitlines()[-2:],
    )
    assert top == "6 pictures, 3 classes"
    assert table in KNOWN.to_text()
    assert pairs == [
        "cat taken for dog       2 times,  66.7 % of its pictures",
        "dog taken for cat       1 time,   50.0 % of its pictures",
    ]
    for line in (
        "accuracy            50.00 %   95 % interval 18.76 to 81.24 %",
        "cross-entropy       0.7554   knowing nothing would cost 1.0986",
        "calibration error   31.67 %   probabilities are on average 18.33 points too high",
    ):
        assert f"\n{line}\n" in KNOWN.to_text()


def test_top_k_is_on_the_page_and_the_most_confused_pairs_are_ten_at_most():
    y, p = examples(2000, 10)
    page = evaluate_report(y, p).to_text()
    assert "\ntop-3 accuracy " in page and "\ntop-5 accuracy " in page
    assert page.count(" taken for ") == 10
    wide = [len(line) for line in page.splitlines()]
    assert max(wide) <= 80


def test_pairs_are_in_the_order_of_their_number():
    y, p = examples(500, 6)
    pairs = evaluate_report(y, p, list("abcdef")).most_confused
    counts = [count for *_, count in pairs]
    assert counts == sorted(counts, reverse=True) and min(counts) > 0
    assert sum(counts) == int((y != p.argmax(axis=1)).sum())
    for true, answer, count in pairs:
        assert count == np.sum(
            (y == "abcdef".index(true)) & (p.argmax(axis=1) == "abcdef".index(answer))
        )


def test_the_dictionary_goes_through_strict_json():
    y, p = examples(50, 7)
    for evaluation in (KNOWN, evaluate_report(y, p)):
        figures = evaluation.to_dict()
        assert json.loads(json.dumps(figures, allow_nan=False)) == figures
        assert figures["classes"] == evaluation.classes.to_dict()


def test_an_impossible_right_answer_costs_infinitely_much():
    evaluation = evaluate_report([0, 1], np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert evaluation.cross_entropy == np.inf
    assert evaluation.to_dict()["cross_entropy"] is None
    assert "cross-entropy          inf " in evaluation.to_text()


def test_a_class_never_predicted_is_named_without_a_warning():
    """The page says it; a warning beside it would be noise."""
    evaluation = evaluate_report([0, 1], np.array([[0.9, 0.1], [0.8, 0.2]]), ["cat", "dog"])
    assert "undefined, reported as 0: precision of dog (never predicted)" in evaluation.to_text()
    assert evaluation.to_dict()["undefined"] == ["precision of dog (never predicted)"]


def test_of_equal_probabilities_the_lower_number_comes_first_as_in_argmax():
    evaluation = evaluate_report([0, 1, 2, 3], np.full((4, 4), 0.25))
    assert evaluation.accuracy == 0.25
    assert evaluation.top_k_accuracy == {3: 0.75}


def test_it_is_the_classification_report_of_the_answers():
    y, p = examples(300, 5)
    evaluation = evaluate_report(y[:, None].astype(np.uint8), p.astype(np.float32), list("abcde"))
    assert str(evaluation.classes) == str(classification_report(y, p.argmax(axis=1), list("abcde")))


Y, P = examples(4, 3)
WRONG_SUM, NEGATIVE, NOT_A_NUMBER, INFINITE = P.copy(), P.copy(), P.copy(), P.copy()
WRONG_SUM[2] *= 1.1
NEGATIVE[1] = [-0.5, 1.0, 0.5]
NOT_A_NUMBER[3, 0] = np.nan
INFINITE[0] = [np.inf, -np.inf, 1.0]


@pytest.mark.parametrize(
    "y_true, probabilities, names, message",
    [
        (
            [0, 1, 2, 3],
            P,
            None,
            r"labels from 0 to 2 for probabilities of 3 classes, received 3 in y_true: count lab",
        ),
        ([0, 1, 2, -1], P, None, r"labels from 0 up in y_true, received -1"),
        ([0, 1, 2], P, None, r"one prediction for each label, received 3 in y_true and 4"),
        (np.eye(3)[Y], P, None, r"y_true as integer labels .*argmax\(axis=1\)"),
        (
            Y,
            WRONG_SUM,
            None,
            r"sum to 1, received 1 rows of 4 .* first row 2, .* with the sum 1\.1: end the model "
            r"in",
        ),
        (Y, 10 * P, None, r"received 4 rows of 4 that do not, first row 0"),
        (Y, NEGATIVE, None, r"from -0\.5 to 1 with the sum 1: end the model in a softmax"),
        (
            Y,
            NOT_A_NUMBER,
            None,
            r"first row 3, from nan to nan .*look for NaN in its weights and in the pictures",
        ),
        (Y, INFINITE, None, r"first row 0, from -inf to inf with the sum nan: look for NaN"),
        (
            Y,
            P.argmax(axis=1),
            None,
            r"floats \(n, K\) of K >= 2 classes, received int64 \(4,\): pass what model.predict",
        ),
        (
            Y,
            P[:, :1],
            None,
            "labels from 0 to 1 for probabilities of 2 classes, received 2 in y_true",
        ),
        (
            Y,
            P,
            ["cat", "dog"],
            r"expected 3 class_names for probabilities \(4, 3\), received 2: name every class",
        ),
        (
            Y,
            P,
            ["cat", "dog", "cat"],
            r"evaluate_report expected 3 different class_names, received \['cat'\] twice",
        ),
        (Y[:0], P[:0], None, r"received none at all"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_a_reason(y_true, probabilities, names, message):
    with pytest.raises(ValueError, match=message):
        evaluate_report(y_true, probabilities, names)
