"""Several trainings that differ in their seed alone: how good such a training is, and how far luck
goes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import cos, pi, sin, sqrt, tan
from typing import Any

import numpy as np

from minicnn.names import known_arguments

CERTAINTY = 0.95


@dataclass(frozen=True)
class Spread:
    """Mean and spread of n >= 2 numbers.

    Attributes:
        deviation: the standard deviation, with n - 1.
        interval: where the mean of many more such trainings lies with 95 % certainty.
    """

    values: list[float]
    mean: float
    deviation: float
    interval: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"interval": list(self.interval)}


@known_arguments
def spread(values: Sequence[float]) -> Spread:
    """Mean, standard deviation and 95 % interval of the mean, by Student's t.

        s = sqrt(sum (v - mean)^2 / (n - 1)),   interval = mean -+ t(0.975, n - 1) s / sqrt(n)

    Raises ValueError for fewer than two numbers.
    Source: Student 1908, "The probable error of a mean", Biometrika 6.

    >>> round(report.spread([0.71, 0.72, 0.73]).mean, 3)
    0.72
    """
    numbers = np.asarray(values, float)
    if numbers.ndim != 1 or len(numbers) < 2:
        raise ValueError(f"spread expected two numbers or more, received {values!r}")
    mean, deviation = float(numbers.mean()), float(numbers.std(ddof=1))
    reach = t_quantile(len(numbers) - 1) * deviation / sqrt(len(numbers))
    return Spread(numbers.tolist(), mean, deviation, (mean - reach, mean + reach))


def t_quantile(freedom: int) -> float:
    """The t for which P(|T| <= t) = 95 % with so many degrees of freedom; by bisection of the angle
    atan(t / sqrt(f)).

    Source: Abramowitz & Stegun, 26.7.3 and 26.7.4.
    """
    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < CERTAINTY else (low, middle)
    return sqrt(freedom) * tan(low)


def _within(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) tan(angle))."""
    odd = freedom % 2
    term, total = (cos(angle) if odd else 1.0), 0.0
    # 1 + cos^2 / 2 + 3 cos^4 / 8 ..., or cos + 2 cos^3 / 3 + ...
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cos(angle) ** 2 * k / (k + 1)
    series = sin(angle) * total
    return 2 / pi * (angle + series) if odd else series
