"""The synthetic data set: its form, its balance, and that it is learnable but not by a linear
model.
"""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from minicnn.datasets import shapes


def test_has_the_form_of_cifar10():
    (x_train, y_train), (x_test, y_test) = shapes.load_data(train=60, test=20)
    assert (x_train.shape, y_train.shape) == ((60, 32, 32, 3), (60, 1))
    assert (x_test.shape, y_test.shape) == ((20, 32, 32, 3), (20, 1))
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8 and array.flags.c_contiguous and array.flags.writeable
    assert len(shapes.CLASS_NAMES) == 10 and all(name.isalpha() for name in shapes.CLASS_NAMES)


@pytest.mark.parametrize("count", [0, 1, 10, 47, 1003])
def test_classes_are_balanced(count):
    (x, y), _ = shapes.load_data(train=count, test=0)
    counts = np.bincount(y.ravel(), minlength=10)
    assert len(x) == count == counts.sum() and counts.max() - counts.min() <= 1


def test_default_size():
    (x_train, y_train), (x_test, y_test) = shapes.load_data()
    assert (len(x_train), len(x_test)) == (10_000, 2_000)
    assert set(np.bincount(y_train.ravel())) == {1000} and set(np.bincount(y_test.ravel())) == {200}


def test_a_seed_names_the_images():
    first, again, other = (shapes.load_data(train=50, test=10, seed=seed) for seed in (3, 3, 4))
    for (x, y), (x_again, y_again), (x_other, _) in zip(first, again, other, strict=True):
        assert (
            np.array_equal(x, x_again)
            and np.array_equal(y, y_again)
            and not np.array_equal(x, x_other)
        )


def test_test_images_do_not_depend_on_the_number_of_training_images():
    _, (few, _) = shapes.load_data(train=10, test=20)
    _, (many, _) = shapes.load_data(train=30, test=20)
    assert np.array_equal(few, many)


def test_training_and_test_images_differ():
    (x_train, _), (x_test, _) = shapes.load_data(train=200, test=200)
    assert not {image.tobytes() for image in x_train} & {image.tobytes() for image in x_test}


def test_every_shape_is_visible_and_not_cut_off():
    (x, y), _ = shapes.load_data(train=500, test=0, seed=1)
    contrast = x.reshape(500, -1, 3).astype(np.float32).std(axis=1).max(axis=1)
    assert contrast.min() > 2 * shapes.NOISE
    grid = (
        np.mgrid[:64, :64].astype(np.float32) - 31.5
    ) / 16  # the unit in which a shape is about one high
    for index, name in enumerate(shapes.CLASS_NAMES):
        inside = shapes.SHAPES[index](grid[1][None], grid[0][None])[0] > 0
        assert 0.15 < inside.sum() / 16**2 < 3.2, name
        assert not inside[np.hypot(*grid) > 1.15].any(), name
        assert (y == index).sum() == 50


def test_a_linear_model_fails_and_geometry_succeeds():
    """A ridge classifier on pixels stays near chance; on the spectrum of the edges, blind to the
    place, it does not.
    """
    (x_train, y_train), (x_test, y_test) = shapes.load_data(train=1500, test=500)

    def pixels(x):
        return x.reshape(len(x), -1) / np.float32(255)

    def spectra(x):
        grey = x.astype(np.float32).max(axis=3)
        edges = np.hypot(np.diff(grey, axis=1)[:, :, 1:], np.diff(grey, axis=2)[:, 1:])
        edges = edges / edges.mean(axis=(1, 2), keepdims=True)
        return np.log1p(abs(np.fft.rfft2(edges))).reshape(len(x), -1)

    scores = {
        features: RidgeClassifier(alpha=100)
        .fit(features(x_train), y_train.ravel())
        .score(features(x_test), y_test)
        for features in (pixels, spectra)
    }
    assert scores[pixels] < 0.25 and scores[spectra] > 0.5, scores


@pytest.mark.parametrize("arguments", [{"train": -1}, {"test": -5}, {"seed": -2}])
def test_negative_numbers_are_refused(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"expected {name} of 0 or more, received -"):
        shapes.load_data(**arguments)


def test_fractions_are_refused():
    with pytest.raises(TypeError):
        shapes.load_data(train=0.5)
