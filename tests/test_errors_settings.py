"""Mistakes that users make with settings of a training, and what they are told: who, what was
expected, what was received, and the likely fix.
"""

import inspect
import re

import numpy as np
import pytest
from error_cases import classifier, pictures

from minicnn import Input, Sequential, layers, losses, metrics, optimizers
from minicnn.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from minicnn.layers.base import Layer

# Callbacks


@pytest.mark.parametrize(
    "make", [EarlyStopping, ReduceLROnPlateau, lambda: ModelCheckpoint("m", save_best_only=True)]
)
def test_a_monitor_that_is_not_logged(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y = pictures()
    message = (
        r"monitors 'val_loss', which is not in the logs: .*\. Available: loss, accuracy.*"
        r"Pass validation_data or validation_split to fit"
    )
    with pytest.warns(UserWarning, match=message):
        classifier().fit(x, y, verbose=0, callbacks=make())


@pytest.mark.parametrize("thing", [EarlyStopping, "EarlyStopping", object()])
def test_what_is_no_callback(thing):
    x, y = pictures()
    with pytest.raises(TypeError, match="fit expected callback"):
        classifier().fit(x, y, callbacks=[thing])


# Losses


def test_a_loss_that_is_not_a_number():
    x, y = pictures()
    x[4, 1, 1] = np.nan
    model = classifier()
    message = (
        "the loss is nan at epoch 1, batch 3: the input holds NaN or infinity. The update was left "
        "out. Try a learning rate below 0.01, or global_clipnorm=1.0"
    )
    with pytest.warns(UserWarning, match=message) as got:
        model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    assert got[0].filename == __file__


@pytest.mark.parametrize(
    "loss", [losses.CategoricalCrossentropy(), losses.SparseCategoricalCrossentropy()]
)
@pytest.mark.parametrize("activation", [None, "relu"])
def test_predictions_that_are_no_probabilities(loss, activation):
    x, y = pictures()
    y = y if isinstance(loss, losses.SparseCategoricalCrossentropy) else np.eye(3)[y]
    model = Sequential(
        [Input((8, 8, 2)), layers.Flatten(), layers.Dense(3, activation=activation)], seed=0
    )
    model.compile("sgd", loss)
    message = (
        rf"loss '{loss.name}' expected probabilities \(at least 0, with sum 1\), received values "
        r"from .* to .* with "
        r"sums from .*: end the model in activation='softmax', or use the loss with "
        r"from_logits=True"
    )
    for method in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=message):
            method(x, y)


@pytest.mark.parametrize(
    "end",
    [[layers.Dense(3, activation="softmax")], [layers.Softmax()], [layers.Activation("softmax")]],
)
@pytest.mark.parametrize(
    "loss", [losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy]
)
def test_from_logits_with_a_softmax(end, loss):
    model = Sequential([Input((8, 8, 2)), layers.Flatten(), layers.Dense(3), *end])
    message = (
        rf"loss '{loss().name}' with from_logits=True expected logits, but {type(end[0]).__name__} "
        r"'\w+' ends in a "
        "softmax: leave out one of the two"
    )
    with pytest.raises(ValueError, match=message):
        model.compile("sgd", loss(from_logits=True))


def test_from_logits_with_a_softmax_that_is_added_later():
    x, y = pictures()
    model = Sequential([Input((8, 8, 2)), layers.Flatten()])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    model.add(layers.Dense(3, activation="softmax"))
    with pytest.raises(
        ValueError, match="from_logits=True expected logits, but Dense 'dense' ends in a softmax"
    ):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_label_smoothing_out_of_range(value):
    with pytest.raises(
        ValueError,
        match=f"CategoricalCrossentropy expected 0 <= label_smoothing <= 1, received {value}",
    ):
        losses.CategoricalCrossentropy(label_smoothing=value)


# Arguments out of range


@pytest.mark.parametrize("wrong", [0, -1, 2.5, (1, 2, 3), (2, 0), (1.0, 2.0), "3", "33"])
@pytest.mark.parametrize(
    ("make", "who", "what"),
    [
        (lambda v: layers.Conv2D(1, v), "Conv2D", "kernel_size"),
        (lambda v: layers.Conv2D(1, 1, strides=v), "Conv2D", "strides"),
        (lambda v: layers.Conv2D(1, 1, dilation_rate=v), "Conv2D", "dilation_rate"),
        (layers.MaxPooling2D, "MaxPooling2D", "pool_size"),
        (lambda v: layers.MaxPooling2D(2, v), "MaxPooling2D", "strides"),
        (layers.AveragePooling2D, "AveragePooling2D", "pool_size"),
        (lambda v: layers.AveragePooling2D(2, v), "AveragePooling2D", "strides"),
    ],
)
def test_window_arguments(make, who, what, wrong):
    message = (
        rf"^{who} expected {what} to be an integer >= 1 or a pair of them, received "
        rf"{re.escape(repr(wrong))}$"
    )
    with pytest.raises(ValueError, match=message):
        make(wrong)


def test_windows_of_no_size():
    for make in (
        lambda: layers.Conv2D(1, None),
        lambda: layers.MaxPooling2D(None),
        lambda: layers.AveragePooling2D(None),
    ):
        with pytest.raises(
            ValueError, match="_size to be an integer >= 1 or a pair of them, received None"
        ):
            make()


@pytest.mark.parametrize(
    "make", [lambda p: layers.Conv2D(1, 1, padding=p), layers.MaxPooling2D, layers.AveragePooling2D]
)
@pytest.mark.parametrize("padding", ["full", 1, None])
def test_paddings(make, padding):
    name = "Conv2D" if inspect.isfunction(make) else make.__name__
    with pytest.raises(
        ValueError, match=rf"{name} expected padding 'valid' or 'same', received {padding!r}"
    ):
        make(padding) if name == "Conv2D" else make(2, padding=padding)


@pytest.mark.parametrize("value", [0, -3, 2.5, "10", None])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (layers.Dense, "Dense expected units"),
        (lambda v: layers.Conv2D(v, 3), "Conv2D expected filters"),
    ],
)
def test_numbers_of_units_and_filters(make, message, value):
    with pytest.raises(ValueError, match=f"{message}.* at least 1, received {value!r}"):
        make(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: layers.Dropout(1),
            r"Dropout expected 0 <= rate < 1 \(the share that is dropped\), received 1",
        ),
        (lambda: layers.Dropout(-0.1), "Dropout expected 0 <= rate < 1 .*received -0.1"),
        (lambda: layers.Dropout(50), "Dropout expected 0 <= rate < 1 .*received 50"),
        (lambda: layers.ReLU(max_value=0), "ReLU expected max_value above 0 or None, received 0"),
        (
            lambda: layers.ReLU(max_value=-1.0),
            "ReLU expected max_value above 0 or None, received -1.0",
        ),
        (
            lambda: layers.ZeroPadding2D(-1),
            "ZeroPadding2D expected padding as an integer >= 0.* received -1",
        ),
        (
            lambda: layers.ZeroPadding2D((1, 2, 3)),
            r"ZeroPadding2D expected padding .* received \(1, 2, 3\)",
        ),
        (lambda: layers.ZeroPadding2D(((1, 2), (3, -4))), "ZeroPadding2D expected padding"),
        (lambda: layers.ZeroPadding2D(1.5), "ZeroPadding2D expected padding .*received 1.5"),
        (
            lambda: layers.Normalization(mean=1.0),
            "Normalization expected mean and variance together, received mean=1.0",
        ),
        (
            lambda: layers.BatchNormalization(momentum=1.5),
            "BatchNormalization expected 0 <= momentum <= 1, received 1.5",
        ),
        (
            lambda: layers.BatchNormalization(momentum=-0.1),
            "BatchNormalization expected 0 <= momentum <= 1, received",
        ),
        (
            lambda: layers.BatchNormalization(epsilon=-1e-3),
            "BatchNormalization expected epsilon .*received -0.001",
        ),
        (
            lambda: layers.Normalization(mean=0.0, variance=-1.0),
            "Normalization expected variance .*received -1.0",
        ),
        (
            lambda: Sequential([Input((3, 4)), layers.BatchNormalization(axis=1)]),
            r"expected axis -1.*received axis=1",
        ),
        (
            lambda: Sequential([Input((3, 4)), layers.Normalization(axis=0)]),
            r"expected axis -1.*received axis=0",
        ),
    ],
)
def test_layer_arguments_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_layer_of_ones_own_that_is_not_finished(method):
    with pytest.raises(NotImplementedError, match=rf"Layer must define {method}\("):
        getattr(Layer(), method)(np.zeros(1))


def test_a_metric_and_an_optimizer_of_ones_own_that_are_not_finished():
    with pytest.raises(NotImplementedError, match=r"Metric must define values\(y_true, y_pred\)"):
        metrics.Metric("mine").update(np.zeros(1), np.zeros(1))
    with pytest.raises(
        NotImplementedError, match=r"Optimizer must define update\(value, grad, slots\)"
    ):
        optimizers.Optimizer(0.1).step([("w", np.zeros(1), np.zeros(1))])


def test_a_batch_of_one_value_per_channel():
    model = Sequential([Input((3,)), layers.BatchNormalization()])
    with pytest.warns(
        UserWarning,
        match="BatchNormalization 'batch_normalization' normalises a batch with one value",
    ):
        y = model.forward(np.array([[1.0, 2.0, 3.0]]), training=True)
    assert not y.any()
