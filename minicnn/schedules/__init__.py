"""Learning rate schedules: the learning rate of every step. Names and formulas are Keras 3's.

    steps = 60 * 391                                    # epochs times batches per epoch
    optimizers.AdamW(schedules.OneCycle(4e-3, steps))

A schedule is a function of the number of steps done before, which the optimizer counts as
`iterations`.
"""

from collections.abc import Mapping
from typing import Any

from minicnn.names import known_arguments, missing_from
from minicnn.names.described import described, from_description
from minicnn.schedules.base import LearningRateSchedule
from minicnn.schedules.decays import (
    CosineDecay,
    ExponentialDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from minicnn.schedules.one_cycle import OneCycle

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
