"""report.py agrees with scikit-learn digit for digit, and says what is wrong with labels it cannot
use.
"""

import json
import re
import warnings

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.report import classification_report, confusion_matrix, environment

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@st.composite
def label_pairs(draw):
    """Two equally long lists of labels below K: some classes are often absent from one or both of
    them.
    """
    classes = draw(st.integers(1, 10))
    pair = st.tuples(st.integers(0, classes - 1), st.integers(0, classes - 1))
    pairs = draw(st.lists(pair, min_size=1, max_size=60))
    return classes, np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


def quiet(function, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **named)


def scikit_learns_text(true, predicted, **options):
    """scikit-learn's report; where no answer at all is right it writes the whole numbers of support
    as 3.0, we as 3.
    """
    text = sklearn.metrics.classification_report(true, predicted, zero_division=0, **options)
    if (true == predicted).any():
        return text
    return re.sub(
        r"( +\d+)\.0$", lambda match: match[1].rjust(len(match[0])), text, flags=re.MULTILINE
    )


@given(label_pairs())
@settings(deadline=None)
def test_confusion_matrix_is_scikit_learns(drawn):
    classes, true, predicted = drawn
    expected = quiet(sklearn.metrics.confusion_matrix, true, predicted, labels=range(classes))
    np.testing.assert_array_equal(confusion_matrix(true, predicted, classes), expected)


@given(label_pairs(), st.sampled_from([1, 2, 4, 7, 15]))
@settings(max_examples=100)
def test_report_with_class_names_is_scikit_learns_digit_for_digit(drawn, digits):
    classes, true, predicted = drawn
    options = {"labels": range(classes), "target_names": NAMES[:classes], "digits": digits}
    report = quiet(classification_report, true, predicted, NAMES[:classes], digits)
    assert str(report) == scikit_learns_text(true, predicted, **options)
    theirs = sklearn.metrics.classification_report(
        true, predicted, **options, zero_division=0, output_dict=True
    )
    assert report.to_dict() == theirs


@given(label_pairs())
@settings(deadline=None)
def test_report_without_class_names_lists_the_labels_that_occur(drawn):
    _, true, predicted = drawn
    report = quiet(classification_report, true, predicted, digits=2)
    assert str(report) == scikit_learns_text(true, predicted)


@given(label_pairs())
@settings(deadline=None)
def test_warns_exactly_when_scikit_learn_does(drawn):
    classes, true, predicted = drawn
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        sklearn.metrics.precision_recall_fscore_support(true, predicted, labels=range(classes))
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        report = classification_report(true, predicted, NAMES[:classes])
    about_figures = [
        w for w in theirs if issubclass(w.category, sklearn.exceptions.UndefinedMetricWarning)
    ]
    assert len(report.undefined) == len(about_figures)
    assert len(ours) == bool(about_figures)


def test_known_values_by_hand():
    report = classification_report([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], ["a", "b"])
    np.testing.assert_allclose(report.precision, [2 / 3, 1 / 2])
    np.testing.assert_allclose(report.recall, [2 / 3, 1 / 2])
    np.testing.assert_allclose(report.f1, [2 / 3, 1 / 2])
    assert report.support.tolist() == [3, 2]
    assert report.accuracy == 0.6
    assert report.macro_average["recall"] == pytest.approx(7 / 12)
    assert report.weighted_average["recall"] == pytest.approx(0.6)
    assert report.undefined == ()
    assert repr(report) == str(report)


def test_labels_of_the_data_sets_shape_and_type_are_accepted():
    y_true = np.array([[250], [3], [3]], np.uint8)  # (n, 1), and 250 * K would overflow uint8
    counts = confusion_matrix(y_true, np.array([250, 3, 250]))
    assert counts.shape == (251, 251)
    assert (counts[250, 250], counts[3, 3], counts[3, 250], counts.sum()) == (1, 1, 1, 3)


def test_the_dictionary_goes_through_json():
    figures = classification_report([0, 1, 1], [0, 1, 0], ["a", "b"]).to_dict()
    assert json.loads(json.dumps(figures)) == figures


def test_undefined_figures_are_named():
    with pytest.warns(
        UserWarning, match=r"reported as 0: precision of bird \(never predicted\); recall of cat"
    ):
        report = classification_report([0, 1, 0], [0, 2, 0], ["dog", "bird", "cat"])
    assert report.undefined == (
        "precision of bird (never predicted)",
        "recall of cat (no such picture)",
    )


@pytest.mark.parametrize(
    "y_true, y_pred, names, message",
    [
        (
            [0, 1, 2],
            [0, 1],
            None,
            r"one prediction for each label, received 3 in y_true and 2 in y_pred",
        ),
        (
            [0, 1],
            [0, 3],
            ["a", "b"],
            r"expected labels from 0 to 1, received 3 in y_pred: count again, or raise",
        ),
        ([0, -1], [0, 1], None, r"expected labels from 0 up in y_true, received -1"),
        ([], [], None, r"integer labels of shape .* received float64 of shape \(0,\)"),
        (
            np.zeros(0, int),
            np.zeros(0, int),
            None,
            r"expected labels from 0 up in y_true, received none at all",
        ),
        (
            [0, 1],
            np.eye(2),
            None,
            r"y_pred as integer labels .* float64 of shape \(2, 2\): .*argmax\(axis=1\)",
        ),
        (
            [0.5, 1.0],
            [0, 1],
            None,
            r"y_true as integer labels of shape \(n,\) or \(n, 1\), received float64",
        ),
        (
            [0, 1],
            [0, 1],
            ["cat", "cat"],
            r"expected 2 different class_names, received \['cat'\] twice",
        ),
    ],
)
def test_unusable_labels_are_refused_with_a_reason(y_true, y_pred, names, message):
    with pytest.raises(ValueError, match=message):
        classification_report(y_true, y_pred, names)


def test_confusion_matrix_refuses_labels_beyond_num_classes():
    with pytest.raises(
        ValueError, match=r"confusion_matrix expected labels from 0 to 9, received 10 in y_true"
    ):
        confusion_matrix([10], [0], num_classes=10)


def test_environment_names_processor_and_versions():
    here = environment()
    assert here["numpy"] == np.__version__
    assert all(here[key] for key in ("python", "numba", "platform", "cpu", "cores"))
