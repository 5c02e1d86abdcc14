"""The base of the classes that users know from Keras: what is not there is answered, and cannot be
assigned to.
"""

from collections.abc import Iterable
from typing import Any, Never

from minicnn.names.arguments import known_arguments
from minicnn.names.assignment import check_assigned
from minicnn.names.keras_attributes import ATTRIBUTES
from minicnn.names.not_there import NotThere, is_not_there


class KerasNames:
    """Arguments and attributes that are not there get advice, whether they are given, read or
    assigned to.

    A class declares an attribute by an argument of its constructor, an annotation, a property or a
    method: `optimizer.lr = 0.1` and `layer.trainble = False` are refused. (Nothing here is by
    __getattr__, which would make every look-up of
    every attribute slower.)
    """

    takes_any = False  # whether objects of this very class have attributes that it does not declare

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

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_":
            check_assigned(self, name)
        object.__setattr__(self, name, value)

    def __dir__(self) -> Iterable[str]:
        return [name for name in super().__dir__() if not is_not_there(type(self), name)]
