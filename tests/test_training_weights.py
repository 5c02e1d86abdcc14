"""Weights of classes and of samples in fit, evaluate and train_on_batch."""

import numpy as np
import pytest
from training_cases import CLASSES, bits, linear, linear_data

from minicnn import Input, Sequential, layers, metrics, optimizers


def by_hand_step(
    model: Sequential, x: np.ndarray, y: np.ndarray, weight: np.ndarray, rate: float
) -> tuple:
    """The loss and the new kernel and bias of one step of gradient descent, from the definition, in
    float64.
    """
    kernel, bias = (w.astype(float) for w in model.get_weights())
    z = x.astype(float) @ kernel + bias
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    loss = np.mean(-np.log(p[np.arange(len(x)), y]) * weight)
    dz = (p - np.eye(CLASSES)[y]) * weight[:, None] / len(x)
    return loss, kernel - rate * x.T.astype(float) @ dz, bias - rate * dz.sum(axis=0)


@pytest.mark.parametrize("form", ["sparse", "one-hot"])
@pytest.mark.parametrize("weights", ["none", "sample", "class", "both"])
def test_weights_scale_the_losses_of_their_samples(weights, form):
    x, y = linear_data(8)
    sample = np.linspace(0.25, 3, 8)
    by_class = {0: 2.0, 2: 0.5}  # 1 is not in it and counts once
    factor = np.ones(8)
    arguments: dict = {}
    if weights in ("sample", "both"):
        arguments["sample_weight"], factor = sample, factor * sample
    if weights in ("class", "both"):
        arguments["class_weight"] = by_class
        factor = factor * np.array([by_class.get(label, 1.0) for label in y])
    labels = y if form == "sparse" else np.eye(CLASSES)[y]
    loss_name = (
        "sparse_categorical_crossentropy" if form == "sparse" else "categorical_crossentropy"
    )
    for run in ("fit", "train_on_batch"):
        model = linear(dtype="float64")
        model.compile(optimizers.SGD(0.5), loss_name)
        loss, kernel, bias = by_hand_step(model, x, y, factor, rate=0.5)
        if run == "fit":
            received = model.fit(x, labels, batch_size=8, verbose=0, **arguments).history["loss"][0]
        else:
            received = model.train_on_batch(x, labels, **arguments)
        assert received == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-11)
        np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-11)


def test_a_sample_of_weight_zero_does_not_train():
    x, y = linear_data(8)
    other = x.copy()
    other[3] = 100.0
    models = [linear(), linear()]
    for model, data in zip(models, (x, other), strict=True):
        model.fit(
            data, y, sample_weight=np.where(np.arange(8) == 3, 0.0, 1.0), shuffle=False, verbose=0
        )
    assert bits(models[0]) == bits(models[1])


def test_class_weight_is_not_used_in_validation():
    x, y = linear_data()
    model = linear()
    history = model.fit(
        x, y, class_weight={0: 5.0, 1: 0.1}, validation_data=(x, y), verbose=0
    ).history
    assert history["val_loss"][0] == model.evaluate(x, y)[0]


def test_evaluate_forms():
    x, y = linear_data()
    model = linear(metrics=["accuracy", "sparse_top_k_categorical_accuracy"])
    listed, named = model.evaluate(x, y, verbose=0), model.evaluate(x, y, return_dict=True)
    assert list(named) == ["loss", "accuracy", "sparse_top_k_categorical_accuracy"]
    assert listed == list(named.values()) and listed[2] == 1.0
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.evaluate(x, y) == pytest.approx(listed[0])
    weight = np.arange(10.0)
    p = np.exp(x.astype(float) @ model.get_weights()[0])
    losses = -np.log((p / p.sum(axis=1, keepdims=True))[np.arange(10), y])
    assert model.evaluate(x, y, sample_weight=weight) == pytest.approx(
        np.mean(losses * weight), rel=1e-6
    )


def test_evaluate_and_predict_do_not_depend_on_the_batch_and_change_nothing():
    x, y = linear_data(11)
    model = linear()
    model.fit(x, y, verbose=0)
    before = bits(model)
    np.testing.assert_allclose(model.evaluate(x, y, batch_size=4), model.evaluate(x, y), rtol=1e-6)
    np.testing.assert_allclose(model.predict(x, batch_size=3), model.predict(x), rtol=1e-6)
    assert model.predict(x, batch_size=3).shape == (11, CLASSES)
    assert bits(model) == before


def test_predict_runs_in_inference_and_hands_out_a_copy():
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    model = Sequential([Input((4,)), layers.Dropout(0.5), layers.BatchNormalization()], seed=0)
    model.set_weights(model.get_weights())  # not fresh any more
    np.testing.assert_allclose(model.predict(x), x / np.sqrt(1.001), rtol=1e-6)
    dropout = Sequential([Input((4,)), layers.Dropout(0.5)])
    y = dropout.predict(x)
    y[...] = 0
    assert x.any()


def test_train_on_batch_returns_the_loss_before_its_update():
    x, y = linear_data()
    model = linear()
    before, first = model.evaluate(x, y), bits(model)
    assert model.train_on_batch(x, y) == pytest.approx(before, rel=1e-6)
    assert bits(model) != first and model.optimizer.iterations == 1
    named = model.train_on_batch(x, y, return_dict=True)
    assert list(named) == ["loss", "accuracy"] and named["loss"] < before[0]
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert isinstance(model.train_on_batch(x, y), float)


def test_fit_is_train_on_batch_over_the_batches():
    x, y = linear_data(10)
    fitted, stepped = linear(), linear()
    fitted.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for start in range(0, 10, 4):
            stepped.train_on_batch(x[start : start + 4], y[start : start + 4])
    assert bits(fitted) == bits(stepped)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("size", [-1, 0])
def test_a_batch_of_no_samples_is_refused(method, size):
    x, y = linear_data()
    model = linear()
    model.train_on_batch(x, y)
    with pytest.raises(
        ValueError, match=f"{method} expected batch_size.*at least 1, received {size}"
    ):
        getattr(model, method)(
            *(x, y)[: 1 if method == "predict" else 2], batch_size=size, verbose=0
        )


class Seen(metrics.Metric):
    """A user's metric, which hands on the predictions that it is given."""

    def __init__(self, note):
        super().__init__("seen")
        self.note = note

    def values(self, y_true, y_pred):  # noqa: ARG002
        self.note(y_pred.copy())
        return np.zeros(len(y_pred))


def test_a_metric_sees_what_the_model_predicts():
    """Probabilities, although the loss is computed from the logits in front of the softmax."""
    x, y = linear_data()
    seen: list[np.ndarray] = []
    model = linear(learning_rate=0.0, metrics=[Seen(seen.append)])
    model.evaluate(x, y)
    model.train_on_batch(x, y)
    for predictions in seen:
        np.testing.assert_allclose(predictions, model.predict(x), rtol=1e-6)
    assert len(seen) == 2
