"""Make metrics.json: Keras' metrics after each of three batches.

    python make_metrics.py        needs keras and tensorflow (made with 3.15.1 and 2.21.0); a minute

test_metrics.py imports this file and does the same with minicnn.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("metrics.json")
BATCHES, N, K = 3, 7, 4

# name: class, arguments, labels
METRICS: dict[str, tuple[str, dict[str, Any], str]] = {
    "binary accuracy": ("BinaryAccuracy", {}, "one"),
    "binary accuracy 0.3": ("BinaryAccuracy", {"threshold": 0.3}, "rows"),
    "precision": ("Precision", {}, "one"),
    "precision 0.3": ("Precision", {"thresholds": 0.3}, "rows"),
    "precision of class 1": ("Precision", {"class_id": 1}, "one-hot"),
    "precision of the first 2": ("Precision", {"top_k": 2}, "one-hot"),
    "precision of class 2 among 2": ("Precision", {"top_k": 2, "class_id": 2}, "one-hot"),
    "recall": ("Recall", {}, "one"),
    "recall 0.7": ("Recall", {"thresholds": [0.7]}, "rows"),
    "recall of class 3": ("Recall", {"class_id": 3, "thresholds": 0.25}, "one-hot"),
    "recall of the first": ("Recall", {"top_k": 1}, "one-hot"),
    "recall of the first 3 above 0.2": ("Recall", {"top_k": 3, "thresholds": 0.2}, "one-hot"),
    "true positives": ("TruePositives", {}, "one"),
    "false positives": ("FalsePositives", {"thresholds": 0.3}, "one"),
    "true negatives": ("TrueNegatives", {}, "rows"),
    "false negatives": ("FalseNegatives", {}, "rows"),
    "auc": ("AUC", {}, "one"),
    "auc of rows": ("AUC", {}, "rows"),
    "auc of one-hot": ("AUC", {}, "one-hot"),
    "auc of 11": ("AUC", {"num_thresholds": 11}, "one"),
    "auc minoring": ("AUC", {"summation_method": "minoring"}, "one"),
    "auc majoring": ("AUC", {"summation_method": "majoring", "num_thresholds": 20}, "one"),
    "auc pr": ("AUC", {"curve": "PR"}, "one"),
    "auc pr of 9": ("AUC", {"curve": "PR", "num_thresholds": 9}, "rows"),
    "auc pr minoring": ("AUC", {"curve": "PR", "summation_method": "minoring"}, "one"),
    "auc pr majoring": ("AUC", {"curve": "PR", "summation_method": "majoring"}, "one"),
    "auc of thresholds": ("AUC", {"thresholds": [0.2, 0.4, 0.9]}, "one"),
    "auc of logits": ("AUC", {"from_logits": True}, "logits"),
    "f1": ("F1Score", {"threshold": 0.5}, "column"),
    "f1 of each": ("F1Score", {}, "one-hot"),
    "f1 macro": ("F1Score", {"average": "macro"}, "one-hot"),
    "f1 micro": ("F1Score", {"average": "micro"}, "one-hot"),
    "f1 weighted": ("F1Score", {"average": "weighted"}, "one-hot"),
    "f1 rows": ("F1Score", {"average": "macro", "threshold": 0.4}, "rows"),
    "f2": ("FBetaScore", {"average": "macro", "beta": 2.0}, "one-hot"),
    "squared": ("MeanSquaredError", {}, "numbers"),
    "root": ("RootMeanSquaredError", {}, "numbers"),
    "absolute": ("MeanAbsoluteError", {}, "numbers"),
    "percentage": ("MeanAbsolutePercentageError", {}, "numbers"),
    "logarithmic": ("MeanSquaredLogarithmicError", {}, "rows"),
    "log cosh": ("LogCoshError", {}, "numbers"),
    "cosine": ("CosineSimilarity", {}, "numbers"),
    "poisson": ("Poisson", {}, "rows"),
    "hinge": ("Hinge", {}, "rows"),
    "squared hinge": ("SquaredHinge", {}, "rows"),
    "categorical hinge": ("CategoricalHinge", {}, "one-hot"),
    "divergence": ("KLDivergence", {}, "distributions"),
    "binary cross-entropy": ("BinaryCrossentropy", {"label_smoothing": 0.25}, "rows"),
    "binary cross-entropy, sure": ("BinaryCrossentropy", {}, "sure"),
    "binary cross-entropy of logits": ("BinaryCrossentropy", {"from_logits": True}, "logits"),
    "cross-entropy": ("CategoricalCrossentropy", {"label_smoothing": 0.25}, "one-hot"),
    "cross-entropy, sure": ("CategoricalCrossentropy", {}, "sure one-hot"),
    "sparse cross-entropy": ("SparseCategoricalCrossentropy", {}, "sparse"),
    "categorical accuracy": ("CategoricalAccuracy", {}, "one-hot"),
    "sparse accuracy": ("SparseCategoricalAccuracy", {}, "sparse"),
    "top 2": ("TopKCategoricalAccuracy", {"k": 2}, "one-hot"),
    "sparse top 2": ("SparseTopKCategoricalAccuracy", {"k": 2}, "sparse"),
}


def batches(kind: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Labels and predictions of every batch, of which some predictions are equal."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(BATCHES):
        labels = rng.integers(0, K, N)
        p = np.round(rng.dirichlet(np.ones(K), N) * 16) / 16  # multiples of 1/16, sum not always 1
        p[:, 0] += 1 - p.sum(axis=1)
        p = np.abs(p).astype(np.float32)
        one = np.clip(p.max(axis=1) + 0.2 * rng.standard_normal(N), 0, 1).astype(np.float32)
        y1, rows = rng.integers(0, 2, N), rng.integers(0, 2, (N, K))
        sure = rng.integers(0, 2, (N, K)).astype(np.float32)
        made = {
            "one": (y1, one[:, None]),
            "column": (y1[:, None].astype(np.float32), one[:, None]),
            "rows": (rows, np.clip(p + 0.1, 0, 1)),
            "one-hot": (np.eye(K)[labels], p),
            "sparse": (labels, p),
            "logits": (y1, (8 * one[:, None] - 4)),
            "numbers": (
                rng.standard_normal((N, K)).astype(np.float32),
                rng.standard_normal((N, K)).astype(np.float32),
            ),
            "distributions": (
                rng.dirichlet(np.ones(K), N).astype(np.float32),
                rng.dirichlet(np.ones(K), N).astype(np.float32),
            ),
            "sure": (rows, sure),
            "sure one-hot": (np.eye(K)[labels], np.eye(K, dtype=np.float32)[labels[::-1]]),
        }
        found.append(made[kind])
    return found


def main() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    results = {}
    for name, (cls, arguments, kind) in METRICS.items():
        metric, found = getattr(keras.metrics, cls)(**arguments), []
        for y_true, y_pred in batches(kind):
            metric.update_state(
                y_true.reshape(N, -1) if kind in ("one", "logits") else y_true, y_pred
            )
            found.append(np.asarray(metric.result(), float).tolist())
        results[name] = found
    GOLDEN.write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
