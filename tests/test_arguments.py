"""Weights of classes and samples that cannot be meant: they were taken without a word, or refused
in NumPy's.
"""

import numpy as np
import pytest
from arguments_cases import X, Y, loss, network, wrong

from minicnn import losses, utils
from minicnn.preprocessing.image import ImageDataGenerator


@pytest.mark.parametrize("form", [list, tuple, np.array, dict, "floats", "numpy keys"])
def test_all_forms_of_class_weight_are_one(form):
    factors = [2.0, 1.0, 0.5]
    given = dict(enumerate(factors))
    forms = {
        "floats": {float(k): v for k, v in given.items()},
        "numpy keys": {np.int64(0): 2, np.uint8(2): 0.5},
    }
    given = forms[form] if isinstance(form, str) else given if form is dict else form(factors)
    assert loss(class_weight=given) == loss(sample_weight=np.array(factors)[Y])
    batch = [
        network().train_on_batch(X, Y, **weights)[0] for weights in ({"class_weight": given}, {})
    ]
    assert batch[0] != batch[1]


def test_balanced_is_scikit_learns():
    """compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 6 + [1] * 3 + [2]) is [10/18,
    10/9, 10/3].
    """
    y = np.repeat([0, 1, 2], [6, 3, 1])
    expected = np.array([10 / 18, 10 / 9, 10 / 3])
    one, other = network(), network()
    one.fit(X[:10], y, class_weight="balanced", verbose=0, seed=0)
    other.fit(X[:10], y, class_weight=expected, verbose=0, seed=0)
    assert one.history.history == other.history.history
    one_hot = network()
    one_hot.compile("sgd", "categorical_crossentropy")
    rows = utils.to_categorical(y, 3)
    assert one_hot.train_on_batch(X[:10], rows, class_weight="balanced") == pytest.approx(
        network().train_on_batch(X[:10], y, class_weight=expected)[0]
    )
    two = np.repeat([0, 2], [6, 4])  # a class that does not occur is none of the K
    weighted = network().train_on_batch(
        X[:10], two, sample_weight=np.array([10 / 12, 0, 10 / 8])[two]
    )
    assert network().train_on_batch(X[:10], two, class_weight="balanced") == weighted


def test_balanced_counts_what_is_trained_on():
    """Not what validation_split keeps."""
    x, y = X[:12], np.array([0, 1, 2, 0, 1, 2, 0, 0, 0, 1, 2, 0])
    options = {"validation_split": 0.25, "seed": 0, "verbose": 0}
    one = network().fit(x, y, class_weight="balanced", **options).history
    assert one == network().fit(x, y, class_weight=[9 / 15, 9 / 6, 9 / 6], **options).history


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        (
            {"cat": 9.0, "dog": 1.0},
            "fit expected the classes 0 to 2 as keys of class_weight, received 'cat'",
        ),
        ({7: 9.0}, "as keys of class_weight, received 7: classes count from 0"),
        ({1: 1.0, 2: 2.0, 3: 3.0}, "as keys of class_weight, received 3: classes count from 0"),
        ({"0": 2.0}, "as keys of class_weight, received '0'"),
        ({-1: 2.0}, "received -1"),
        ({0.5: 2.0}, "received 0.5"),
        ({None: 2.0}, "received None"),
        ({True: 2.0}, "received True"),
        (
            {0: np.nan},
            r"fit expected class_weight\[0\] as a finite number of at least 0, received nan",
        ),
        ({0: np.inf}, "received inf"),
        ({0: -1.0}, "received -1.0"),
        ({0: "2"}, "received '2'"),
        (
            [1.0, 2.0],
            "fit expected class_weight as a dict, as 3 numbers, one per class, or as 'balanced', "
            "received",
        ),
        ([1.0, 2.0, np.nan], r"fit expected class_weight\[2\] as a finite number"),
        (2.0, "fit expected class_weight as a dict, as 3 numbers"),
        (
            "balance",
            "fit expected class_weight as a dict, a list or 'balanced', received 'balance'",
        ),
    ],
)
def test_class_weights_that_cannot_be_meant(class_weight, message):
    with wrong(message):
        loss(class_weight=class_weight)
    with wrong(message.replace("fit", "train_on_batch")):
        network().train_on_batch(X, Y, class_weight=class_weight)


def test_class_weights_of_a_source():
    flow = ImageDataGenerator().flow(X, Y, shuffle=False)
    for factors in ({0: 2.0, 2: 0.5}, [2.0, 1.0, 0.5]):
        found = network().fit(flow, shuffle=False, class_weight=factors, verbose=0).history["loss"]
        assert found == pytest.approx([loss(class_weight=factors)])
    with wrong(
        "fit cannot count the labels of a source for class_weight='balanced': count them yourself"
    ):
        network().fit(flow, class_weight="balanced", verbose=0)
    with wrong("as keys of class_weight, received 7"):
        network().fit(flow, class_weight={7: 1.0}, verbose=0)


def test_weights_in_a_column():
    w = np.linspace(0.5, 2, 60)
    assert loss(sample_weight=w[:, None]) == loss(sample_weight=w) == loss(sample_weight=w.tolist())
    model = network()
    assert model.evaluate(X, Y, sample_weight=w[:, None]) == model.evaluate(X, Y, sample_weight=w)
    rows = np.full((60, 3), 1 / 3)
    measure = losses.SparseCategoricalCrossentropy()
    assert measure(Y, rows, w[:, None]) == measure(Y, rows, w)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (
            np.r_[np.ones(59), np.nan],
            "expected finite numbers in sample_weight, received nan at 59",
        ),
        (np.r_[np.inf, np.ones(59)], "expected finite numbers in sample_weight, received inf at 0"),
        (
            np.ones((60, 2)),
            r"expected sample_weight as numbers of shape \(60,\), received float64 \(60, 2\)",
        ),
        (["a"] * 60, r"expected sample_weight as numbers of shape \(60,\), received <U1"),
        (2.0, r"expected sample_weight as numbers of shape \(60,\), received float64 \(\)"),
    ],
)
def test_weights_that_cannot_be_meant(weight, message):
    for method in ("fit", "evaluate", "train_on_batch"):
        with wrong(f"{method} {message}"):
            getattr(network(), method)(X, Y, sample_weight=weight)


def test_a_flow_hands_on_weights_in_its_subsets_too():
    w = np.linspace(0.5, 2, 60)
    whole = ImageDataGenerator().flow(X, Y, sample_weight=w, shuffle=False)
    assert network().evaluate(whole) == [
        pytest.approx(v) for v in network().evaluate(X, Y, sample_weight=w)
    ]
    parts = ImageDataGenerator(validation_split=0.25)
    for subset, part in (("validation", slice(15)), ("training", slice(15, None))):
        flow = parts.flow(X, Y, sample_weight=w, subset=subset, seed=3)
        for index in range(len(flow)):
            x, y, weight = flow[index]
            places = [int(np.flatnonzero(w == one)[0]) for one in weight]
            np.testing.assert_array_equal(x, X[places])
            np.testing.assert_array_equal(y, Y[places])
            assert set(places) <= set(range(60)[part])
    with wrong("flow expected as many samples in sample_weight as in x, 60, received 59"):
        ImageDataGenerator().flow(X, Y, sample_weight=w[1:])
    with wrong("flow expected labels y beside sample_weight"):
        ImageDataGenerator().flow(X, sample_weight=w)
