"""Whether a model is right as often as it says: of a hundred answers given with 80 %, eighty should
be right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.names import known_arguments

BINS = 15  # as in the paper


@dataclass(frozen=True, eq=False)
class Calibration:
    """Answers sorted by their confidence, the probability of the class answered, into B bins of
    equal width.
    """

    edges: NDArray[np.float64]  # (B + 1,) from 0 to 1; a bin contains its upper edge
    count: NDArray[np.int64]  # (B,) answers
    confidence: NDArray[np.float64]  # (B,) their mean confidence, 0 in an empty bin
    accuracy: NDArray[np.float64]  # (B,) the share of them that is right, 0 in an empty bin

    @property
    def error(self) -> float:
        """Expected calibration error: sum over the bins of count / n * |accuracy - confidence|."""
        return float(np.average(np.abs(self.accuracy - self.confidence), weights=self.count))

    @property
    def overconfidence(self) -> float:
        """Mean confidence - accuracy of all answers; negative for a model that is right more often
        than it says.
        """
        return float(np.average(self.confidence - self.accuracy, weights=self.count))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        lists = {
            name: getattr(self, name).tolist()
            for name in ("edges", "count", "confidence", "accuracy")
        }
        return {
            "expected_calibration_error": self.error,
            "overconfidence": self.overconfidence,
        } | lists


@known_arguments
def calibration(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> Calibration:
    """Sort answers into 15 bins by their confidence.

    Args:
        confidence: (n,) the probability of the class answered.
        right: (n,) whether it was the right one.

    Source: Guo et al. 2017, arXiv:1706.04599, section 2.

    >>> sure = np.array([0.8, 0.8, 0.8, 0.8, 0.8])
    >>> right = np.array([True, True, True, False, False])
    >>> round(report.calibration(sure, right).overconfidence, 3)
    0.2
    """
    edges = np.linspace(0, 1, BINS + 1)
    # edges[place] < confidence <= edges[place + 1]
    place = np.searchsorted(edges[1:-1], confidence, side="left")
    count = np.bincount(place, minlength=BINS)
    sums = [np.bincount(place, values, minlength=BINS) for values in (confidence, right)]
    means = [np.divide(total, count, out=np.zeros(BINS), where=count > 0) for total in sums]
    return Calibration(edges, count, *means)
