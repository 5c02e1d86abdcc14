"""Learning rate schedules: the learning rate of every step. Names and formulas are Keras 3's.

    steps = 60 * 391                                    # epochs times batches per epoch
    optimizers.AdamW(schedules.OneCycle(4e-3, steps))

A schedule is a function of the number of steps done before, which the optimizer counts as
`iterations`.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import ceil, cos, floor, pi
from typing import Any

from minicnn.expect import count, flag, number
from minicnn.names import known_arguments, missing_from
from minicnn.names.described import Configured, described, from_description

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

__getattr__ = missing_from(__name__, "schedules", __all__)


class LearningRateSchedule(Configured):
    """Subclass it to write your own: __call__ and, if models with it are to be saved, get_config.

    >>> class Halved(schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 / 2 ** (step // 1000)
    >>> Halved()(2500)
    0.025
    """

    def __call__(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, which are kept in attributes of their names."""
        return dict(vars(self))

    def described(self) -> dict[str, Any]:
        """Class and arguments, as JSON-able values."""
        return {"class": type(self).__name__, "config": self.get_config()}

    def __repr__(self) -> str:
        settings = (f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({', '.join(settings)})"


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


class OneCycle(LearningRateSchedule):
    """Up to the peak and down to nothing, once: large rates in between train faster and keep from
    overfitting.

        rate = peak / div_factor                        at the first step, a cosine up to
        rate = peak                                     at step peak_at * steps - 1, then down to
        rate = peak / div_factor / final_div_factor     at the last step

    Args:
        peak: the highest rate; model.lr_find helps to choose it.
        steps: of the whole training, epochs times batches per epoch.
        peak_at: the share of steps before the peak.
        div_factor, final_div_factor: as above.

    Source: Smith & Topin 2017, arXiv:1708.07120; with cosines as fastai's, and the numbers of
        PyTorch's OneCycleLR.

    >>> rate = schedules.OneCycle(0.1, steps=100)
    >>> round(rate(0), 6), rate(24), round(rate(99), 9)
    (0.004, 0.1, 4e-07)
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        peak_at: float = 0.25,
        *,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
    ):
        if not 0 <= number(peak_at, "peak_at", "OneCycle") < 1:
            raise ValueError(
                f"OneCycle expected 0 <= peak_at < 1, the share of steps, received {peak_at!r}"
            )
        self.peak = at_least_0(peak, "peak", self)
        self.steps = positive(steps, "steps", self)
        self.peak_at = peak_at
        self.div_factor = positive(div_factor, "div_factor", self)
        self.final_div_factor = positive(final_div_factor, "final_div_factor", self)

    def __call__(self, step: int) -> float:
        summit, last = self.peak_at * self.steps - 1, self.steps - 1
        first = self.peak / self.div_factor
        if step < summit:
            return between(first, self.peak, step / summit)
        return between(
            self.peak, first / self.final_div_factor, min((step - summit) / (last - summit), 1.0)
        )


def between(start: float, end: float, passed: float) -> float:
    """From start to end on half a period of a cosine, of which the share `passed` is over."""
    return end + (start - end) * (1 + cos(pi * passed)) / 2


def positive(value: float, name: str, owner: Any) -> float:
    """The value. Raises ValueError unless it is a number above 0."""
    if not number(value, name, type(owner).__name__) > 0:
        raise ValueError(f"{type(owner).__name__} expected {name} above 0, received {value!r}")
    return value


def at_least_0(value: float, name: str, owner: Any) -> float:
    """The value. Raises ValueError unless it is a number of at least 0."""
    number(value, name, type(owner).__name__, least=0)
    return value


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (CosineDecay, ExponentialDecay, OneCycle, PiecewiseConstantDecay, PolynomialDecay)
}


@known_arguments
def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The description of a schedule, of which deserialize makes one like it."""
    return described(learning_rate_schedule)


@known_arguments
def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
) -> LearningRateSchedule:
    """The schedule that a description is of; custom_objects are classes of one's own, by name.

    >>> config = schedules.serialize(schedules.CosineDecay(0.1, 100))
    >>> schedules.deserialize(config)(50).__round__(3)
    0.05
    """
    return from_description(config, SCHEDULES, "schedules", custom_objects)
