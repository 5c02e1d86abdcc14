"""Rates that fall: by a factor, in jumps, on a curve, on a cosine."""

from bisect import bisect_left
from collections.abc import Sequence
from math import ceil, floor

from minicnn.expect import count, flag, number
from minicnn.schedules.base import LearningRateSchedule, at_least_0, between, positive


class ExponentialDecay(LearningRateSchedule):
    """A constant factor per step.

        rate = initial_learning_rate * decay_rate ** (step / decay_steps)

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: after so many steps the rate has been multiplied by decay_rate.
        decay_rate: that factor.
        staircase: multiply at once after every decay_steps, not a little at every step.

    >>> rate = schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
    >>> rate(0), rate(100), rate(200)
    (0.1, 0.05, 0.025)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
    ):
        self.initial_learning_rate = at_least_0(
            initial_learning_rate, "initial_learning_rate", self
        )
        self.decay_steps = positive(decay_steps, "decay_steps", self)
        self.decay_rate = at_least_0(decay_rate, "decay_rate", self)
        self.staircase = staircase

    def __call__(self, step: int) -> float:
        passed = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (
            floor(passed) if self.staircase else passed
        )


class PiecewiseConstantDecay(LearningRateSchedule):
    """Constant, with jumps.

        rate = values[0] while step <= boundaries[0], values[1] while step <= boundaries[1], ...,
        then values[-1]

    Args:
        boundaries: rising numbers of steps.
        values: the rates before, between and after them: one more than boundaries.

    >>> rate = schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> rate(100), rate(101), rate(1000)
    (0.1, 0.01, 0.001)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]):
        self.boundaries = list(boundaries)
        for boundary in self.boundaries:
            number(boundary, "boundaries", "PiecewiseConstantDecay")
        self.values = [at_least_0(value, "values", self) for value in values]
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                "PiecewiseConstantDecay expected one value more than boundaries, received "
                f"{len(self.boundaries)} boundaries and {len(self.values)} values"
            )
        if sorted(set(self.boundaries)) != self.boundaries:
            raise ValueError(
                f"PiecewiseConstantDecay expected rising boundaries, received {self.boundaries}"
            )

    def __call__(self, step: int) -> float:
        return self.values[bisect_left(self.boundaries, step)]


class PolynomialDecay(LearningRateSchedule):
    """From the first rate to the last one: on a straight line, or on a curve.

        rate = end + (initial_learning_rate - end) * (1 - step / decay_steps) ** power

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: how long it takes; afterwards the rate stays.
        end_learning_rate: the last rate, `end` above; not 0 unless asked for, as in Keras.
        power: 1 is a straight line.
        cycle: afterwards begin anew, for twice as long as the first time, and so on: decay_steps is
            taken as often as it goes into the steps done, and once more.

    >>> rate = schedules.PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)
    >>> rate(0), rate(50), rate(1000)
    (0.1, 0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
    ):
        self.initial_learning_rate = at_least_0(
            initial_learning_rate, "initial_learning_rate", self
        )
        self.decay_steps = positive(decay_steps, "decay_steps", self)
        self.end_learning_rate = at_least_0(end_learning_rate, "end_learning_rate", self)
        self.power = at_least_0(power, "power", self)
        self.cycle = flag(cycle, "cycle", "PolynomialDecay")

    def __call__(self, step: int) -> float:
        rounds = max(1, ceil(step / self.decay_steps)) if self.cycle else 1
        left = 1 - min(step / (self.decay_steps * rounds), 1.0)
        change = self.initial_learning_rate - self.end_learning_rate
        return self.end_learning_rate + change * left**self.power


class CosineDecay(LearningRateSchedule):
    """Half a period of a cosine from the first rate to almost none, after a linear warm-up if
    wanted.

        first = initial_learning_rate, or with a warm-up: warmup_target
        rate  = initial_learning_rate + (first - initial_learning_rate) * step / warmup_steps
                in the warm-up, then
        rate  = first * (alpha + (1 - alpha) * (1 + cos(pi * t)) / 2)
        t     = (step - warmup_steps) / decay_steps

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: how long the cosine takes; afterwards the rate stays.
        alpha: the last rate as a share of the first.
        warmup_target: the rate at the end of the warm-up; None for no warm-up.
        warmup_steps: how long that takes.

    Source: Loshchilov & Hutter 2016, arXiv:1608.03983; warm-up, Goyal et al. 2017,
        arXiv:1706.02677, section 2.2.

    >>> rate = schedules.CosineDecay(0.1, decay_steps=100)
    >>> rate(0), round(rate(50), 6), rate(100)
    (0.1, 0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        *,
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        self.initial_learning_rate = at_least_0(
            initial_learning_rate, "initial_learning_rate", self
        )
        self.decay_steps = positive(decay_steps, "decay_steps", self)
        self.alpha = at_least_0(alpha, "alpha", self)
        self.warmup_target = (
            None if warmup_target is None else at_least_0(warmup_target, "warmup_target", self)
        )
        self.warmup_steps = count(warmup_steps, "warmup_steps", "CosineDecay", least=0)

    def __call__(self, step: int) -> float:
        first, warmup_steps = self.initial_learning_rate, 0
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return first + (self.warmup_target - first) * step / self.warmup_steps
            first, warmup_steps = self.warmup_target, self.warmup_steps
        passed = min((step - warmup_steps) / self.decay_steps, 1.0)
        return first * (self.alpha + (1 - self.alpha) * between(1, 0, passed))
