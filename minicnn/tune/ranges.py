"""What a hyperparameter may be: one of several choices, or a number of a range.

Each says the same in three ways: `at(u)`, the value at u of the unit interval, for samplers that
plan ahead; `points()`, all values, for a grid; `suggest(trial, name)`, what an Optuna trial takes.
"""

from dataclasses import dataclass
from math import exp, floor, log
from typing import Any

Value = bool | int | float | str
MOST_POINTS = 1000  # of one hyperparameter in a grid


@dataclass(frozen=True)
class Choices:
    """One of several values, no order between them.

    >>> Choices(("adam", "sgd")).at(0.7)
    'sgd'
    """

    values: tuple[Value, ...]
    log = False

    def at(self, u: float) -> Value:
        """The value at 0 <= u < 1; all are equally wide."""
        return self.values[int(u * len(self.values))]

    def points(self) -> list[Value] | None:
        """All values."""
        return list(self.values)

    def suggest(self, trial: Any, name: str) -> Value:
        """What the trial takes."""
        return trial.suggest_categorical(name, list(self.values))

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.values))


@dataclass(frozen=True)
class Range:
    """A number with low <= value <= high.

        value = low + u (high - low),  or with log:  exp(log low + u (log high - log low))

    Args:
        low, high: of the same kind; whole numbers make a range of whole numbers.
        step: between neighbours, from low on; None: every number, of whole ones each.
        log: whether equal factors are equally probable, in place of equal differences.

    >>> Range(16, 64, step=16).points()
    [16, 32, 48, 64]
    >>> round(Range(1e-4, 1e-2, log=True).at(0.5), 6)
    0.001
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int)

    def at(self, u: float) -> Value:
        """The value at 0 <= u < 1."""
        points = None if self.log else self._points()
        if points:
            return points[int(u * len(points))]
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        value = exp(log(low) + u * (log(high) - log(low))) if self.log else low + u * (high - low)
        value = min(max(round(value) if self.whole else value, self.low), self.high)
        return value

    def points(self) -> list[Value] | None:
        """All values; None where there are too many, or no step says which."""
        return self._points()

    def _points(self) -> list[Value] | None:
        step = self.step or (1 if self.whole else None)
        if step is None:
            return None
        count = floor((self.high - self.low) / step * (1 + 1e-9)) + 1
        return (
            [min(self.low + i * step, self.high) for i in range(count)]
            if count <= MOST_POINTS
            else None
        )

    def suggest(self, trial: Any, name: str) -> Value:
        """What the trial takes."""
        if self.whole:
            step = int(self.step or 1)
            return trial.suggest_int(name, self.low, self.high, step=step, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def __str__(self) -> str:
        ways = [f"in steps of {self.step:g}"] if self.step else []
        ways += ["logarithmic"] if self.log else []
        return ", ".join([f"{self.low:g} to {self.high:g}", *ways])


Domain = Choices | Range
