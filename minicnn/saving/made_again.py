"""Whether a file's layers can be made again: asked when it is written, not when it is opened.

Of minicnn's own the tests know it. A layer of one's own says in get_config() what its constructor
shall get, and the two are easily not of one mind.
"""

import inspect
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from minicnn.errors import warn
from minicnn.layers import Layer
from minicnn.names.described import Configured
from minicnn.saving.vocabulary import is_minicnns

EVERY_LAYERS = ("name", "trainable", "input_shape")
MEANWHILE = "save_weights keeps the weights meanwhile"
PLAIN = (bool, int, float, str, list, tuple, type(None))


def check(layers: Iterable[Layer]) -> None:
    """Raise ValueError for a layer of one's own that cannot be made of its get_config(), TypeError
    where that holds what no file can hold.

    Warns of arguments that get_config() leaves out and that a file would open with other values.
    """
    for layer in layers:
        if not is_minicnns(type(layer)):
            _check(layer)


def _check(layer: Layer) -> None:
    cls: Any = type(layer)
    config = layer.get_config()
    stored = {name: _as_read(cls, name, value) for name, value in config.items()}
    try:
        again = cls.from_config(stored)
    except Exception as error:
        raise ValueError(
            f"{layer} cannot be saved, for no file of it could be opened: "
            f"{_why(cls, stored, error)}; {MEANWHILE}"
        ) from error
    for name in _arguments(cls):
        here, there = getattr(layer, name, None), getattr(again, name, None)
        plain = isinstance(here, PLAIN) and isinstance(there, PLAIN)
        if name not in (*config, *EVERY_LAYERS) and plain and here != there:
            warn(
                f"{cls.__name__}.get_config() has no {name!r}, which is {here!r:.60} in {layer} "
                f"and will be {there!r:.60} where its file is opened: return super().get_config() "
                f"| {{{name!r}: self.{name}}}"
            )


def _as_read(cls: type, name: str, value: Any) -> Any:
    """An argument as a file gives it back: tuples are lists then."""
    try:
        return json.loads(json.dumps(value, default=_number))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{cls.__name__}.get_config() has {name}={value!r:.60} of type {type(value).__name__}, "
            "expected numbers, texts, lists and dicts, which a model file can hold: let "
            f"get_config() tell it in these, and from_config() make it again; {MEANWHILE}"
        ) from error


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


def _why(cls: Any, config: dict[str, Any], error: Exception) -> str:
    """What is wrong, and how to put it right."""
    who = cls.__name__
    if next(one for one in cls.__mro__ if "from_config" in vars(one)) is not Configured:
        return f"{who}.from_config(get_config()) raised {type(error).__name__}: {error!s:.300}"
    parameters = _arguments(cls)
    required = {name for name, one in parameters.items() if one.default is inspect.Parameter.empty}
    if missing := sorted(required - config.keys()):
        given = ", ".join(f"{name!r}: self.{name}" for name in missing)
        return (
            f"{who}.__init__ needs {_named(missing)}, and {who}.get_config() has no such argument: "
            f"return super().get_config() | {{{given}}}"
        )
    takes_more = any(
        one.kind is one.VAR_KEYWORD for one in inspect.signature(cls.__init__).parameters.values()
    )
    known = {*parameters, *(EVERY_LAYERS if takes_more else ())}
    extra = [name for name in config if name not in known]
    if extra:
        options = "let it take **options and hand them on, super().__init__(**options)"
        fix = options if {*extra} & {*EVERY_LAYERS} else "take it there, or leave it out"
        return (
            f"{who}.get_config() has {_named(extra)}, and {who}.__init__ takes no such argument: "
            f"{fix}"
        )
    return (
        f"{who}.__init__ raised {type(error).__name__} for what get_config() gives, read from a "
        f"file as {config!r:.200}: {error!s:.300}"
    )


def _arguments(cls: Any) -> dict[str, inspect.Parameter]:
    """The constructor's arguments that have names."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {
        one.name: one for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    }


def _named(names: list[str]) -> str:
    return " and ".join(repr(name) for name in names)
