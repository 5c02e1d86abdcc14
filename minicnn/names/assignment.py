"""Attributes that are assigned to: only what their class declares, for a slip of the pen must not
go without effect.
"""

import inspect
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from minicnn.errors import did_you_mean, no_attribute
from minicnn.names.not_there import is_not_there

# of 1: how much alike an attribute of a user's class and an argument must be for the one to mean
# the other
CLOSE = 0.8
# those of earlier versions of Keras, too far from today's to be guessed
OLD_NAMES = {"lr": "learning_rate"}


def check_assigned(owner: Any, name: str) -> None:
    """Raise AttributeError for an attribute that the owner's class does not declare.

    Names that begin with _ are free. Subclasses outside minicnn may have any attributes, but for
    those that are an argument but for a letter.
    """
    kind: type = type(owner)
    if name in declared(kind):
        return
    meant = settable(kind)
    if OLD_NAMES.get(name) in arguments(kind):
        meant = [OLD_NAMES[name]]
    elif owner.takes_any or not kind.__module__.startswith("minicnn."):
        meant = get_close_matches(name, meant, n=1, cutoff=CLOSE)
    if meant:
        who = f"{kind.__name__} {own!r}" if (own := vars(owner).get("name")) else kind.__name__
        raise no_attribute(
            f"{who} has no attribute {name!r} to assign to.{did_you_mean_one_of(name, meant)}"
        )


def did_you_mean_one_of(name: str, meant: list[str]) -> str:
    """did_you_mean, also of a single name that is not spelt alike."""
    return f" Did you mean {meant[0]!r}?" if len(meant) == 1 else did_you_mean(name, meant)


@cache
def arguments(kind: type) -> list[str]:
    """What the constructors of a class and its bases take, by name."""
    names: dict[str, None] = {}
    for base in kind.__mro__[:-1]:
        constructor: Any = vars(base).get("__init__")
        for parameter in (
            list(inspect.signature(constructor).parameters.values())[1:] if constructor else ()
        ):
            options = (
                get_args(parameter.annotation) if parameter.kind is parameter.VAR_KEYWORD else ()
            )
            if options:  # **options: Unpack[LayerOptions]
                names |= dict.fromkeys(options[0].__annotations__)
            elif parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                names[parameter.name] = None
    return list(names)


@cache
def settable(kind: type) -> list[str]:
    """What is likely to be meant: arguments, and properties that can be set."""
    members = ((name, inspect.getattr_static(kind, name)) for name in dir(kind))
    properties = [name for name, member in members if isinstance(member, property) and member.fset]
    return [*dict.fromkeys([*arguments(kind), *properties])]


@cache
def declared(kind: type) -> frozenset[str]:
    """All that may be assigned to objects of a class."""
    annotated = (name for base in kind.__mro__ for name in vars(base).get("__annotations__", ()))
    there = (name for name in dir(kind) if not is_not_there(kind, name))
    return frozenset([*there, *arguments(kind), *annotated])
