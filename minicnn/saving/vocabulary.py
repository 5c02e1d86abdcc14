"""What a file may name without the caller's help, and what classes of one's own are called there.

A class of one's own whose name is one of these is written as "Custom>GroupNormalization", as Keras
writes what register_keras_serializable() has registered. So a file never opens as minicnn's class
where it was written of another, and `custom_objects` needs the bare name only.
"""

from collections.abc import Mapping
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


def callers_classes(custom_objects: Any, description: Any, who: str) -> dict[str, Any]:
    """The caller's classes and functions, by the names that a file has for them.

    A file that calls any class "Custom>..." tells all classes of one's own from minicnn's: its
    "Dense" is minicnn's, whatever the caller has of that name. One that does not may be older, and
    its "Dense" is the caller's, or else minicnn's.

    Args:
        description: of a model, or of all that is in the file, not checked yet.
        who: the function that was called, for messages.

    Raises TypeError unless custom_objects are a dict, or None.
    """
    if custom_objects is None:
        return {}
    if not isinstance(custom_objects, Mapping):
        listed = custom_objects if isinstance(custom_objects, list | tuple) else [custom_objects]
        named = [getattr(one, "__name__", "") or type(one).__name__ for one in listed]
        example = ", ".join(f"{name!r}: {name}" for name in named)
        raise TypeError(
            f"{who} expected custom_objects as a dict of classes by their names, received "
            f"{custom_objects!r:.80}: write custom_objects={{{example:.200}}}"
        )
    if not _tells_own_classes(description):
        return dict(custom_objects)
    return {
        OWN + name
        if name in _NAMES and isinstance(thing, type) and not is_minicnns(thing)
        else name: thing
        for name, thing in custom_objects.items()
    }


def _tells_own_classes(description: Any) -> bool:
    left = [description]  # no recursion: nobody knows yet how deep it is
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if str(one.get("class", "")).startswith(OWN):
                return True
            left += one.values()
        elif isinstance(one, list):
            left += one
    return False
