"""Mistakes that users make with samples and labels, and what they are told: who, what was expected,
what was received, and the likely fix.
"""

import re

import numpy as np
import pytest
from error_cases import classifier, pictures, used

from minicnn import Input, Sequential, layers, utils

# The shape of the input


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "train_on_batch", "forward"])
def test_channels_first_pictures(method):
    x, y = pictures()
    model = used(classifier())
    arguments = (
        (x.transpose(0, 3, 1, 2),)
        if method in ("predict", "forward")
        else (x.transpose(0, 3, 1, 2), y)
    )
    message = (
        r"^Conv2D 'conv2d' expected input of shape \(N, 8, 8, 2\), received \(6, 2, 8, 8\): "
        r"minicnn is channels-last, try x.transpose\(0, 2, 3, 1\)$"
    )
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(*arguments)


def test_a_model_built_channels_first():
    """Its first convolution may well fit, on 3 rows, and nothing after it would say why the rest
    does not.
    """
    message = (
        r"'conv2d' of 'net' is to see pictures of 3 rows, 32 columns and 32 channels: "
        r"minicnn is channels-last, try the shape \(32, 32, 3\) and x.transpose\(0, 2, 3, 1\)"
    )
    with pytest.raises(ValueError, match=message):
        Sequential([Input((3, 32, 32)), layers.Conv2D(4, 3)], name="net")
    with pytest.raises(ValueError, match=message):
        Sequential([layers.Conv2D(4, 3)], name="net").forward(np.zeros((2, 3, 32, 32)))
    with pytest.raises(ValueError, match=message):
        Sequential([Input((3, 32, 32)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)], name="net")
    # any order will do
    Sequential([Input((3, 32, 32)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)])
    for shape in ((32, 32, 3), (3, 32, 16), (1, 5, 5), (3, 3, 3)):
        Sequential([Input(shape), layers.ReLU()])


def test_a_single_picture():
    x, _ = pictures()
    model = used(classifier())
    message = (
        r"expected input of shape \(N, 8, 8, 2\), received \(8, 8, 2\): add the batch axis, "
        r"x\[None\]$"
    )
    with pytest.raises(ValueError, match=message):
        model.predict(x[0])
    assert model.predict(x[0][None]).shape == (1, 3)


def test_grey_pictures_without_a_channel_axis():
    model = Sequential([Input((8, 8, 1)), layers.Conv2D(2, 3)])
    message = (
        r"expected input of shape \(N, 8, 8, 1\), received \(6, 8, 8\): add the channel axis, "
        r"x\[..., None\]$"
    )
    with pytest.raises(ValueError, match=message):
        model.forward(np.zeros((6, 8, 8)))


def test_a_single_picture_for_a_model_without_a_shape():
    model = Sequential([layers.Conv2D(2, 3)])
    message = (
        r"Conv2D 'conv2d' expected pictures of shape \(N, H, W, C\), received samples of shape "
        r"\(8, 2\)"
    )
    with pytest.raises(ValueError, match=message):
        model.forward(np.zeros((8, 8, 2)))
    # nothing remembers the mistake
    assert model.forward(np.zeros((1, 8, 8, 2))).shape == (
        1,
        6,
        6,
        2,
    )


@pytest.mark.parametrize("shape", [(None, 8, 8, 2), (None, None, 3), (0, 8, 3), (8.5, 8, 3), 8])
@pytest.mark.parametrize("make", [Input, lambda shape: layers.Conv2D(2, 3, input_shape=shape)])
def test_a_shape_that_is_not_that_of_one_sample(shape, make):
    """With a batch axis, with open or empty ones."""
    message = (
        r"^(Input|Conv2D) expected the shape of one sample, without the batch axis, such as \(32, "
        r"32, 3\), "
        rf"received {re.escape(repr(shape))}$"
    )
    with pytest.raises(ValueError, match=message):
        make(shape)


def test_build_without_a_batch_axis():
    with pytest.raises(
        ValueError, match=r"received samples of shape \(8, 2\).*build\(\(None, H, W, C\)\) has it"
    ):
        Sequential([layers.Conv2D(2, 3)]).build((8, 8, 2))


# Labels


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_one_hot_labels_with_the_sparse_loss(method):
    x, y = pictures()
    message = (
        r"loss 'sparse_categorical_crossentropy' expected integer labels \(N,\) or \(N, 1\), "
        r"received shape \(6, 3\): "
        r"one-hot labels go with 'categorical_crossentropy', or use y.argmax\(axis=1\)"
    )
    with pytest.raises(ValueError, match=message):
        getattr(classifier(), method)(x, np.eye(3)[y])


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_integer_labels_with_the_categorical_loss(method, shape):
    x, y = pictures()
    message = (
        rf"loss 'categorical_crossentropy' expected one-hot labels \(N, 3\), received shape "
        rf"\({', '.join(map(str, shape))},?\): integer labels go with "
        r"'sparse_categorical_crossentropy', "
        r"or use utils.to_categorical\(y, 3\)"
    )
    with pytest.raises(ValueError, match=message):
        getattr(classifier(loss="categorical_crossentropy"), method)(x, y.reshape(shape))


@pytest.mark.parametrize("label", [3, 255, -1])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_labels_out_of_range(method, label):
    """NumPy would silently take the last class for -1."""
    x, y = pictures()
    y[4] = label
    low, high = min(0, label), max(2, label)
    message = (
        f"expected labels from 0 to 2, received {low} to {high}: the last layer must have one unit "
        "per class"
    )
    with pytest.raises(ValueError, match=message):
        getattr(classifier(), method)(x, y)


def test_labels_that_are_not_whole():
    x, y = pictures()
    with pytest.raises(ValueError, match="expected integer labels, received .*0.5.* among them"):
        classifier().fit(x, y + 0.5)


def test_one_hot_labels_of_another_number_of_classes():
    x, y = pictures()
    message = (
        r"expected one-hot labels \(N, 3\), received shape \(6, 10\): the last layer must have one "
        r"unit per class"
    )
    with pytest.raises(ValueError, match=message):
        classifier(loss="categorical_crossentropy").fit(x, np.eye(10)[y])


def test_labels_are_looked_at_before_anything_is_trained():
    """All of them, also those that would only be met in validation, after an epoch has been paid
    for.
    """
    x, y = pictures(12)
    wrong = y.copy()
    wrong[11] = 7
    for arguments in (
        {"x": x, "y": wrong, "batch_size": 2, "shuffle": False},
        {"x": x, "y": wrong, "validation_split": 0.5},
        {"x": x, "y": y, "validation_data": (x, wrong)},
        {"x": x, "y": y, "validation_data": (x, np.eye(3)[y])},
        {"x": x, "y": y, "validation_data": (x.transpose(0, 3, 1, 2), y)},
    ):
        model = classifier()
        before = [weight.tobytes() for weight in model.get_weights()]
        with pytest.raises(ValueError, match="expected"):
            model.fit(**arguments, verbose=0)
        assert [weight.tobytes() for weight in model.get_weights()] == before, list(arguments)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 1]])
def test_to_categorical_out_of_range(labels):
    message = f"to_categorical expected labels from 0 to 2, received {min(labels)} to {max(labels)}"
    with pytest.raises(ValueError, match=message):
        utils.to_categorical(labels, 3)


def test_to_categorical():
    assert np.array_equal(utils.to_categorical([[2], [0]]), [[0, 0, 1], [1, 0, 0]])
    assert utils.to_categorical(np.array([1], np.uint8), 3).dtype == np.float32


# Numbers of samples


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": np.zeros(5, int)}, "fit expected as many samples in y as in x, 6, received 5"),
        (
            {"sample_weight": np.ones(5)},
            "fit expected as many samples in sample_weight as in x, 6, received 5",
        ),
        (
            {"sample_weight": np.ones((6, 2))},
            r"fit expected sample_weight as numbers of shape \(6,\), .*\(6, 2\)",
        ),
        (
            {"validation_data": (np.zeros((2, 8, 8, 2)), np.zeros(3, int))},
            r"fit\(validation_data\) expected as many samples in y as in x, 2, received 3",
        ),
        (
            {"validation_data": (np.zeros((2, 8, 8, 2)),)},
            r"validation_data.*\(x, y\) or \(x, y, sample_weight\)",
        ),
        ({"validation_split": 1.0}, "fit expected 0 <= validation_split < 1, received 1.0"),
        ({"validation_split": -0.1}, "fit expected 0 <= validation_split < 1, received -0.1"),
        (
            {"validation_split": 0.99},
            "fit cannot split 6 samples by validation_split=0.99: one part is empty",
        ),
        (
            {"validation_split": 1e-17},
            "cannot split 6 samples by validation_split=1e-17: one part is empty",
        ),
    ],
)
def test_fit_arguments_that_do_not_fit(arguments, message):
    x, y = pictures()
    with pytest.raises(ValueError, match=message):
        classifier().fit(**{"x": x, "y": y, "verbose": 0} | arguments)


def test_no_samples():
    x, y = pictures()
    for method, arguments in (
        ("fit", (x[:0], y[:0])),
        ("evaluate", (x[:0], y[:0])),
        ("predict", (x[:0],)),
    ):
        with pytest.raises(
            ValueError,
            match=rf"{method} expected at least one sample, received x of shape \(0, 8, 8",
        ):
            getattr(classifier(), method)(*arguments)


def test_a_validation_split_without_some_class():
    x, y = pictures(10)
    message = (
        "validation_split takes the last 4 of 10 samples, before any shuffling: class 1, 2 is in "
        "only one of the two parts. Shuffle x and y first"
    )
    with pytest.warns(UserWarning, match=message) as got:
        classifier().fit(
            x, np.array([0, 0, 0, 0, 1, 1, 2, 2, 0, 0]), validation_split=0.4, verbose=0
        )
    assert got[0].filename == __file__


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_sorted_data_set_is_noticed_and_a_shuffled_one_is_fine(one_hot):
    x, _ = pictures(12)
    y = np.repeat([0, 1, 2], 4)
    model = classifier(
        loss="categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    )
    with pytest.warns(UserWarning, match="class 0, 1, 2 is in only one"):
        model.fit(x, np.eye(3)[y] if one_hot else y, validation_split=1 / 3, verbose=0)
    y = np.tile([0, 1, 2], 4)
    model.fit(x, np.eye(3)[y] if one_hot else y, validation_split=0.5, verbose=0)
