"""F scores: precision and recall in one number."""

from typing import Any

import numpy as np

from minicnn.expect import is_word_of, number
from minicnn.metrics.base import Metric
from minicnn.metrics.counts import yes_or_no
from minicnn.types import Array

EPSILON = 1e-7  # Keras', in every denominator
AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """The harmonic mean of precision and recall, in which recall counts beta^2 times.

        F = (1 + beta^2) precision recall / (beta^2 precision + recall)

    Args:
        average: None for a score for each output; "macro", their mean; "weighted", their mean by
            how often each is a yes; "micro", the score of all counted together.
        beta: how much more recall counts.
        threshold: above which an output is a yes; None for the largest output of each sample.
        name: as in logs.

    Labels are one-hot rows, or rows of 0 and 1 for each output; (N,) or (N, 1) of one output.

    >>> metric = metrics.FBetaScore("macro", beta=2.0)
    >>> metric.update([[1, 0], [0, 1], [0, 1]], [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    >>> round(metric.result(), 4)
    0.6944
    """

    counts: Array  # (3, K) true positives, false positives, false negatives

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
    ):
        super().__init__(name)
        who = type(self).__name__
        if not is_word_of(average, AVERAGES):
            raise ValueError(
                f"{who} expected average as None, 'micro', 'macro' or 'weighted', received "
                f"{average!r}"
            )
        self.average = average
        self.beta = number(beta, "beta", who, above=0)
        if threshold is not None:
            number(threshold, "threshold", who, above=0, most=1)
        self.threshold = threshold

    def reset(self) -> None:
        self.counts = np.zeros((3, 0))

    def update(self, y_true: Array, y_pred: Array) -> None:
        true, predicted = yes_or_no(*self.arrays(y_true, y_pred), self.owner)
        if self.threshold is None:
            largest = predicted == predicted.max(axis=-1, keepdims=True)
            yes = largest & (np.abs(predicted) > 1e-9)  # a row of zeros says yes to nothing
        else:
            yes = predicted > self.threshold
        outputs = (-1, true.shape[-1])
        true, yes = true.reshape(outputs), yes.reshape(outputs)
        found = [(yes & true).sum(axis=0), (yes & ~true).sum(axis=0), (~yes & true).sum(axis=0)]
        self.counts = np.array(found, float) + (self.counts if self.counts.size else 0.0)

    def result(self) -> Any:
        """A number; of several outputs without an average, an array (K,)."""
        counts = self.counts if self.counts.size else np.zeros((3, 1))
        if self.average == "micro":
            counts = counts.sum(axis=1, keepdims=True)
        tp, fp, fn = counts
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        squared = self.beta**2
        score = (1 + squared) * precision * recall / (squared * precision + recall + EPSILON)
        if self.average == "weighted":
            return float((score * (tp + fn)).sum() / ((tp + fn).sum() + EPSILON))
        return score if self.average is None and score.size > 1 else float(score.mean())

    def get_config(self) -> dict[str, Any]:
        return {
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
            "name": self.name,
        }


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, 2 precision recall / (precision + recall).

    Args:
        average, threshold, name: see FBetaScore.

    >>> metric = metrics.F1Score(threshold=0.5)
    >>> metric.update([0, 1, 1], [[0.9], [0.8], [0.2]])
    >>> round(metric.result(), 4)
    0.5
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score"
    ):
        super().__init__(average, 1.0, threshold, name)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
