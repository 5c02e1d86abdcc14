"""Arguments that cannot be meant: keys, values and labels that were taken without a word, or
refused in NumPy's.
"""

import numpy as np
import pytest
from PIL import Image

from minicnn import (
    Input,
    Sequential,
    data,
    layers,
    losses,
    metrics,
    optimizers,
    plots,
    report,
    schedules,
    utils,
)
from minicnn.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from minicnn.errors import DataError
from minicnn.expect import array, is_source
from minicnn.preprocessing.image import ImageDataGenerator

X = np.random.default_rng(0).random((60, 6, 6, 3), np.float32)
Y = np.arange(60) % 3
WORDS = np.array(["cat", "dog", "eel"])


def network() -> Sequential:
    model = Sequential(
        [Input((6, 6, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")], seed=0
    )
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def loss(**options) -> float:
    """Of one epoch."""
    return network().fit(X, Y, shuffle=False, verbose=0, **options).history["loss"][0]


def wrong(message: str):
    return pytest.raises(ValueError, match=message)


# class_weight


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


# sample_weight


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


# Numbers


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"epochs": 2.5},
            "fit expected epochs of at least 0, received 2.5, which is no whole number",
        ),
        ({"epochs": -1}, "fit expected epochs of at least 0, received -1$"),
        ({"epochs": True}, "fit expected epochs of at least 0, received True"),
        ({"epochs": "3"}, "fit expected epochs of at least 0, received '3'"),
        ({"initial_epoch": 0.5}, "fit expected initial_epoch of at least 0, received 0.5"),
        ({"batch_size": True}, "fit expected batch_size of at least 1, received True"),
        (
            {"batch_size": 8.0},
            "fit expected batch_size of at least 1, received 8.0, which is no whole number",
        ),
        ({"shuffle": "batch"}, "fit expected shuffle as True or False, received 'batch'"),
        (
            {"validation_split": "0.2"},
            "fit expected validation_split as a finite number, received '0.2'",
        ),
        (
            {"validation_split": True},
            "fit expected validation_split as a finite number, received True",
        ),
        ({"validation_freq": 0}, "fit expected validation_freq of at least 1, received 0"),
        ({"steps_per_epoch": 0}, "fit expected steps of at least 1, received 0"),
        (
            {"validation_data": (X, Y), "validation_steps": 0},
            r"fit\(validation_data\) expected steps of at least 1",
        ),
        ({"verbose": "yes"}, "verbose expected"),
    ],
)
def test_fit(arguments, message):
    with wrong(message):
        network().fit(X, Y, **{"verbose": 0} | arguments)


@pytest.mark.parametrize("rate", [-0.1, "0.1", None, np.nan, np.inf, True, [0.1]])
@pytest.mark.parametrize("make", [optimizers.SGD, optimizers.Adam, optimizers.AdamW])
def test_learning_rates_that_are_none(make, rate):
    message = (
        rf"^{make.__name__} expected learning_rate as a finite number of at least 0, received "
    )
    with wrong(message):
        make(rate)
    optimizer = make()
    before = optimizer.learning_rate
    with wrong(message):
        optimizer.learning_rate = rate
    assert optimizer.learning_rate == before


def test_a_learning_rate_of_0_freezes():
    model = network()
    model.compile(optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    model.optimizer.learning_rate = np.float32(0.5)
    assert model.optimizer.learning_rate == 0.5


@pytest.mark.parametrize("value", ["0.5", np.nan, None, True])
@pytest.mark.parametrize(
    ("make", "who", "what"),
    [
        (lambda v: optimizers.SGD(momentum=v), "SGD", "momentum"),
        (lambda v: optimizers.Adam(beta_1=v), "Adam", "beta_1"),
        (lambda v: optimizers.Adam(beta_2=v), "Adam", "beta_2"),
        (lambda v: optimizers.Adam(epsilon=v), "Adam", "epsilon"),
        (lambda v: optimizers.Adam(weight_decay=v or "no"), "Adam", "weight_decay"),
        (lambda v: optimizers.Adam(global_clipnorm=v or "no"), "Adam", "global_clipnorm"),
        (lambda v: optimizers.SGD(use_ema=True, ema_momentum=v), "SGD", "ema_momentum"),
        (
            lambda v: schedules.ExponentialDecay(v, 10, 0.5),
            "ExponentialDecay",
            "initial_learning_rate",
        ),
        (lambda v: schedules.ExponentialDecay(0.1, v, 0.5), "ExponentialDecay", "decay_steps"),
        (lambda v: schedules.ExponentialDecay(0.1, 10, v), "ExponentialDecay", "decay_rate"),
        (lambda v: schedules.CosineDecay(0.1, 10, v), "CosineDecay", "alpha"),
        (
            lambda v: schedules.CosineDecay(0.1, 10, warmup_target=v or "no"),
            "CosineDecay",
            "warmup_target",
        ),
        (
            lambda v: schedules.PiecewiseConstantDecay([v], [1, 2]),
            "PiecewiseConstantDecay",
            "boundaries",
        ),
        (
            lambda v: schedules.PiecewiseConstantDecay([1], [1, v]),
            "PiecewiseConstantDecay",
            "values",
        ),
        (lambda v: schedules.OneCycle(v, 10), "OneCycle", "peak"),
        (lambda v: schedules.OneCycle(0.1, 10, v), "OneCycle", "peak_at"),
        (
            lambda v: losses.CategoricalCrossentropy(label_smoothing=v),
            "CategoricalCrossentropy",
            "label_smoothing",
        ),
        (layers.Dropout, "Dropout", "rate"),
        (lambda v: layers.BatchNormalization(momentum=v), "BatchNormalization", "momentum"),
        (lambda v: layers.BatchNormalization(epsilon=v), "BatchNormalization", "epsilon"),
        (layers.LeakyReLU, "LeakyReLU", "negative_slope"),
        (lambda v: layers.ReLU(v or "no"), "ReLU", "max_value"),
        (layers.Rescaling, "Rescaling", "scale"),
        (lambda v: layers.Rescaling(1, v), "Rescaling", "offset"),
        (lambda v: EarlyStopping(min_delta=v), "EarlyStopping", "min_delta"),
        (lambda v: ReduceLROnPlateau(factor=v), "ReduceLROnPlateau", "factor"),
        (lambda v: ReduceLROnPlateau(min_lr=v), "ReduceLROnPlateau", "min_lr"),
        (lambda v: ImageDataGenerator(rotation_range=v), "ImageDataGenerator", "rotation_range"),
        (
            lambda v: ImageDataGenerator(validation_split=v),
            "ImageDataGenerator",
            "validation_split",
        ),
    ],
)
def test_what_is_no_number(make, who, what, value):
    with wrong(f"^{who} expected {what} as a finite number"):
        make(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: optimizers.Adam(weight_decay=-0.1),
            "Adam expected weight_decay as .* at least 0, received -0.1",
        ),
        (
            lambda: optimizers.Adam(epsilon=-1e-7),
            "Adam expected epsilon as a finite number of at least 0, received",
        ),
        (
            lambda: optimizers.SGD(nesterov="no"),
            "SGD expected nesterov as True or False, received 'no'",
        ),
        (
            lambda: optimizers.SGD(use_ema=0.5),
            "SGD expected use_ema as True or False, received 0.5",
        ),
        (
            lambda: losses.CategoricalCrossentropy("no"),
            "CategoricalCrossentropy expected from_logits as True or False",
        ),
        (
            lambda: schedules.OneCycle(-0.1, 10),
            "OneCycle expected peak as .* of at least 0, received -0.1",
        ),
        (
            lambda: EarlyStopping(patience=2.5),
            "EarlyStopping expected patience of at least 0, received 2.5",
        ),
        (
            lambda: EarlyStopping(patience=-1),
            "EarlyStopping expected patience of at least 0, received -1",
        ),
        (
            lambda: EarlyStopping(restore_best_weights="no"),
            "EarlyStopping expected restore_best_weights as True or",
        ),
        (
            lambda: ReduceLROnPlateau(patience="3"),
            "ReduceLROnPlateau expected patience of at least 0, received '3'",
        ),
        (
            lambda: ReduceLROnPlateau(factor=-0.1),
            "ReduceLROnPlateau expected factor as .* at least 0, received -0.1",
        ),
        (
            lambda: ReduceLROnPlateau(cooldown=1.5),
            "ReduceLROnPlateau expected cooldown of at least 0, received 1.5",
        ),
        (
            lambda: ModelCheckpoint("x", save_freq=True),
            "ModelCheckpoint expected save_freq='epoch' or a number",
        ),
        (
            lambda: ModelCheckpoint("x", save_best_only="no"),
            "ModelCheckpoint expected save_best_only as True or False",
        ),
        (
            lambda: metrics.TopKCategoricalAccuracy(2.5),
            "TopKCategoricalAccuracy expected k of at least 1, received 2.5",
        ),
    ],
)
def test_what_cannot_be_meant(make, message):
    with wrong(message):
        make()


# Labels


def test_to_categorical_keeps_the_axes():
    """As Keras: of one-hot labels it makes (60, 3, 3); the last axis of one number is none."""
    twice = utils.to_categorical(np.eye(3)[Y], 3)
    assert twice.shape == (60, 3, 3)
    assert np.array_equal(twice[4], [[1, 0, 0], [0, 1, 0], [1, 0, 0]])
    for shape, expected in (
        ((6,), (6, 4)),
        ((6, 1), (6, 4)),
        ((2, 3), (2, 3, 4)),
        ((2, 3, 1), (2, 3, 4)),
        ((), (4,)),
    ):
        assert utils.to_categorical(x=np.ones(shape, int), num_classes=4).shape == expected
    with wrong(r"one-hot labels \(N, 3\), received shape \(60, 3, 3\): they are one-hot twice"):
        model = network()
        model.compile("sgd", "categorical_crossentropy")
        model.fit(X, twice, verbose=0)


@pytest.mark.parametrize("labels", [np.zeros((60, 3, 3)), np.zeros((60, 1, 1), int)])
def test_labels_of_more_axes_are_flattened_nowhere(labels):
    images = (X * 255).astype(np.uint8)
    for ask in (
        lambda: data.describe(X, labels),
        lambda: data.split(X, labels),
        lambda: report.confusion_matrix(labels, Y),
        lambda: metrics.Accuracy().update(labels, np.eye(3)[Y]),
        lambda: network().fit(X, labels, verbose=0),
        lambda: network().fit(X, labels, validation_split=0.5, verbose=0),
        lambda: network().evaluate(X, labels),
        lambda: plots.image_grid(images, labels),
        lambda: plots.predictions_grid(images, labels, Y, list("abc")),
        lambda: plots.predictions_grid(images, Y, labels, list("abc")),
    ):
        with wrong(r"received .*shape \(60, "):
            ask()


@pytest.mark.parametrize("dtype", ["U", "S", object])
def test_words_as_labels(dtype):
    words = WORDS[Y].astype(dtype)
    fix = r"class_names, y = np.unique\(y, return_inverse=True\) makes numbers of them"
    received = rf"expected numbers as labels, received the words .*cat.*, .*dog.*, .*eel.*: {fix}"
    categorical = network()
    categorical.compile("sgd", "categorical_crossentropy")
    for who, ask in {
        "loss 'sparse_categorical_crossentropy'": lambda: network().fit(X, words, verbose=0),
        "loss 'categorical_crossentropy'": lambda: categorical.evaluate(X, words),
        "loss 'sparse_categorical_crossentropy' ": lambda: network().train_on_batch(
            X, words.tolist()
        ),
        "metric 'accuracy'": lambda: metrics.Accuracy().update(words, np.eye(3)[Y]),
        "to_categorical": lambda: utils.to_categorical(words),
        "confusion_matrix": lambda: report.confusion_matrix(words, Y),
        "classification_report": lambda: report.classification_report(Y, words),
        "evaluate_report": lambda: report.evaluate_report(words, np.eye(3)[Y]),
        "describe": lambda: data.describe(X, words),
        "split": lambda: data.split(X, words),
    }.items():
        with wrong(f"^{who.strip()} {received}"):
            ask()


def test_what_the_message_advises():
    class_names, y = np.unique(WORDS[Y], return_inverse=True)
    assert class_names.tolist() == WORDS.tolist() and np.array_equal(y, Y)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_labels_from_1(method):
    with wrong("expected labels from 0 to 2, received 1 to 3: labels count from 0, use y - 1$"):
        getattr(network(), method)(X, Y + 1)
    with wrong(
        "to_categorical expected labels from 0 to 2, received 1 to 3: labels count from 0, use y - "
        "1$"
    ):
        utils.to_categorical(Y + 1, 3)
    with wrong("received 3 in y_true: labels count from 0, use y - 1, or raise num_classes$"):
        report.confusion_matrix(Y + 1, Y, 3)


# Pictures


def test_pictures_of_different_sizes():
    ragged = [X[0], X[1], X[2, :4]]
    message = (
        r"expected x with parts of one shape, received 2 of shape \(6, 6, 3\), 1 of shape \(4, 6, "
        r"3\): "
        "data.from_directory reads pictures in one size, data.fit_image cuts and scales one"
    )
    odd = np.empty(3, object)
    odd[:] = ragged
    for pictures in (ragged, tuple(ragged), odd):
        for method, more in (
            ("fit", (Y[:3],)),
            ("evaluate", (Y[:3],)),
            ("predict", ()),
            ("train_on_batch", (Y[:3],)),
        ):
            with wrong(f"^{method} {message}"):
                getattr(network(), method)(pictures, *more)
    many = [np.zeros((n, 2, 3)) for n in range(2, 8)]
    with wrong("and 3 more shapes: data.from_directory"):
        network().predict(many)
    with wrong("the picture expected one picture with parts of one shape, received 2 of shape"):
        network().predict_image(ragged)


def test_a_size_may_be_one_number(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        write_picture(tmp_path / name / "one.png")
    square = data.from_directory(tmp_path, 8, cache=False)
    assert square.x.shape == (2, 8, 8, 3)
    np.testing.assert_array_equal(square.x, data.from_directory(tmp_path, (8, 8), cache=False).x)
    picture = np.zeros((5, 4, 3), np.uint8)
    assert data.fit_image(picture, 3).shape == (3, 3, 3)
    for size in (0, 2.5, "64", (8,), (8, 8, 3), None, True):
        with wrong(r"size is expected as \(height, width\) in whole pixels, received"):
            data.fit_image(picture, size)


def write_picture(path) -> None:
    Image.fromarray(np.full((10, 12, 3), 200, np.uint8)).save(path)


def test_a_folder_of_parts_is_no_folder_of_classes(tmp_path):
    for part in ("test", "Train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            write_picture(tmp_path / part / name / "one.png")
    message = (
        "expected one subfolder per class, received the parts of a data set, Train, test, val: "
        "call from_directory on each of them, such as '.*Train'"
    )
    with pytest.raises(DataError, match=message):
        data.from_directory(tmp_path)
    assert data.from_directory(tmp_path / "Train", cache=False).class_names == ["cat", "dog"]


# Arrays


def test_what_is_a_source_and_what_becomes_an_array():
    class Tensor:
        """As those of other libraries: it has a length and parts, and knows how to be an array."""

        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise AssertionError("not part by part")

        def __array__(self, dtype=None, copy=None):  # noqa: ARG002
            return np.arange(2.0)

    assert np.array_equal(array(Tensor(), "x", "fit"), [0, 1])
    assert is_source(ImageDataGenerator().flow(X)) and not is_source(Tensor())
    for plain in (
        [1],
        (1,),
        range(3),
        "abc",
        b"abc",
        memoryview(b"abc"),
        {1: 2},
        np.zeros(3),
        2.5,
        None,
        iter([1]),
    ):
        assert not is_source(plain)
    with wrong(
        "fit expected x as an array, received generator, which gives its parts one after the other"
    ):
        array((n for n in range(3)), "x", "fit")
    with wrong("fit expected x with parts of one shape, received 1 of shape .2,., 1 of shape"):
        array([[1, 2], [3]], "x", "fit")
