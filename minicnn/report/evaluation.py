"""Everything worth knowing about how a classifier did on pictures that it was not trained on, on
one page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.expect import array
from minicnn.labels import is_sparse, of_two_classes
from minicnn.losses.categorical_crossentropy import PROBABILITY_SLACK, cross_entropy
from minicnn.names import known_arguments
from minicnn.report.classification import (
    ClassificationReport,
    confusion_matrix,
    distinct_names,
    label_pair,
    report_of_counts,
)
from minicnn.report.confidence import Calibration, calibration
from minicnn.wording import counted

PAIRS_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What `evaluate_report` found; `str()` is a page for the terminal."""

    # precision, recall and F1 of each class, their averages, and the accuracy
    classes: ClassificationReport
    accuracy_interval: tuple[float, float]  # 95 %
    # k: share of pictures whose class is among the k most probable
    top_k_accuracy: dict[int, float]
    cross_entropy: float  # nats; inf where a right answer had the probability 0
    calibration: Calibration
    confusion: NDArray[np.int64]  # (K, K) rows true, columns predicted

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.classes.accuracy

    @property
    def most_confused(self) -> list[tuple[str, str, int]]:
        """(true class, class answered, how many pictures), the most frequent confusion first."""
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
        names = self.classes.class_names
        return [
            (names[true], names[answer], int(wrong[true, answer]))
            for true, answer in zip(*np.unravel_index(order, wrong.shape), strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON, which knows no infinity: an infinite cross-entropy is
        None.
        """
        return {
            "images": int(self.confusion.sum()),
            "class_names": list(self.classes.class_names),
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "top_k_accuracy": {str(k): share for k, share in self.top_k_accuracy.items()},
            "cross_entropy": self.cross_entropy if isfinite(self.cross_entropy) else None,
            "calibration": self.calibration.to_dict(),
            "classes": self.classes.to_dict(),
            "undefined": list(self.classes.undefined),
            "most_confused": [
                {"true": true, "predicted": answer, "images": count}
                for true, answer, count in self.most_confused
            ],
            "confusion_matrix": self.confusion.tolist(),
        }

    def to_text(self) -> str:
        """One page for a terminal, a log or a screen reader."""
        names, support = (
            self.classes.class_names,
            dict(zip(self.classes.class_names, self.classes.support, strict=True)),
        )
        low, high = (100 * bound for bound in self.accuracy_interval)
        over = 100 * self.calibration.overconfidence
        lines = [
            f"{counted(int(self.confusion.sum()), 'picture')}, {counted(len(names), 'class')}",
            "",
            f"accuracy           {100 * self.accuracy:6.2f} %   95 % interval {low:.2f} to "
            f"{high:.2f} %",
            *(
                f"top-{k} accuracy     {100 * share:6.2f} %"
                for k, share in self.top_k_accuracy.items()
            ),
            f"cross-entropy     {self.cross_entropy:8.4f}   knowing nothing would cost "
            f"{log(len(names)):.4f}",
            f"calibration error  {100 * self.calibration.error:6.2f} %   probabilities are on "
            "average "
            f"{abs(over):.2f} points too {'high' if over > 0 else 'low'}",
            "",
            str(self.classes),
        ]
        lines += [f"undefined, reported as 0: {'; '.join(self.classes.undefined)}\n"] * bool(
            self.classes.undefined
        )
        wide = max(map(len, names))
        for true, answer, count in self.most_confused[:PAIRS_SHOWN]:
            share = 100 * count / support[true]
            times = "time, " if count == 1 else "times,"
            lines.append(
                f"{true:>{wide}} taken for {answer:<{wide}} {count:>7,} {times} {share:5.1f} % of "
                "its pictures"
            )
        return "\n".join(lines)

    __str__ = __repr__ = to_text


@known_arguments
def evaluate_report(
    y_true: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str] | None = None
) -> Evaluation:
    """Measure what a model's probabilities are worth.

    Accuracy comes with Wilson's 95 % interval, cross-entropy in nats, calibration error over 15
    bins, top-k accuracy for k = 3 and 5 where there are more classes than that. Of equal
    probabilities, the lower class number comes first.

    Args:
        y_true: integer labels from 0 to K - 1, (n,) or (n, 1).
        probabilities: (n, K), as `model.predict` returns them from a model that ends in a softmax;
            or those of the second of two classes, (n,) or (n, 1), as one that ends in
            Dense(1, "sigmoid") returns them.
        class_names: K names; by default the numbers.

    Raises ValueError for labels out of range, for probabilities that hold NaN, lie outside 0 to 1
    or do not sum to 1, for another number of labels or names than of rows or columns, and for a
    name given twice.
    """
    p = _checked_probabilities(probabilities)
    answers = p.argmax(axis=1)
    true, answers = label_pair("evaluate_report", y_true, answers)
    n, classes = p.shape
    if true.max() >= classes:
        raise ValueError(
            f"evaluate_report expected labels from 0 to {classes - 1} for probabilities of "
            f"{classes} classes, received "
            f"{true.max()} in y_true: count labels from 0, and evaluate with the model's own "
            "classes"
        )
    if class_names is not None and len(class_names) != classes:
        raise ValueError(
            f"evaluate_report expected {classes} class_names for probabilities {p.shape}, received "
            f"{len(class_names)}: name every class, in the order of the columns"
        )
    names = distinct_names(
        "evaluate_report", map(str, range(classes)) if class_names is None else class_names
    )
    counts = confusion_matrix(true, answers, classes)
    right = true == answers
    # 0: the answer, 1: the next ...
    places = (np.argsort(-p, axis=1, kind="stable") == true[:, None]).argmax(axis=1)
    return Evaluation(
        classes=report_of_counts(counts, names),
        accuracy_interval=wilson_interval(int(right.sum()), n),
        top_k_accuracy={k: float((places < k).mean()) for k in (3, 5) if k < classes},
        cross_entropy=float(cross_entropy(p, np.eye(classes)[true])[0].mean()),
        calibration=calibration(p[np.arange(n), answers], right),
        confusion=counts,
    )


@known_arguments
def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share p = right / n.

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n),   z = 1.96

    Unlike p -+ z sqrt(p (1 - p) / n) it stays within 0 and 1, and says something when all or none
    are right.

    Raises ValueError unless 0 <= right <= n and n > 0.
    Source: Wilson 1927, Journal of the American Statistical Association 22, page 209.

    >>> low, high = report.wilson_interval(right=90, n=100)
    >>> round(low, 3), round(high, 3)
    (0.826, 0.945)
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(
            f"wilson_interval expected 0 <= right <= n of n > 0 answers, received {right} of {n}"
        )
    z, p = 1.959963984540054, right / n
    middle, reach = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # rounding may step outside
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def _checked_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The probabilities as float64 (n, K). Raises ValueError when they are none."""
    p = array(probabilities, "probabilities", "evaluate_report")
    if p.dtype.kind == "f" and is_sparse(p):
        p = of_two_classes(p.astype(np.float64))
    if p.ndim != 2 or p.shape[1] < 2 or p.dtype.kind != "f":
        raise ValueError(
            "evaluate_report expected probabilities as floats (n, K) of K >= 2 classes, received "
            f"{p.dtype} {p.shape}: pass what model.predict returns"
        )
    p = p.astype(np.float64)
    finite = np.isfinite(p).all(axis=1)
    good = (
        finite
        & (p >= 0).all(axis=1)
        & (np.abs(p.sum(axis=1, where=finite[:, None]) - 1) <= PROBABILITY_SLACK)
    )
    if not good.all():
        row, count = int(good.argmin()), np.count_nonzero(~good)
        fix = (
            "end the model in a softmax"
            if finite.all()
            else "look for NaN in its weights and in the pictures"
        )
        raise ValueError(
            "evaluate_report expected rows of probabilities from 0 to 1 that sum to 1, received "
            f"{count:,} rows of "
            f"{len(p):,} that do not, first row {row}, from {p[row].min():.4g} to "
            f"{p[row].max():.4g} with the sum "
            f"{sum(p[row].tolist()):.4g}: {fix}"
        )
    return p
