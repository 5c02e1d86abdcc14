"""What a file may name without the caller's help, and what classes of one's own are called there.

A class of one's own whose name is one of these is written as "Custom>GroupNormalization", as Keras
writes what register_keras_serializable() has registered. So a file never opens as minicnn's class
where it was written of another, and `custom_objects` needs the bare name only.
"""

from typing import Any

from minicnn import losses, metrics, optimizers, schedules
from minicnn.layers import LAYERS

# Losses and metrics have some names in common.
OPTIMIZERS: dict[str, type] = {**optimizers.CLASSES, **schedules.SCHEDULES}
LOSSES: dict[str, type] = {**losses.CLASSES, "FunctionLoss": losses.FunctionLoss}
METRICS: dict[str, type] = {**metrics.CLASSES, "FunctionMetric": metrics.FunctionMetric}

OWN = "Custom>"
_TABLES = (LAYERS, OPTIMIZERS, LOSSES, METRICS)
_CLASSES = {cls for table in _TABLES for cls in table.values()}
_NAMES = {name for table in _TABLES for name in table} | {"Sequential", "Model"}


def is_minicnns(cls: Any) -> bool:
    """Whether a class is one that files may name without help."""
    return cls in _CLASSES


def name_of(cls: type) -> str:
    """What a file calls a class."""
    name = cls.__name__
    return OWN + name if name in _NAMES and not is_minicnns(cls) else name


def bare(name: str) -> str:
    """The class' own name, for what a file calls it."""
    return name.removeprefix(OWN)
