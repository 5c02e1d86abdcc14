"""The area under the curve of two shares that depend on the threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.expect import count, flag, is_word_of, number
from minicnn.layers.elementwise import sigmoid
from minicnn.metrics.base import Metric
from minicnn.metrics.counts import yes_or_no
from minicnn.types import Array

CURVES = ("ROC", "PR")
SUMMATIONS = ("interpolation", "minoring", "majoring")


class AUC(Metric):
    """The area under a curve that is drawn while the threshold of a yes goes from 1 to 0.

        ROC   recall, TP / (TP + FN), over the share of false alarms, FP / (FP + TN)
        PR    precision, TP / (TP + FP), over recall

    The area is a sum over the intervals between thresholds, in each of which a curve goes straight
    ("interpolation"; of PR, TP and FP do, which gives a logarithm), or counts as its lower or upper
    end ("minoring", "majoring").

    Args:
        num_thresholds: how many, evenly from 0 to 1.
        curve: "ROC" or "PR".
        summation_method: "interpolation", "minoring" or "majoring".
        name: as in logs.
        thresholds: those between 0 and 1, instead of num_thresholds.
        from_logits: whether predictions are logits, and sigmoid makes probabilities of them.

    Labels are those that Precision takes.

    Source: Davis & Goadrich 2006, "The relationship between precision-recall and ROC curves",
        section 4; Keras, whose numbers these are.

    >>> metric = metrics.AUC()
    >>> metric.update([0, 0, 1, 1], [[0.0], [0.5], [0.3], [0.9]])
    >>> round(metric.result(), 6)
    0.75
    """

    positives: Array  # (thresholds,) yeses predicted as such
    alarms: Array  # (thresholds,) noes predicted as yeses
    yeses: int
    noes: int

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str = "auc",
        thresholds: Sequence[float] | None = None,
        from_logits: bool = False,
    ):
        who = type(self).__name__
        for what, value, choices in (
            ("curve", curve, CURVES),
            ("summation_method", summation_method, SUMMATIONS),
        ):
            if not is_word_of(value, choices):
                raise ValueError(
                    f"{who} expected {what} as one of {', '.join(choices)}, received {value!r}"
                )
        self.curve, self.summation_method = curve, summation_method
        self.from_logits = flag(from_logits, "from_logits", who)
        if thresholds is None:
            self.num_thresholds = count(num_thresholds, "num_thresholds", who, least=2)
            self.thresholds = None
            between = np.arange(1, self.num_thresholds - 1) / (self.num_thresholds - 1)
        else:
            if np.ndim(thresholds) != 1:
                raise ValueError(
                    f"{who} expected thresholds as a list of numbers, received {thresholds!r:.80}"
                )
            self.thresholds = sorted(
                number(one, "thresholds", who, least=0, most=1) for one in thresholds
            )
            self.num_thresholds, between = len(self.thresholds) + 2, np.array(self.thresholds)
        # a yes is above its threshold: all are above the first, none above the last
        self._thresholds = np.concatenate([[-np.inf], between, [np.inf]]).astype(np.float32)
        super().__init__(name)

    def reset(self) -> None:
        self.positives, self.alarms = np.zeros((2, self.num_thresholds))
        self.yeses = self.noes = 0

    def update(self, y_true: Array, y_pred: Array) -> None:
        true, predicted = yes_or_no(*self.arrays(y_true, y_pred), self.owner)
        p = sigmoid(predicted) if self.from_logits else predicted
        if p.size and (p.min() < 0 or p.max() > 1):
            raise ValueError(
                f"{self.owner} expected probabilities from 0 to 1, received values from "
                f"{p.min():.4g} to {p.max():.4g}: end the model in a sigmoid, or use "
                "AUC(from_logits=True)"
            )
        # how many thresholds each is above, of which the first counts for NaN, too
        above = np.searchsorted(self._thresholds, p.astype(np.float32).reshape(-1), side="left")
        for into, those in ((self.positives, true), (self.alarms, ~true)):
            found = np.bincount(above[those.reshape(-1)], minlength=self.num_thresholds + 1)
            into += found[::-1].cumsum()[::-1][1:]
        self.yeses += int(true.sum())
        self.noes += int((~true).sum())

    def result(self) -> float:
        tp, fp = self.positives, self.alarms
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _under_interpolated_pr(tp, fp, self.yeses)
        recall = tp / max(self.yeses, 1)
        if self.curve == "ROC":
            x, y = fp / max(self.noes, 1), recall
        else:
            x, y = recall, np.divide(tp, tp + fp, where=tp + fp > 0, out=np.zeros_like(tp))
        ends = np.stack([y[:-1], y[1:]])
        match self.summation_method:
            case "interpolation":
                heights = ends.mean(axis=0)
            case "minoring":
                heights = ends.min(axis=0)
            case _:
                heights = ends.max(axis=0)
        return float(((x[:-1] - x[1:]) * heights).sum())

    def get_config(self) -> dict[str, Any]:
        return {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "name": self.name,
            "thresholds": self.thresholds,
            "from_logits": self.from_logits,
        }


def _under_interpolated_pr(tp: Array, fp: Array, yeses: int) -> float:
    """The area where TP and P = TP + FP go straight from A to B between two thresholds:

    slope = (TP_A - TP_B) / (P_A - P_B),   intercept = TP_B - slope P_B
    area  = slope (TP_A - TP_B + intercept log(P_A / P_B)) / yeses
    """
    p = tp + fp
    gained, moved = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = np.divide(gained, moved, where=moved > 0, out=np.zeros_like(gained))
    intercept = tp[1:] - slope * p[1:]
    ratio = np.divide(p[:-1], p[1:], where=p[1:] > 0, out=np.ones_like(gained))
    return float((slope * (gained + intercept * np.log(ratio))).sum() / max(yeses, 1))
