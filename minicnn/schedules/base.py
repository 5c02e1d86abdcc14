"""What every schedule is, and the checks and the curve that several share."""

from math import cos, pi
from typing import Any

from minicnn.expect import number
from minicnn.names.described import Configured


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
