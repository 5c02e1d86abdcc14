"""minicnn.sklearn: scikit-learn's own checks of an estimator, and what its users do with one."""

import pickle
import sys
from functools import partial
from importlib import import_module

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from minicnn import Input, Sequential, layers, losses, optimizers
from minicnn.callbacks import EarlyStopping
from minicnn.errors import ModelFileError
from minicnn.models import load_model
from minicnn.sklearn import CNNClassifier
from minicnn.sklearn.small import small_network
from minicnn.sklearn.stored import stored

ROWS, DIGITS = load_digits(return_X_y=True)
SHAPE = (8, 8, 1)
X, Y = ROWS[:60], DIGITS[:60]
PICTURES = X.reshape(-1, *SHAPE)
WORDS = np.array(["even", "odd"])[Y % 2]

# Of scikit-learn's checks, those that a network cannot pass.
NOT_PASSED = {
    "check_sample_weight_equivalence_on_dense_data": "batches and their statistics count samples, "
    "not weights: a sample of weight 2 is not the same as two",
}


def dense(input_shape, n_classes, units=None, activation="softmax"):
    """The smallest network there is, in the form in which a user writes one."""
    inner = [layers.Dense(units, activation="relu")] if units else []
    last = layers.Dense(n_classes, activation=activation)
    return Sequential([Input(input_shape), layers.Flatten(), *inner, last])


def quick(**options):
    """A classifier that is trained in a moment."""
    usual = {"model": dense, "input_shape": SHAPE, "epochs": 2, "random_state": 0}
    return CNNClassifier(**usual | options)


def weights(classifier):
    return np.concatenate([array.ravel() for array in classifier.model_.get_weights()])


def small(input_shape, n_classes):
    """The classifier's own network, but smaller."""
    return small_network(input_shape, n_classes, filters=4)


# parametrize_with_checks puts the address of `small` into names: each process has its own
@pytest.mark.parametrize(
    ("estimator", "check"),
    list(
        estimator_checks_generator(
            CNNClassifier(small, epochs=8, batch_size=16, learning_rate=0.02),
            expected_failed_checks=NOT_PASSED,
            mark="xfail",
        )
    ),
    ids=lambda value: value.func.__name__ if isinstance(value, partial) else "",
)
@pytest.mark.filterwarnings("ignore")  # scikit-learn's checks ask for many
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# With scikit-learn's tools


def test_cross_validation_reads_digits():
    classifier = CNNClassifier(input_shape=SHAPE, epochs=5, learning_rate=0.005, random_state=0)
    scores = cross_val_score(classifier, ROWS, DIGITS, cv=3)
    assert scores.min() > 0.9


def test_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), quick(epochs=15, learning_rate=0.01))
    assert pipeline.fit(X, Y).score(X, Y) > 0.9


def test_a_grid_search_over_the_learning_rate_and_an_argument_of_the_model():
    grid = {"learning_rate": [1e-5, 0.02], "model__filters": [2, 4]}
    search = GridSearchCV(CNNClassifier(input_shape=SHAPE, epochs=3, random_state=0), grid, cv=2)
    search.fit(X, WORDS)
    best = search.best_estimator_
    assert search.best_params_["learning_rate"] == 0.02
    convolution = best.model_.layers[1]
    assert convolution.filters == search.best_params_["model__filters"]
    assert best.model_.optimizer.learning_rate == 0.02


# What is trained


@pytest.mark.parametrize("form", ["function", "compiled", "uncompiled", "open"])
def test_models_in_all_forms_are_one(form):
    made = dense(SHAPE, 10)
    if form == "open":
        made = Sequential([layers.Flatten(), layers.Dense(10, activation="softmax")])
    if form == "compiled":
        made.compile("sgd", losses.SparseCategoricalCrossentropy(), ["accuracy"])
    before = made.get_weights() if made.built else []
    given = dense if form == "function" else made
    options = {} if form == "compiled" else {"optimizer": "sgd"}
    classifier = quick(model=given, **options).fit(X, Y)
    expected = quick(optimizer=optimizers.SGD()).fit(X, Y)
    assert classifier.model is given and classifier.model_ is not given
    np.testing.assert_array_equal(weights(classifier), weights(expected))
    if form != "function":
        after = made.get_weights() if made.built else []
        assert all(map(np.array_equal, before, after))


def test_a_function_gets_what_it_takes():
    def by_heart():
        return dense(SHAPE, 10)

    by_shape = partial(dense, n_classes=10)
    both = [weights(quick(model=make).fit(X, Y)) for make in (by_heart, by_shape, dense)]
    np.testing.assert_array_equal(both[0], both[2])
    np.testing.assert_array_equal(both[1], both[2])


def test_a_network_of_the_zoo_by_its_name():
    classifier = quick(model="SmallCNN", epochs=1, model__dropout=0.25).fit(PICTURES, WORDS)
    assert classifier.model_.name == "small_cnn"
    assert [layer.rate for layer in classifier.model_.layers if hasattr(layer, "rate")] == [0.25]


def test_what_a_model_has_learnt_stays():
    """The head is new, so its weights are drawn; those of the trained layer are taken along."""
    trained = dense(SHAPE, 10, units=5)
    kernel = np.full((64, 5), 0.5, np.float32)
    trained.layers[1].set_weights([kernel, np.zeros(5)])
    given = trained.layers[2].get_weights()[0]
    classifier = quick(model=trained, epochs=0).fit(X, Y)
    np.testing.assert_array_equal(classifier.model_.layers[1].get_weights()[0], kernel)
    assert not np.array_equal(classifier.model_.layers[2].get_weights()[0], given)


@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [
        (1, "sigmoid", None),
        (1, None, None),
        (2, None, None),
        (2, "softmax", "categorical_crossentropy"),
    ],
)
def test_every_ending_and_loss_of_two_classes(units, activation, loss):
    def model(input_shape, n_classes):
        assert n_classes == 2
        return dense(input_shape, units, activation=activation)

    classifier = quick(model=model, loss=loss, epochs=20, learning_rate=0.01).fit(X, WORDS)
    probabilities = classifier.predict_proba(X)
    assert probabilities.shape == (60, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert classifier.score(X, WORDS) > 0.85


# How it is trained


def test_a_random_state_determines_every_bit():
    first, second, other = (quick(random_state=state).fit(X, Y) for state in (1, 1, 2))
    np.testing.assert_array_equal(weights(first), weights(second))
    assert not np.array_equal(weights(first), weights(other))


def test_labels_may_be_words_and_pictures_come_in_all_forms():
    classifiers = [quick().fit(form, WORDS) for form in (X, PICTURES, PICTURES[..., 0])]
    for classifier in classifiers:
        assert classifier.classes_.tolist() == classifier.model_.class_names == ["even", "odd"]
        assert (classifier.n_features_in_, classifier.input_shape_) == (64, SHAPE)
        for form in (X, PICTURES, PICTURES[..., 0]):
            assert set(classifier.predict(form)) <= {"even", "odd"}
        np.testing.assert_array_equal(weights(classifier), weights(classifiers[0]))


def test_class_weight_is_sample_weight():
    factors = {"even": 3.0, "odd": 0.5}
    by_class = quick(class_weight=factors).fit(X, WORDS)
    by_sample = quick().fit(X, WORDS, sample_weight=[factors[word] for word in WORDS])
    np.testing.assert_array_equal(weights(by_class), weights(by_sample))
    balanced = quick(class_weight="balanced").fit(X[:31], WORDS[:31])
    counts = {word: 31 / 2 / (WORDS[:31] == word).sum() for word in ("even", "odd")}
    assert counts["even"] != counts["odd"]
    expected = quick(class_weight=counts).fit(X[:31], WORDS[:31])
    np.testing.assert_array_equal(weights(balanced), weights(expected))


def test_validation_is_on_a_part_of_every_class():
    """scikit-learn's data are often in order: the last part would be of one class."""
    order = np.argsort(WORDS, kind="stable")
    stop = EarlyStopping(monitor="val_loss", min_delta=1e6)
    classifier = quick(validation_split=0.2, callbacks=[stop], epochs=9)
    classifier.fit(X[order], WORDS[order])
    assert len(classifier.history_["val_accuracy"]) == 2, "the callback ends it"
    assert stop.model is None, "a copy of it has been used"


def test_partial_fit_goes_on():
    classifier = quick()
    for part in (slice(0, 30), slice(30, 60)):
        classifier.partial_fit(X[part], Y[part], classes=range(10))
    assert len(classifier.history_["loss"]) == 2
    assert classifier.model_.optimizer.iterations == 2
    before = weights(classifier)
    assert not np.array_equal(weights(classifier.partial_fit(X, Y)), before)


def test_warm_start_goes_on_and_a_fit_without_begins_anew():
    twice = quick(warm_start=True).fit(X, Y).fit(X, Y)
    assert len(twice.history_["loss"]) == 4 and twice.model_.optimizer.iterations == 8
    once = weights(quick().fit(X, Y))
    np.testing.assert_array_equal(once, weights(quick().fit(X[::-1], Y[::-1]).fit(X, Y)))


# What is kept


def test_a_clone_has_the_parameters_and_is_not_fitted():
    original = quick(model__units=4, callbacks=[EarlyStopping("loss", patience=3)]).fit(X, Y)
    twin = clone(original)
    assert twin.get_params().keys() == original.get_params().keys()
    assert twin.model__units == 4 and twin.callbacks[0].patience == 3
    with pytest.raises(NotFittedError):
        twin.predict(X)
    np.testing.assert_array_equal(weights(twin.fit(X, Y)), weights(original))
    assert twin.set_params(model__units=3, epochs=1).fit(X, Y).model_.layers[1].units == 3
    assert "model__units=3" in repr(twin)


class Twice(layers.Layer):
    """A layer of one's own."""

    def setup(self, input_shape):
        return input_shape

    def forward(self, x, *, training=False):  # noqa: ARG002
        return 2 * x

    def backward(self, dy):
        return 2 * dy


@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_a_pickle_holds_model_files(way, tmp_path):
    model = Sequential(
        [Input(SHAPE), Twice(), layers.Flatten(), layers.Dense(10, activation="softmax")]
    )
    classifier = quick(model=model).fit(X, Y)
    state = classifier.__getstate__()
    classifier.model_.save(tmp_path / "model.safetensors")
    assert state["model_"].file == (tmp_path / "model.safetensors").read_bytes()
    if way == "pickle":
        again = pickle.loads(pickle.dumps(classifier))
    else:
        joblib.dump(classifier, tmp_path / "classifier.joblib")
        again = joblib.load(tmp_path / "classifier.joblib")
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    assert again.history_ == classifier.history_
    again.partial_fit(X, Y)
    np.testing.assert_array_equal(weights(again.fit(X, Y)), weights(classifier))


def test_the_model_alone_can_be_saved_with_its_classes(tmp_path):
    classifier = quick().fit(X, WORDS)
    classifier.model_.save(tmp_path / "model.safetensors")
    model = load_model(tmp_path / "model.safetensors")
    assert model.class_names == ["even", "odd"]
    np.testing.assert_array_equal(model.predict(PICTURES), classifier.predict_proba(X))


def test_damage_in_a_pickle_is_seen():
    classifier = quick().fit(X, Y)
    state = classifier.__getstate__()
    file = bytearray(stored(classifier.model_).file)
    file[-1] ^= 1
    with pytest.raises(ModelFileError, match="not what was written"):
        CNNClassifier().__setstate__(state | {"model_": state["model_"]._replace(file=bytes(file))})


# What is said of mistakes


def two_answers(input_shape, n_classes):
    return Sequential(
        [Input(input_shape), layers.Flatten(), layers.Dense(n_classes, activation="sigmoid")]
    )


MISTAKES = {
    "unknown network": (
        lambda: quick(model="smallcnn").fit(X, Y),
        "CNNClassifier knows no network 'smallcnn'. Did you mean 'SmallCNN'?",
    ),
    "no model": (
        lambda: quick(model=3).fit(X, Y),
        "a function that makes one from input_shape and n_classes, received 3",
    ),
    "function without a model": (
        lambda: quick(model=lambda: None).fit(X, Y),
        "CNNClassifier expected a model of its function, received None: return the Sequential",
    ),
    "unknown argument": (
        lambda: quick(epoch=3),
        "CNNClassifier has no argument 'epoch'. Did you mean 'epochs'?",
    ),
    "unknown argument of the function": (
        lambda: quick(model__unit=3).fit(X, Y),
        "an argument of dense, received 'model__unit'. Did you mean 'units'?",
    ),
    "arguments of a model that is made": (
        lambda: quick(model=dense(SHAPE, 10), model__units=3).fit(X, Y),
        "no parameters for a model that is made already, received model__units: give a function",
    ),
    "too few units": (
        lambda: quick(model=dense(SHAPE, 3)).fit(X, Y),
        "ends in 10 units, one for each class in y, received 'sequential' with outputs of (3,)",
    ),
    "answers that exclude nothing": (
        lambda: quick(model=two_answers).fit(X, Y),
        "10 units that each say yes or no: end in a softmax",
    ),
    "rows of another length": (
        lambda: quick(input_shape=(7, 7, 1)).fit(X, Y),
        "expected rows of 49 numbers for samples of (7, 7, 1), received 64: give the input_shape",
    ),
    "channels first": (
        lambda: quick(input_shape=(8, 8, 3)).fit(np.zeros((6, 3, 8, 8)), Y[:6]),
        "expected pictures of (8, 8, 3), received (3, 8, 8): try X.transpose(0, 2, 3, 1)",
    ),
    "other pictures": (
        lambda: quick().fit(PICTURES[:, :5], Y),
        "expected pictures of (8, 8, 1), received (5, 8, 1): resize them, or change input_shape",
    ),
    "no pictures for the own network": (
        lambda: quick(model=None, input_shape=(64,)).fit(X, Y),
        "expected pictures (H, W, C), received samples of (64,): give input_shape=(H, W, C)",
    ),
    "one-hot labels": (
        lambda: quick().fit(X, np.eye(10)[Y]),
        "expected labels (N,), received shape (60, 10): y should be a 1d array, of one-hot labels "
        "it is y.argmax(axis=1)",
    ),
    "one class": (
        lambda: quick().fit(X, np.zeros(60)),
        "expected labels of at least 2 classes, received 1 class: 0.0",
    ),
    "weights of nothing": (
        lambda: quick().fit(X, Y, sample_weight=np.zeros(60)),
        "sample_weight with a number that is not zero, received 60 times zero: leave it out",
    ),
    "weights of one class": (
        lambda: quick().fit(X, WORDS, sample_weight=WORDS == "odd"),
        "expected labels of at least 2 classes, received 1 class: 'odd'",
    ),
    "new labels": (
        lambda: quick(warm_start=True).fit(X, Y % 3).fit(X, Y % 4),
        "expected labels of the classes 0, 1, 2, received 3: all classes must be known",
    ),
    "weights of no class": (
        lambda: quick(class_weight={"evn": 2}).fit(X, WORDS),
        "the classes 'even', 'odd' as keys of class_weight, received 'evn': the keys are labels",
    ),
    "word for weights": (
        lambda: quick(class_weight="balance").fit(X, Y),
        "class_weight as None, 'balanced' or {label: factor}, received 'balance'",
    ),
    "balanced parts": (
        lambda: quick(class_weight="balanced").partial_fit(X, Y, classes=range(10)),
        "expected class_weight as {label: factor} in partial_fit",
    ),
    "first part without classes": (
        lambda: quick().partial_fit(X, Y),
        "expected classes at the first call of partial_fit, received None: give all labels",
    ),
    "other classes": (
        lambda: quick().fit(X, Y % 3).partial_fit(X, Y % 3, classes=range(4)),
        "expected the classes of the first call, 0, 1, 2, received 0, 1, 2, 3: leave classes out",
    ),
    "split": (
        lambda: quick(validation_split=1.0).fit(X, Y),
        "CNNClassifier expected validation_split as a finite number of at least 0 and below 1",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake):
    make, message = MISTAKES[mistake]
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert message in str(caught.value)


def test_rows_that_may_be_pictures_are_asked_about():
    with pytest.warns(UserWarning, match=r"pictures of 8x8, give input_shape=\(8, 8, 1\)"):
        assert quick(input_shape=None).fit(X, Y).input_shape_ == (1, 64, 1)
    assert quick(input_shape=None).fit(X[:, :10], Y).input_shape_ == (1, 10, 1)
    assert quick(input_shape=None, model=dense(SHAPE, 10)).fit(X, Y).input_shape_ == SHAPE


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    """As an import of scikit-learn fails that is not there."""
    for name in [name for name in sys.modules if name.startswith("minicnn.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r'pip install "minicnn\[sklearn\]"'):
        import_module("minicnn.sklearn")
