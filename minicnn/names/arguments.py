"""Unknown arguments: Keras' that ask for nothing are dropped, all others are refused with what to
do instead.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from minicnn.errors import did_you_mean
from minicnn.names.asks_for_nothing import ANY
from minicnn.names.keras_arguments import ARGUMENTS

P = ParamSpec("P")
R = TypeVar("R")

ANYTHING = "**"


def known_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which drops Keras' arguments that ask for nothing, and refuses unknown ones
    with advice.

    Of a constructor it speaks by the name of the object's class. Keyword arguments that the
    function knows cost it a comparison of sets, and those that it collects in an untyped `**kwargs`
    are left alone.
    """
    names = argument_names(function)
    if ANYTHING in names:
        return function

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if not kwargs.keys() <= names:
            for name in kwargs.keys() - names:
                check_unknown(function, args[:1], name, kwargs.pop(name), names)
        return function(*args, **kwargs)

    return called


def argument_names(function: Callable) -> set[str]:
    """All that may be given by name, what `**options: Unpack[...]` holds too, and ANYTHING for
    other `**options`.
    """
    names: set[str] = set()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            # (LayerOptions,) of Unpack[LayerOptions]
            options = getattr(parameter.annotation, "__args__", ())
            names |= options[0].__annotations__.keys() if options else {ANYTHING}
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            names.add(parameter.name)
    return names


def check_unknown(function: Callable, first: tuple, name: str, value: Any, names: set[str]) -> None:
    """Raise TypeError unless the value of an argument that is not there asks for nothing."""
    if function.__name__ == "__init__":
        owner = type(first[0]).__name__
        tables = [cls.__name__ for cls in type(first[0]).__mro__]
        names = names | argument_names(type(first[0]).__init__) - {ANYTHING}
    else:
        owner = function.__name__
        tables = [function.__qualname__, owner]
    for table in tables:
        if name in ARGUMENTS.get(table, {}):
            harmless, advice = ARGUMENTS[table][name]
            if harmless is ANY or any(_same(value, one) for one in harmless):
                return
            if harmless:
                raise TypeError(
                    f"{owner} expected {name}={harmless[0]!r}, as by default, received {value!r}. "
                    f"{advice}"
                )
            raise TypeError(f"{owner} has no argument {name!r}. {advice}")
    raise TypeError(
        f"{owner} has no argument {name!r}.{did_you_mean(name, names - {'self', 'model'})}"
    )


def _same(value: Any, harmless: Any) -> bool:
    return value is harmless or (isinstance(value, type(harmless)) and value == harmless)
