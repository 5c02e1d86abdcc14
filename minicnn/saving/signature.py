"""Whether values from a file are of the kinds that a class says it takes: its annotations are what
is asked.
"""

from collections.abc import Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

LARGEST = 2**63  # what no whole number reaches


@cache
def arguments(cls: type) -> dict[str, Any]:
    """The annotations of the constructor's arguments, those in **options included."""
    hints = dict(get_type_hints(cls.__init__))  # type: ignore[misc]
    for name in ("options", "return"):
        options = hints.pop(name, None)
        if get_args(options):  # Unpack[LayerOptions]
            hints |= get_type_hints(get_args(options)[0])
    return hints


def fits(value: Any, kind: Any) -> bool:
    """Whether JSON's value is what an annotation asks for: a number for int too, 0 and 1 for bool,
    a list for a tuple.

    What no file can hold (a function) is refused; what no annotation of minicnn's asks for is not
    looked at.
    """
    if get_origin(kind) in (Union, UnionType):
        return any(fits(value, one) for one in get_args(kind))
    if kind in (None, NoneType):
        return value is None
    if kind is bool:
        return isinstance(value, int) and value in (0, 1)
    if kind is int:
        return isinstance(value, int | float) and abs(value) < LARGEST
    if kind is float:
        return isinstance(value, int | float)
    if get_origin(kind) in (list, tuple, Sequence):
        inner = [one for one in get_args(kind) if one is not Ellipsis]
        return isinstance(value, list) and all(
            any(fits(part, one) for one in (*inner, kind)) for part in value
        )
    return isinstance(value, kind) if isinstance(kind, type) else False
