"""Losses and metrics of networks that answer at every place of a picture, as in segmentation."""

import json
from pathlib import Path

import numpy as np
import pytest

from minicnn import Input, Sequential, layers, losses, metrics, optimizers

KERAS = json.loads((Path(__file__).parent / "golden" / "places.json").read_text())
LOGITS = np.array(KERAS["logits"], np.float32)
Y = np.array(KERAS["y"])
ONE_HOT = np.eye(5)[Y]
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=-1, keepdims=True)

X = np.random.default_rng(1).random((24, 4, 4, 3), np.float32)
LABELS = X.argmax(axis=-1)

LOSSES = {
    "sparse": (losses.SparseCategoricalCrossentropy(), Y, P),
    "sparse_1": (losses.SparseCategoricalCrossentropy(), Y[..., None], P),
    "sparse_logits": (losses.SparseCategoricalCrossentropy(from_logits=True), Y, LOGITS),
    "categorical": (losses.CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT, P),
    "categorical_logits": (losses.CategoricalCrossentropy(from_logits=True), ONE_HOT, LOGITS),
    "focal": (losses.CategoricalFocalCrossentropy(alpha=0.5), ONE_HOT, P),
}
METRICS = {
    "accuracy": (metrics.Accuracy(), Y),
    "sparse_accuracy": (metrics.SparseCategoricalAccuracy(), Y),
    "sparse_accuracy_1": (metrics.SparseCategoricalAccuracy(), Y[..., None]),
    "categorical_accuracy": (metrics.CategoricalAccuracy(), ONE_HOT),
    "sparse_top_2": (metrics.SparseTopKCategoricalAccuracy(2), Y),
    "top_2": (metrics.TopKCategoricalAccuracy(2), ONE_HOT),
}


@pytest.mark.parametrize("name", KERAS["losses"])
def test_losses_are_keras(name):
    loss, y, predicted = LOSSES[name]
    plain, weighted = KERAS["losses"][name]
    assert loss(y, predicted) == pytest.approx(plain, rel=1e-5)
    assert loss(y, predicted, KERAS["weights"]) == pytest.approx(weighted, rel=1e-5)
    assert loss.values(y, predicted).shape == (2, 3, 4)
    assert loss.values(y, predicted).mean() == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("name", KERAS["metrics"])
def test_metrics_are_keras(name):
    metric, y = METRICS[name]
    metric.update(y, P)
    assert metric.result() == pytest.approx(KERAS["metrics"][name], rel=1e-6)
    metric.reset()


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_the_slopes(name):
    loss, y, predicted = LOSSES[name]
    at, weight, step = predicted.astype(np.float64), [1.0, 3.0], 1e-6
    dy = loss.value_and_gradient(y, at, weight)[1]
    for place in [(0, 0, 0, 0), (1, 2, 3, 4), (1, 0, 2, int(Y[1, 0, 2]))]:
        ends = []
        for sign in (-1, 1):
            moved = at.copy()
            moved[place] += sign * step
            ends.append(loss.value_and_gradient(y, moved, weight)[0])
        assert dy[place] == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-4, abs=1e-9)


def segmenting(*end):
    body = (Input((4, 4, 3)), layers.Conv2D(8, 3, padding="same", activation="relu"))
    return Sequential([*body, *end], seed=0)


@pytest.mark.parametrize(
    ("end", "from_logits"),
    [
        ([layers.Conv2D(3, 1, activation="softmax")], False),
        ([layers.Conv2D(3, 1), layers.Softmax()], False),
        ([layers.Conv2D(3, 1)], True),
    ],
)
def test_a_network_learns_the_class_of_every_place(end, from_logits):
    model = segmenting(*(layer.clone() for layer in end))
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizers.Adam(0.05), loss, metrics=["accuracy"])
    history = model.fit(X, LABELS, epochs=30, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    answers = (model.predict(X).argmax(axis=-1) == LABELS).mean()
    measured = model.evaluate(X, LABELS[..., None], verbose=0, return_dict=True)
    assert measured["accuracy"] == pytest.approx(answers) and answers > 0.8


def test_one_hot_labels_give_the_same_training():
    found = []
    for loss, y in [("sparse_", LABELS), ("", np.eye(3)[LABELS])]:
        model = segmenting(layers.Conv2D(3, 1, activation="softmax"))
        model.compile("adam", f"{loss}categorical_crossentropy", metrics=["accuracy"])
        found.append(model.fit(X, y, epochs=2, verbose=0, validation_split=0.25).history)
    assert found[0] == found[1]


ONE_PER_PICTURE = LABELS[:, 0, 0]


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (
            "sparse_categorical_crossentropy",
            ONE_PER_PICTURE,
            r"loss 'sparse_categorical_crossentropy' expected integer labels \(N, 4, 4\) or \(N, "
            r"4, 4, 1\), received shape \(24,\): for one answer per picture put Flatten\(\) or "
            r"GlobalAveragePooling2D\(\) before the last layer$",
        ),
        (
            "sparse_categorical_crossentropy",
            np.eye(3)[LABELS],
            r"received shape \(24, 4, 4, 3\): one-hot labels go with 'categorical_crossentropy', "
            r"or use y.argmax\(axis=3\)",
        ),
        (
            "categorical_crossentropy",
            np.eye(3)[ONE_PER_PICTURE],
            r"expected one-hot labels \(N, 4, 4, 3\), received shape \(24, 3\): for one answer per "
            r"picture put Flatten\(\)",
        ),
        (
            "categorical_crossentropy",
            LABELS,
            r"received shape \(24, 4, 4\): integer labels go with 'sparse_categorical_crossentropy'"
            r", or use utils.to_categorical\(y, 3\)",
        ),
        ("sparse_categorical_crossentropy", LABELS + 1, "labels count from 0, use y - 1"),
    ],
)
def test_labels_that_do_not_fit(loss, y, message):
    model = segmenting(layers.Conv2D(3, 1, activation="softmax"))
    model.compile("adam", loss, metrics=["accuracy"])
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, verbose=0)


def test_class_weight_is_of_pictures():
    model = segmenting(layers.Conv2D(3, 1, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(
        ValueError,
        match=r"fit expected class_weight for a model with outputs \(N, K\), received one with "
        r"\(N, 4, 4, 3\): sample_weight weighs pictures",
    ):
        model.fit(X, LABELS, class_weight={0: 2.0}, verbose=0)


def test_an_accuracy_of_other_places_is_refused():
    with pytest.raises(
        ValueError, match=r"expected labels \(N, 4, 4\), received shape \(2, 1, 4\)"
    ):
        metrics.Accuracy().update(np.zeros((2, 1, 4), int), np.ones((2, 4, 4, 3)))
