"""Make losses.json: Keras' losses, their gradients, and trainings with them.

    python make_losses.py         needs keras, tensorflow and torch (made with 3.15.1, 2.21.0 and
                                  2.13.0); a minute

Trainings run on PyTorch: on TensorFlow Keras 3.15 takes the logits of a softmax for those of a
sigmoid when the loss is binary_crossentropy.

test_losses.py imports this file and does the same with minicnn. All is in float64. Of a loss: the
values of every sample, the mean with sample weights, and the gradient of that. A training is `fit`
of a small network for three epochs of three steps, without shuffling: its history, an evaluation
with weights, and its final weights.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("losses.json")

# name: class, arguments, targets. Predictions of each kind of targets are below.
LOSSES: dict[str, tuple[str, dict[str, Any], str]] = {
    "binary": ("BinaryCrossentropy", {}, "yes"),
    "binary smoothed": ("BinaryCrossentropy", {"label_smoothing": 0.25}, "yes"),
    "binary of logits": ("BinaryCrossentropy", {"from_logits": True}, "yes logits"),
    "binary of logits smoothed": (
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.25},
        "yes logits",
    ),
    "binary of pictures": ("BinaryCrossentropy", {}, "pictures"),
    "binary focal": ("BinaryFocalCrossentropy", {}, "yes"),
    "binary focal balanced": (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.375, "gamma": 1.5, "label_smoothing": 0.25},
        "yes",
    ),
    "binary focal of logits": (
        "BinaryFocalCrossentropy",
        {"from_logits": True, "apply_class_balancing": True},
        "yes logits",
    ),
    "categorical": ("CategoricalCrossentropy", {"label_smoothing": 0.25}, "one-hot"),
    "categorical of logits": ("CategoricalCrossentropy", {"from_logits": True}, "one-hot logits"),
    "sparse": ("SparseCategoricalCrossentropy", {}, "sparse"),
    "focal": ("CategoricalFocalCrossentropy", {}, "one-hot"),
    "focal of logits": (
        "CategoricalFocalCrossentropy",
        {"from_logits": True, "alpha": [0.25, 0.5, 1.0], "gamma": 1.5, "label_smoothing": 0.125},
        "one-hot logits",
    ),
    "squared": ("MeanSquaredError", {}, "numbers"),
    "absolute": ("MeanAbsoluteError", {}, "numbers"),
    "percentage": ("MeanAbsolutePercentageError", {}, "numbers"),
    "logarithmic": ("MeanSquaredLogarithmicError", {}, "positive"),
    "squared of pictures": ("MeanSquaredError", {}, "pictures"),
    "huber": ("Huber", {}, "numbers"),
    "huber 0.5": ("Huber", {"delta": 0.5}, "numbers"),
    "log cosh": ("LogCosh", {}, "numbers"),
    "divergence": ("KLDivergence", {}, "distributions"),
    "poisson": ("Poisson", {}, "positive"),
    "cosine": ("CosineSimilarity", {}, "numbers"),
    "hinge": ("Hinge", {}, "signs"),
    "hinge of yes": ("Hinge", {}, "yes logits"),
    "squared hinge": ("SquaredHinge", {}, "signs"),
    "categorical hinge": ("CategoricalHinge", {}, "one-hot logits"),
}

N, K = 6, 3


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


def targets_and_predictions(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    z, labels = rng.standard_normal((N, K)) * 2, rng.integers(0, K, N)
    yes = rng.integers(0, 2, (N, K)).astype(float)
    match kind:
        case "yes":
            return yes, 1 / (1 + np.exp(-z))
        case "yes logits":
            return yes, z
        case "one-hot":
            return np.eye(K)[labels], softmax(z)
        case "one-hot logits":
            return np.eye(K)[labels], z
        case "sparse":
            return labels, softmax(z)
        case "numbers":
            return rng.standard_normal((N, K)), z
        case "positive":
            return rng.uniform(0.1, 4, (N, K)), rng.uniform(0.1, 4, (N, K))
        case "distributions":
            return softmax(rng.standard_normal((N, K))), softmax(z)
        case "signs":
            return 2 * yes - 1, z
        case "pictures":
            return rng.random((N, 2, 2, 1)), rng.uniform(0.05, 0.95, (N, 2, 2, 1))
    raise ValueError(kind)


WEIGHTS = np.linspace(0.5, 3, N)

# Trainings: the head's units and activation, loss, labels, and what else fit is given
TRAININGS: dict[str, dict[str, Any]] = {
    "one yes or no": {"units": 1, "activation": "sigmoid", "loss": "binary_crossentropy"},
    "labels (N, 1)": {
        "units": 1,
        "activation": "sigmoid",
        "loss": "binary_crossentropy",
        "labels": "column",
    },
    "class weights": {
        "units": 1,
        "activation": "sigmoid",
        "loss": "binary_crossentropy",
        "class_weight": {0: 0.5, 1: 2.0},
    },
    "sample weights": {
        "units": 1,
        "activation": "sigmoid",
        "loss": "bce",
        "sample_weight": True,
    },
    "logits": {"units": 1, "activation": None, "loss": "BinaryCrossentropy of logits"},
    "three yeses or noes": {
        "units": 3,
        "activation": "sigmoid",
        "loss": "binary_crossentropy",
        "labels": "rows",
    },
    "binary of a softmax": {
        "units": 2,
        "activation": "softmax",
        "loss": "binary_crossentropy",
        "labels": "one-hot",
    },
    "squares of a sigmoid": {"units": 1, "activation": "sigmoid", "loss": "mse"},
    "squares of a softmax": {
        "units": 2,
        "activation": "softmax",
        "loss": "mean_squared_error",
        "labels": "one-hot",
    },
    "numbers": {
        "units": 1,
        "activation": None,
        "loss": "mae",
        "labels": "numbers",
        "metrics": ["mse", "mae", "RootMeanSquaredError"],
    },
    "huber, two numbers, weights": {
        "units": 2,
        "activation": None,
        "loss": "huber",
        "labels": "two numbers",
        "sample_weight": True,
        "metrics": ["mean_squared_error", "cosine_similarity"],
    },
    "focal": {"units": 1, "activation": "sigmoid", "loss": "binary_focal_crossentropy"},
    "categorical focal": {
        "units": 2,
        "activation": "softmax",
        "loss": "categorical_focal_crossentropy",
        "labels": "one-hot",
    },
    "divergence": {
        "units": 2,
        "activation": "softmax",
        "loss": "kl_divergence",
        "labels": "probabilities",
    },
}
SAMPLES, FEATURES = 11, 4


def data(labels: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    x = rng.standard_normal((SAMPLES, FEATURES))
    yes = (x @ [1.0, -1.0, 0.5, 0.0] + rng.standard_normal(SAMPLES) > 0).astype(int)
    match labels:
        case "column":
            return x, yes[:, None].astype(float)
        case "rows":
            return x, rng.integers(0, 2, (SAMPLES, 3))
        case "one-hot":
            return x, np.eye(2)[yes]
        case "numbers":
            return x, x[:, 0] * 2 - 1
        case "two numbers":
            return x, x[:, :2] ** 2 * 3
        case "probabilities":
            return x, softmax(rng.standard_normal((SAMPLES, 2)))
    return x, yes


def initial(units: int) -> list[np.ndarray]:
    rng = np.random.default_rng(9)
    return [rng.standard_normal((FEATURES, units)), rng.standard_normal(units)]


def train(keras: Any, case: dict[str, Any], **model_options: Any) -> dict[str, Any]:
    """The same in Keras and in minicnn."""
    x, y = data(case.get("labels", "sparse"))
    dense = keras.layers.Dense(case["units"], activation=case["activation"])
    model = keras.Sequential([keras.layers.Input((FEATURES,)), dense], **model_options)
    model.set_weights(initial(case["units"]))
    loss = case["loss"]
    if loss.endswith(" of logits"):
        loss = getattr(keras.losses, loss.split()[0])(from_logits=True)
    optimizer = keras.optimizers.SGD(0.25)
    model.compile(optimizer, loss, metrics=case.get("metrics", ["accuracy", "mse"]))
    weight = np.linspace(0.25, 2, SAMPLES) if case.get("sample_weight") else None
    history = model.fit(
        x,
        y,
        batch_size=4,
        epochs=3,
        shuffle=False,
        verbose=0,
        class_weight=case.get("class_weight"),
        sample_weight=weight,
        validation_data=(x[:5], y[:5]),
    ).history
    evaluated = model.evaluate(
        x, y, batch_size=4, sample_weight=np.linspace(2, 1, SAMPLES), verbose=0, return_dict=True
    )
    return {
        "history": {name: [float(v) for v in values] for name, values in history.items()},
        "evaluated": {name: float(value) for name, value in evaluated.items()},
        "weights": [np.asarray(w).tolist() for w in model.get_weights()],
    }


def main(backend: str) -> None:
    os.environ["KERAS_BACKEND"] = backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    keras.config.set_floatx("float64")
    if backend == "torch":
        trainings = {name: train(keras, case) for name, case in TRAININGS.items()}
        made = json.loads(GOLDEN.read_text()) | {"trainings": trainings}
        GOLDEN.write_text(json.dumps(made) + "\n")
        return
    import tensorflow as tf

    losses = {}
    for name, (cls, arguments, kind) in LOSSES.items():
        y_true, y_pred = targets_and_predictions(kind)
        z = tf.Variable(y_pred)
        each = getattr(keras.losses, cls)(**arguments, reduction="none")(y_true, z)
        loss = getattr(keras.losses, cls)(**arguments)
        with tf.GradientTape() as tape:
            value = loss(y_true, z, sample_weight=WEIGHTS.reshape(-1, *[1] * (each.ndim - 1)))
        losses[name] = {
            "each": each.numpy().tolist(),
            "mean": float(value),
            "gradient": tape.gradient(value, z).numpy().tolist(),
        }
    GOLDEN.write_text(json.dumps({"losses": losses}) + "\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        for name in ("tensorflow", "torch"):
            subprocess.run([sys.executable, __file__, name], check=True)
