"""Confusion matrix, precision, recall and F1 from answers, as scikit-learn reports them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minicnn.errors import warn
from minicnn.expect import array
from minicnn.labels import check_numbers
from minicnn.names import known_arguments

FIGURES = ("precision", "recall", "f1-score")


@known_arguments
def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None
) -> NDArray[np.int64]:
    """Count every pair of (true class, predicted class).

    Args:
        y_true, y_pred: integer labels from 0 up, (n,) or (n, 1).
        num_classes: K; by default one more than the largest label.

    The result is (K, K) counts: rows are the true classes, columns the predicted ones, and the
    diagonal holds the right answers.

    Raises ValueError when the labels are not integers, differ in number, or lie outside 0 ...
    num_classes - 1.

    >>> report.confusion_matrix([0, 1, 1], [0, 1, 0])
    array([[1, 0],
           [1, 1]])
    """
    true, predicted = label_pair("confusion_matrix", y_true, y_pred)
    classes = int(max(true.max(), predicted.max())) + 1 if num_classes is None else num_classes
    for name, labels in (("y_true", true), ("y_pred", predicted)):
        if labels.max() >= classes:
            fix = (
                "labels count from 0, use y - 1"
                if labels.min() == 1 and labels.max() == classes
                else "count again"
            )
            raise ValueError(
                f"confusion_matrix expected labels from 0 to {classes - 1}, received "
                f"{labels.max()} in {name}: "
                f"{fix}, or raise num_classes"
            )
    pair_index = true * classes + predicted
    return np.bincount(pair_index, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True, eq=False, repr=False)
class ClassificationReport:
    """Precision, recall, F1 and support of each of K classes; `str()` is scikit-learn's text, digit
    for digit.
    """

    class_names: tuple[str, ...]
    # (K,) of the pictures predicted as this class, the share that is of it
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]  # (K,) of the pictures of this class, the share predicted as it
    f1: NDArray[np.float64]  # (K,) harmonic mean of the two
    support: NDArray[np.int64]  # (K,) pictures of this class
    accuracy: float  # share of right answers
    # which figures had a zero denominator and are therefore reported as 0
    undefined: tuple[str, ...]
    digits: int = 4

    @property
    def macro_average(self) -> dict[str, float]:
        """Precision, recall and F1 averaged over the classes, each counting the same."""
        return self._average(None)

    @property
    def weighted_average(self) -> dict[str, float]:
        """Precision, recall and F1 averaged over the classes, each counting by its support."""
        return self._average(self.support)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON, in the form of scikit-learn's `output_dict=True`."""
        total = int(self.support.sum())
        rows = zip(self.precision.tolist(), self.recall.tolist(), self.f1.tolist(), strict=True)
        classes = {
            name: dict(zip(FIGURES, row, strict=True)) | {"support": support}
            for name, row, support in zip(
                self.class_names, rows, self.support.tolist(), strict=True
            )
        }
        return classes | {
            "accuracy": self.accuracy,
            "macro avg": self.macro_average | {"support": total},
            "weighted avg": self.weighted_average | {"support": total},
        }

    def __str__(self) -> str:
        figures = self.to_dict()
        width = max(*(len(name) for name in self.class_names), len("weighted avg"), self.digits)

        def line(name: str) -> str:
            row = figures[name]
            numbers = "".join(f" {row[figure]:>9.{self.digits}f}" for figure in FIGURES)
            return f"{name:>{width}s} {numbers} {row['support']:>9}\n"

        header = f"{'':>{width}s} " + "".join(f" {word:>9}" for word in (*FIGURES, "support"))
        accuracy = (
            f"{'accuracy':>{width}s} {'':20} {self.accuracy:>9.{self.digits}f} "
            f"{self.support.sum():>9}\n"
        )
        classes = "".join(line(name) for name in self.class_names)
        return f"{header}\n\n{classes}\n{accuracy}{line('macro avg')}{line('weighted avg')}"

    __repr__ = __str__

    def _average(self, weights: NDArray[np.int64] | None) -> dict[str, float]:
        columns = zip(FIGURES, (self.precision, self.recall, self.f1), strict=True)
        return {figure: float(np.average(column, weights=weights)) for figure, column in columns}


@known_arguments
def classification_report(
    y_true: ArrayLike, y_pred: ArrayLike, class_names: Sequence[str] | None = None, digits: int = 4
) -> ClassificationReport:
    """Measure precision = tp / predicted, recall = tp / true and F1 = 2 tp / (true + predicted) for
    each class.

    A figure whose denominator is zero (a class that is never predicted has no precision) is
    reported as 0, with a warning, as scikit-learn does.

    Args:
        y_true, y_pred: integer labels from 0 up, (n,) or (n, 1).
        class_names: K names, one line each in the report, also for classes that do not occur. By
            default, as in scikit-learn, the report has one line for each label that occurs, under
            its number.
        digits: decimal places of the text form.

    Raises ValueError as `confusion_matrix` does, and when a class name is given twice.

    >>> print(report.classification_report([0, 1, 1], [0, 1, 0], ["cat", "dog"], digits=2), end="")
                  precision    recall  f1-score   support
    <BLANKLINE>
             cat       0.50      1.00      0.67         1
             dog       1.00      0.50      0.67         2
    <BLANKLINE>
        accuracy                           0.67         3
       macro avg       0.75      0.75      0.67         3
    weighted avg       0.83      0.67      0.67         3
    """
    true, predicted = label_pair("classification_report", y_true, y_pred)
    if class_names is None:
        labels = np.union1d(true, predicted)
        names = tuple(str(label) for label in labels)
    else:
        labels, names = (
            np.arange(len(class_names)),
            distinct_names("classification_report", class_names),
        )
    counts = confusion_matrix(true, predicted, None if class_names is None else len(names))[
        np.ix_(labels, labels)
    ]
    report = report_of_counts(counts, names, digits)
    if report.undefined:
        warn(f"classification_report: undefined, reported as 0: {'; '.join(report.undefined)}.")
    return report


def report_of_counts(
    counts: NDArray[np.int64], names: tuple[str, ...], digits: int = 4
) -> ClassificationReport:
    """The same from a confusion matrix (K, K) and K names, without the warning."""
    right, true_count, predicted_count = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    undefined = tuple(
        f"{figure} of {', '.join(np.array(names)[denominator == 0])} ({reason})"
        for figure, denominator, reason in (
            ("precision", predicted_count, "never predicted"),
            ("recall", true_count, "no such picture"),
            ("F1", true_count + predicted_count, "neither true nor predicted"),
        )
        if (denominator == 0).any()
    )
    return ClassificationReport(
        class_names=names,
        precision=_share(right, predicted_count),
        recall=_share(right, true_count),
        f1=_share(2 * right, true_count + predicted_count),
        support=true_count,
        accuracy=float(right.sum() / true_count.sum()),
        undefined=undefined,
        digits=digits,
    )


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole != 0)


def label_pair(
    who: str, y_true: ArrayLike, y_pred: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check both and return them as (n,) int64, wide enough to be multiplied by the number of
    classes.
    """
    pair = []
    for name, y in (
        ("y_true", array(y_true, "y_true", who)),
        ("y_pred", array(y_pred, "y_pred", who)),
    ):
        check_numbers(y, who)
        if y.dtype.kind not in "iu" or y.ndim not in (1, 2) or (y.ndim == 2 and y.shape[1] != 1):
            hint = (
                f": make labels of probabilities or one-hot rows with {name}.argmax(axis=1)"
                if y.ndim == 2
                else ""
            )
            raise ValueError(
                f"{who} expected {name} as integer labels of shape (n,) or (n, 1), "
                f"received {y.dtype} of shape {y.shape}{hint}"
            )
        if y.size == 0 or y.min() < 0:
            received = "none at all" if y.size == 0 else f"{y.min()}"
            raise ValueError(f"{who} expected labels from 0 up in {name}, received {received}")
        pair.append(y.reshape(-1).astype(np.int64))
    if len(pair[0]) != len(pair[1]):
        raise ValueError(
            f"{who} expected one prediction for each label, received {len(pair[0])} in y_true and "
            f"{len(pair[1])} in y_pred: predict the same pictures that y_true describes"
        )
    return pair[0], pair[1]


def distinct_names(who: str, class_names: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple. Raises ValueError when two classes share one."""
    names = tuple(class_names)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"{who} expected {len(names)} different class_names, received {repeated} twice: "
            "give each class a name of its own"
        )
    return names
