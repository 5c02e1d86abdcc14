"""Metrics beside Keras' values and their definitions; by every name; of one's own; and what is said
of labels and arguments that do not fit.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import Input, Sequential, layers, losses, metrics, models
from minicnn.errors import ModelFileError

sys.path.insert(0, str(Path(__file__).parent / "golden"))
import make_metrics as golden  # noqa: E402

GOLDEN = json.loads(golden.GOLDEN.read_text())


def network(units=1, activation="sigmoid"):
    last = layers.Dense(units, activation=activation)
    model = Sequential([Input((4,)), last], seed=1)
    model.note_weights()
    return model


def samples(n=24):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype(np.float32)
    return x, (x[:, 0] + rng.standard_normal(n) > 0).astype(int)


@pytest.mark.parametrize("name", golden.METRICS)
def test_a_metric_is_keras(name):
    cls, arguments, kind = golden.METRICS[name]
    metric = getattr(metrics, cls)(**arguments)
    for expected, (y_true, y_pred) in zip(GOLDEN[name], golden.batches(kind), strict=True):
        metric.update(y_true, y_pred)
        np.testing.assert_allclose(metric.result(), np.squeeze(expected), rtol=2e-6, atol=1e-7)
    metric.reset()
    y_true, y_pred = golden.batches(kind)[0]
    metric.update(y_true, y_pred)
    np.testing.assert_allclose(metric.result(), np.squeeze(GOLDEN[name][0]), rtol=2e-6, atol=1e-7)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_the_area_under_the_roc_curve_is_the_share_of_pairs_in_order(seed, n):
    """Of a yes and a no, how often the yes is the more probable; predictions lie in the middles
    between thresholds, so that no two of an interval differ.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    p = (rng.integers(0, 199, n) + 0.5) / 199
    yes, no = p[y == 1], p[y == 0]
    metric = metrics.AUC()
    metric.update(y, p[:, None])
    if len(yes) and len(no):
        pairs = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
        assert metric.result() == pytest.approx(pairs, abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.floats(0.1, 0.9))
def test_counts_by_definition(seed, n, threshold):
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, 2, n), rng.random((n, 1))
    says = p[:, 0] > threshold
    tp, fp = int((says & (y == 1)).sum()), int((says & (y == 0)).sum())
    fn = int((~says & (y == 1)).sum())
    found = {}
    for cls in (metrics.Precision, metrics.Recall, metrics.TruePositives, metrics.FalseNegatives):
        metric = cls(thresholds=threshold)
        for half in (slice(0, n // 2), slice(n // 2, n)):
            metric.update(y[half], p[half])
        found[cls.__name__] = metric.result()
    assert found == {
        "Precision": tp / (tp + fp) if tp + fp else 0.0,
        "Recall": tp / (tp + fn) if tp + fn else 0.0,
        "TruePositives": tp,
        "FalseNegatives": fn,
    }


def test_accuracy_is_that_of_the_head_and_the_labels():
    x, y = samples()
    for units, activation, loss, labels in (
        (1, "sigmoid", "binary_crossentropy", y),
        (1, "sigmoid", "binary_crossentropy", y[:, None]),
        (2, "softmax", "sparse_categorical_crossentropy", y),
        (2, "softmax", "categorical_crossentropy", np.eye(2)[y]),
    ):
        model = network(units, activation)
        model.compile("sgd", loss, metrics=["accuracy", "acc"])
        p = model.predict(x)
        answers = p[:, 0] > 0.5 if units == 1 else p.argmax(axis=1)
        _, accuracy, acc = model.evaluate(x, labels)
        assert accuracy == acc == pytest.approx((answers == y).mean())


def test_all_are_of_the_whole_epoch_whatever_the_batches():
    x, y = samples()
    chosen = ["AUC", "Precision", metrics.F1Score(threshold=0.5), "RootMeanSquaredError", "mse"]
    model = network()
    model.compile("sgd", "binary_crossentropy", metrics=chosen)
    whole = model.evaluate(x, y, batch_size=24)
    assert model.evaluate(x, y, batch_size=5) == pytest.approx(whole, rel=1e-6)
    p = model.predict(x)
    by_hand = metrics.AUC()
    by_hand.update(y, p)
    assert whole[1] == by_hand.result()
    assert whole[4] == pytest.approx(whole[5] ** 0.5)
    history = model.fit(x, y, validation_data=(x, y), epochs=2, verbose=0, batch_size=5).history
    assert list(history) == [
        *["loss", "AUC", "Precision", "f1_score", "RootMeanSquaredError", "mse"],
        *["val_loss", "val_AUC", "val_Precision", "val_f1_score", "val_RootMeanSquaredError"],
        "val_mse",
    ]


# Names


@pytest.mark.parametrize("name", metrics.CLASSES)
def test_every_metric_by_name_class_object_and_description(name, tmp_path):
    cls = metrics.CLASSES[name]
    snake = next(key for key, value in metrics.NAMES.items() if value is cls)
    for given_as in (snake, name):
        assert type(metrics.get(given_as)) is cls and metrics.get(given_as).name == given_as
    assert type(metrics.get(cls)) is cls
    described = metrics.serialize(cls(name="mine"))
    assert metrics.get(described).get_config() == cls(name="mine").get_config()
    model = network()
    model.compile("sgd", "bce", metrics=[cls(name="mine")])
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(tmp_path / "model.safetensors").metrics[0]
    assert type(loaded) is cls and loaded.get_config() == cls(name="mine").get_config()


FUNCTIONS = [
    name for name in metrics.__all__ if name[0].islower() and name[-3:] not in ("get", "ize")
]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_a_metric_of_its_name(name):
    assert metrics.get(getattr(metrics, name)).name == name


def test_functions_give_a_number_per_sample():
    y, p = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert metrics.sparse_categorical_accuracy(y, p).tolist() == [1, 1, 0]
    assert metrics.categorical_accuracy(np.eye(2)[y], p).tolist() == [1, 1, 0]
    assert metrics.sparse_top_k_categorical_accuracy(y, p, k=2).tolist() == [1, 1, 1]
    assert metrics.top_k_categorical_accuracy(np.eye(2)[y], p, k=1).tolist() == [1, 1, 0]
    assert metrics.binary_accuracy(y, p[:, 1:], threshold=0.3).tolist() == [1, 1, 1]
    assert metrics.binary_crossentropy is losses.binary_crossentropy


def test_compile_takes_what_scripts_write():
    x, y = samples()
    by_name = network()
    name = by_name.layers[-1].name
    for loss, chosen in (
        (losses.binary_crossentropy, [metrics.binary_accuracy]),
        (["binary_crossentropy"], [["binary_accuracy"]]),
        ({name: "bce"}, {name: ["binary_accuracy"]}),
        (losses.BinaryCrossentropy, metrics.BinaryAccuracy()),
        ({"class_name": "BinaryCrossentropy", "config": {}}, "binary_accuracy"),
    ):
        model = network()
        model.compile("sgd", loss, metrics=chosen)
        assert list(model.evaluate(x, y, return_dict=True)) == ["loss", "binary_accuracy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": ["mse", "mse"]}, "compile expected one loss, received 2: a model is trained on"),
        ({"loss": {"head": "mse"}}, "by the name of the output, .'dense': ....,.*names 'head'"),
        ({"metrics": ["accuracy", "accuracy"]}, "metrics of different names, received accuracy, "),
        ({"metrics": ["accurasy"]}, "unknown metric 'accurasy'. Did you mean 'accuracy'"),
        ({"metrics": ["iou"]}, "unknown metric 'iou'.*confusion_matrix"),
    ],
)
def test_what_compile_does_not_take(arguments, message):
    with pytest.raises(ValueError, match=message):
        network().compile("sgd", **arguments)


# Metrics of one's own


def distance(y_true, y_pred):
    return np.abs(y_true - y_pred).mean(axis=-1)


def test_a_function_of_ones_own_is_averaged(tmp_path):
    """Of numbers per sample the mean over samples, of one per batch that over batches, as Keras."""
    x, y = samples()

    def of_the_batch(y_true, y_pred):
        return np.abs(y_true - y_pred).mean()

    model = network()
    model.compile("sgd", "bce", metrics=[distance, of_the_batch])
    found = model.evaluate(x, y, batch_size=9, return_dict=True)
    far = np.abs(model.predict(x)[:, 0] - y)
    assert found["distance"] == pytest.approx(far.mean(), rel=1e-6)
    by_batch = [far[:9].mean(), far[9:18].mean(), far[18:].mean()]
    assert found["of_the_batch"] == pytest.approx(np.mean(by_batch), rel=1e-6)
    model.compile("sgd", "bce", metrics=[distance])
    model.save(tmp_path / "model.safetensors")
    loaded = models.load_model(
        tmp_path / "model.safetensors", custom_objects={"distance": distance}
    )
    assert loaded.evaluate(x, y) == model.evaluate(x, y)
    with pytest.raises(ModelFileError, match="unknown metric 'distance'.*custom_objects"):
        models.load_model(tmp_path / "model.safetensors")


def test_a_function_that_returns_no_numbers_is_refused():
    model = network()
    model.compile("sgd", "bce", metrics=[lambda *_: "good"])
    with pytest.raises(ValueError, match="expected its function to return numbers, one per sample"):
        model.evaluate(*samples())


def test_a_metric_of_ones_own_with_sums_of_its_own():
    class Largest(metrics.Metric):
        def reset(self):
            self.total = -np.inf

        def update(self, y_true, y_pred):  # noqa: ARG002
            self.total = max(self.total, float(np.max(y_pred)))

        def result(self):
            return self.total

    x, y = samples()
    model = network()
    model.compile("sgd", "bce", metrics=[Largest()])
    assert model.evaluate(x, y, batch_size=5)[1] == pytest.approx(model.predict(x).max())


# Mistakes


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.Precision(thresholds=[0.3, 0.7]), "thresholds as one number, for a log"),
        (lambda: metrics.Recall(thresholds=1.5), "thresholds as a finite number .* at most 1"),
        (lambda: metrics.Precision(top_k=0), "Precision expected top_k of at least 1, or None"),
        (lambda: metrics.Precision(class_id=-1), "class_id of at least 0, or None, received -1"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds of at least 2, received 1"),
        (lambda: metrics.AUC(curve="roc"), "curve as one of ROC, PR, received 'roc'"),
        (lambda: metrics.AUC(summation_method="trapezoid"), "one of interpolation, minoring"),
        (lambda: metrics.F1Score(average="binary"), "average as None, 'micro', 'macro' or"),
        (lambda: metrics.F1Score(threshold=0.0), "threshold as a finite number above 0"),
        (lambda: metrics.FBetaScore(beta=0), "beta as a finite number above 0"),
        (lambda: metrics.BinaryCrossentropy(label_smoothing=2), "0 <= label_smoothing <= 1"),
        (lambda: metrics.get({"class_name": "AUK"}), "metrics has no class 'AUK'. Did you mean"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("metric", "y", "p", "message"),
    [
        ("Precision", [0, 1], [[0.5, 0.5], [0.1, 0.9]], r"labels \(N, 2\), received shape \(2,\)"),
        ("Recall", [[0, 1], [1, 0]], [[0.5], [0.1]], r"y\[:, 1\] of two one-hot classes"),
        ("AUC", [-1, 1], [[0.5], [0.1]], r"received -1 to 1: use \(y \+ 1\) / 2"),
        ("AUC", [0, 1], [[3.5], [0.1]], "expected probabilities from 0 to 1.*from_logits=True"),
        ("F1Score", [0, 1, 1], [[0.5], [0.1]], "expected 2 labels, one per prediction"),
        ("BinaryAccuracy", [1, 2], [[0.5], [0.1]], "labels count from 0, use y - 1"),
        ("mse", [[0, 1], [1, 0]], [[0.5], [0.1]], r"labels \(N, 1\), received shape \(2, 2\)"),
    ],
)
def test_labels_that_do_not_fit(metric, y, p, message):
    with pytest.raises(ValueError, match=message):
        metrics.get(metric).update(y, p)


def test_a_class_id_that_is_not_there():
    with pytest.raises(ValueError, match="class_id below 2, the number of outputs, received 2"):
        metrics.Precision(class_id=2).update([[0, 1]], [[0.5, 0.5]])


def test_several_numbers_do_not_go_into_a_log():
    model = network(3)
    model.compile("sgd", "bce", metrics=[metrics.F1Score()])
    with pytest.raises(ValueError, match=r"received 3, one per output: use F1Score\(average='mac"):
        model.fit(samples()[0], np.eye(3)[np.arange(24) % 3], verbose=0)


def test_a_metric_by_itself_has_keras_names():
    accuracy = metrics.SparseCategoricalAccuracy()
    accuracy.update_state([0, 1], [[0.9, 0.1], [0.8, 0.2]])
    assert accuracy.result() == 0.5
    accuracy.reset_state()
    accuracy.update_state([1], [[0.3, 0.7]])
    assert accuracy.result() == 1
