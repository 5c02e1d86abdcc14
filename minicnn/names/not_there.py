"""Attributes that a class has only to say that it has not, and what to use instead."""

import inspect
from typing import Any, NoReturn

from minicnn.errors import no_attribute


class NotThere:
    """A class attribute that raises when it is read; hasattr says no, and an object may well set
    its own.
    """

    def __init__(self, name: str, advice: str):
        self.name = name
        self.advice = advice

    def __get__(self, owner: Any, cls: type) -> NoReturn:
        raise no_attribute(f"{cls.__name__} has no {self.name!r}. {self.advice}")


def is_not_there(cls: type, name: str) -> bool:
    """Whether the class has an attribute only to say that it has not."""
    return isinstance(inspect.getattr_static(cls, name, None), NotThere)
