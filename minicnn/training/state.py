"""What a checkpoint keeps beside the model, as JSON's values and arrays."""

from typing import Any

import numpy as np

from minicnn.types import Array

# how the state's arrays are named in the file, and referred to in its text
ARRAY, KEY = (
    "/training/",
    "/array",
)


def pack(value: Any, arrays: dict[str, Array]) -> Any:
    """The value with every array in it replaced by a reference to `arrays`, where it is put."""
    if isinstance(value, np.ndarray):
        name = f"{ARRAY}{len(arrays)}"
        arrays[name] = value
        return {KEY: name}
    if isinstance(value, dict):
        return {name: pack(part, arrays) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [pack(part, arrays) for part in value]
    return value


def unpack(value: Any, arrays: dict[str, Array]) -> Any:
    """What pack has packed; tuples are lists now. Arrays are copies."""
    if isinstance(value, list):
        return [unpack(part, arrays) for part in value]
    if isinstance(value, dict):
        if KEY in value:
            return arrays[value[KEY]].copy()
        return {name: unpack(part, arrays) for name, part in value.items()}
    return value


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """{"optimizer.config.beta_1": 0.9, ...} of nested dicts."""
    if not isinstance(value, dict):
        return {path: value}
    return {
        name: leaf
        for key, part in value.items()
        for name, leaf in leaves(part, f"{path}.{key}" if path else key).items()
    }


def is_own(thing: Any) -> bool:
    """Whether minicnn's code, which always keeps the same kinds of values, knows what belongs in
    the thing.
    """
    return type(thing).__module__.startswith("minicnn.")


def check_kind(stored: Any, present: Any, where: str = "state") -> None:
    """Raise TypeError unless a stored value is of the kind of the present one: it will take its
    place.

    In the place of None may come anything, and lists may have any members: who owns them knows
    better.
    """
    if present is None:
        return
    if isinstance(present, dict) and isinstance(stored, dict):
        for name in present.keys() & stored.keys():
            check_kind(stored[name], present[name], f"{where}.{name}")
        return
    kinds: tuple[type, ...] = (type(present),)
    if isinstance(present, int | float | np.number):
        kinds = (int, float)
    elif isinstance(present, list | tuple):
        kinds = (list,)
    if not isinstance(stored, kinds):
        raise TypeError(f"{where} expected {kinds[-1].__name__}, received {stored!r:.60}")
    if isinstance(present, np.ndarray) and _layout(stored) != _layout(present):
        raise TypeError(f"{where} expected {_layout(present)}, received {_layout(stored)}")


def check_numbers(stored: Any, where: str) -> None:
    """Raise TypeError unless a stored value is a list of numbers, some of which may be missing."""
    if not isinstance(stored, list) or not all(
        isinstance(value, int | float | None) for value in stored
    ):
        raise TypeError(f"{where} expected a list of numbers, received {stored!r:.60}")


def _layout(array: Any) -> tuple[np.dtype, tuple[int, ...]]:
    return array.dtype, array.shape
