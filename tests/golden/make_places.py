"""Writes places.json: losses and metrics of networks that answer at every place of a picture, from
Keras.

    python tests/golden/make_places.py        with Keras 3 and TensorFlow
"""

import json
from pathlib import Path

import keras
import numpy as np

rng = np.random.default_rng(0)
logits = rng.standard_normal((2, 3, 4, 5)).round(3).astype(np.float32)
y = rng.integers(0, 5, (2, 3, 4))
weights = np.array([1.0, 3.0])
p = keras.ops.softmax(logits)
one_hot = np.eye(5, dtype=np.float32)[y]

LOSSES = {
    "sparse": (keras.losses.SparseCategoricalCrossentropy(), y, p),
    "sparse_1": (keras.losses.SparseCategoricalCrossentropy(), y[..., None], p),
    "sparse_logits": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), y, logits),
    "categorical": (keras.losses.CategoricalCrossentropy(label_smoothing=0.1), one_hot, p),
    "categorical_logits": (keras.losses.CategoricalCrossentropy(from_logits=True), one_hot, logits),
    "focal": (keras.losses.CategoricalFocalCrossentropy(alpha=0.5), one_hot, p),
}
METRICS = {
    "sparse_accuracy": (keras.metrics.SparseCategoricalAccuracy(), y),
    "sparse_accuracy_1": (keras.metrics.SparseCategoricalAccuracy(), y[..., None]),
    "categorical_accuracy": (keras.metrics.CategoricalAccuracy(), one_hot),
    "sparse_top_2": (keras.metrics.SparseTopKCategoricalAccuracy(2), y),
    "top_2": (keras.metrics.TopKCategoricalAccuracy(2), one_hot),
}


def accuracy() -> float:
    """What compile(metrics=["accuracy"]) measures."""
    inputs = keras.Input((3, 4, 5))
    model = keras.Model(inputs, keras.layers.Softmax()(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.evaluate(logits, y, verbose=0, return_dict=True)["accuracy"]


values = {
    name: [float(loss(t, x)), float(loss(t, x, sample_weight=weights[:, None, None]))]
    for name, (loss, t, x) in LOSSES.items()
}
measured = {name: float(metric(t, p)) for name, (metric, t) in METRICS.items()}
Path(__file__).with_suffix("").with_name("places.json").write_text(
    json.dumps(
        {
            "logits": np.asarray(logits, float).round(3).tolist(),
            "y": y.tolist(),
            "weights": weights.tolist(),
            "losses": values,
            "metrics": measured | {"accuracy": accuracy()},
        }
    )
    + "\n"
)
