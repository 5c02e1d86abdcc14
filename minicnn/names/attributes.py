"""Attributes and methods that Keras' classes have and these have not: an AttributeError that says what to use."""

import inspect
from collections.abc import Iterable
from typing import Any, Never, NoReturn

from minicnn.names.arguments import known_arguments
from minicnn.names.keras_attributes import ATTRIBUTES


class NotThere:
    """A class attribute that raises when it is read; hasattr says no, and an object may well set its own."""

    def __init__(self, name: str, advice: str):
        self.name = name
        self.advice = advice

    def __get__(self, owner: Any, cls: type) -> NoReturn:
        raise AttributeError(f"{cls.__name__} has no {self.name!r}. {self.advice}")


class KerasNames:
    """Base of the classes that users know from Keras: arguments and attributes that are not there get advice.

    (Not by __getattr__, which would make every look-up of every attribute slower.)
    """

    @known_arguments
    def __init__(self, *arguments: Never) -> None:
        if arguments:
            raise TypeError(f"{type(self).__name__} takes no arguments, received {arguments!r}")

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            type.__setattr__(cls, "__init__", known_arguments(vars(cls)["__init__"]))
        for words, advice in ATTRIBUTES.get(cls.__name__, ()):
            for name in words.split():
                if not hasattr(cls, name):
                    setattr(cls, name, NotThere(name, advice))

    def __dir__(self) -> Iterable[str]:
        return [name for name in super().__dir__() if not is_not_there(type(self), name)]


def is_not_there(cls: type, name: str) -> bool:
    """Whether the class has an attribute only to say that it has not."""
    return isinstance(inspect.getattr_static(cls, name, None), NotThere)
