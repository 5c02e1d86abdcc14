"""Labels, pictures and arrays that cannot be meant: they were taken without a word, or refused
in NumPy's.
"""

import numpy as np
import pytest
from arguments_cases import WORDS, X, Y, network, wrong
from PIL import Image

from minicnn import data, metrics, plots, report, utils
from minicnn.errors import DataError
from minicnn.expect import array, is_source
from minicnn.preprocessing.image import ImageDataGenerator

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
