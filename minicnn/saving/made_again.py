"""Whether what a file describes can be made again, and is the same then: asked when it is written,
not when it is opened.

Of minicnn's own the tests know it. A class of one's own says in get_config() what its constructor
shall get, and the two are easily not of one mind.
"""

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minicnn.errors import warn
from minicnn.names.assignment import arguments
from minicnn.names.described import Configured
from minicnn.network import Network
from minicnn.optimizers import MultiOptimizer
from minicnn.saving.fields import config_of
from minicnn.saving.vocabulary import is_minicnns, name_of

OF_EVERY_LAYER = ("name", "trainable", "input_shape")  # arguments
OF_TRAINING = ("given_input_shape", "has_fresh_weights")  # attributes that no file tells
SAVE_WEIGHTS = "save_weights keeps the weights meanwhile"
WITHOUT = "load_model(path, compile=False) opens the model without it"
PLAIN = (bool, int, float, str, list, tuple, type(None))
NOTHING = object()


def check(model: Network) -> None:
    """Raise ValueError for a layer of one's own that cannot be made of its get_config(), or is
    another then, and for two classes of one name; TypeError where get_config() gives no dict, or
    what no file can hold.

    Warns of arguments that get_config() leaves out and that a file would open with other values;
    and of an optimizer, a loss and metrics, without which a file can still be opened.
    """
    layers = [layer for layer in model.leaves.values() if not is_minicnns(type(layer))]
    if twins := _of_one_name(layers):
        raise ValueError(f"{model.name!r} cannot be saved, for {twins}; {SAVE_WEIGHTS}")
    for layer in layers:
        if reason := _why_not(layer):
            raise ValueError(f"{layer} cannot be saved, for {reason}; {SAVE_WEIGHTS}")
    compiled = [part for part in _compiled(model) if not is_minicnns(type(part))]
    for part in compiled:
        reason = _of_one_name([*layers, part]) or _inside(model.optimizer, part) or _why_not(part)
        if reason:
            warn(f"{type(part).__name__} is saved, but {reason}; {WITHOUT}")
    if twins := _of_one_name(compiled):
        warn(f"{model.name!r} is saved, but {twins}; load_model(path, compile=False) needs neither")


def _compiled(model: Network) -> Iterator[Any]:
    """What compile has chosen."""
    if model.optimizer is not None:
        for optimizer in model.optimizer.optimizers:
            yield optimizer
            if optimizer.schedule is not None:
                yield optimizer.schedule
        yield model.loss
        yield from model.metrics


def _of_one_name(things: Iterable[Any]) -> str:
    """What is wrong with classes of one name, "" where there are none."""
    known: dict[str, Any] = {}
    for thing in things:
        other = known.setdefault(name_of(type(thing)), thing)
        if type(other) is not type(thing):
            return (
                f"{_called(other)} and {_called(thing)} are of two classes of one name, and a file "
                "knows classes by their names: rename one"
            )
    return ""


def _inside(optimizer: Any, part: Any) -> str:
    """A MultiOptimizer's description names minicnn's classes alone."""
    parts = [one for inner in optimizer.optimizers for one in (inner, inner.schedule)]
    if isinstance(optimizer, MultiOptimizer) and any(one is part for one in parts):
        return "no file of a MultiOptimizer could be opened that is not of minicnn's classes alone"
    return ""


def _why_not(thing: Any) -> str:
    """Why a file of it would not open as the same, "" where it would. Warns of what is left out."""
    cls: Any = type(thing)
    stored = _config(thing)
    given = dict(stored)
    if "learning_rate" in given and getattr(thing, "schedule", None) is not None:
        given["learning_rate"] = thing.schedule  # which is made first, of a description of its own
    try:
        again = cls.from_config(given)
    except Exception as error:
        return f"no file of it could be opened: {_why(cls, stored, error)}"
    if not isinstance(again, Configured):
        raise TypeError(
            f"{cls.__name__}.from_config() expected to return what it has made, received "
            f"{again!r:.60}: return cls(**config); {SAVE_WEIGHTS}"
        )
    reason = _changed(thing, stored, again) or _of_places(thing, again)
    if not reason:
        _warn_of_left_out(thing, stored, again)
    return reason


def _config(thing: Any) -> dict[str, Any]:
    """get_config() as a file gives it back: tuples are lists then."""
    return {name: _as_read(type(thing), name, value) for name, value in config_of(thing).items()}


def _as_read(cls: type, name: str, value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, default=_number))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{cls.__name__}.get_config() has {name}={value!r:.60} of type {type(value).__name__}, "
            "expected numbers, texts, lists and dicts, which a model file can hold: let "
            f"get_config() tell it in these, and from_config() make it again; {SAVE_WEIGHTS}"
        ) from error


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError


# Is it the same?


def _changed(thing: Any, stored: Mapping[str, Any], again: Any) -> str:
    """Which argument is another one in what has been made again."""
    cls = type(thing)
    there = _config(again)
    for name in {**stored, **there}:
        before, after = stored.get(name, NOTHING), there.get(name, NOTHING)
        usual = name == "name" and str(before).startswith(getattr(thing, "own_name", ""))
        if _same(before, after) or usual and not after:  # the model names it so again
            continue
        fix = (
            f"let {cls.__name__}.from_config() hand it on"
            if _has_own_from_config(cls)
            else f"keep in self.{name} what __init__ was given, and under another name what it "
            "makes of that"
        )
        return (
            f"a file of it would open as another: {cls.__name__}.get_config() gives "
            f"{_argument(name, before)}, and of what is made of that {_argument(name, after)}: "
            f"{fix}"
        )
    return ""


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) or NOTHING not in (a, b) and json.dumps(a) == json.dumps(b)  # NaN


def _argument(name: str, value: Any) -> str:
    return f"no {name}" if value is NOTHING else f"{name}={value!r:.60}"


def _of_places(thing: Any, again: Any) -> str:
    """What *args have left in attributes, which no get_config() can name."""
    cls = type(thing)
    if not (listed := _listed(cls)) or _has_own_from_config(cls):
        return ""
    for name, here in vars(thing).items():
        there = vars(again).get(name, NOTHING)
        plain = isinstance(here, PLAIN) and isinstance(there, PLAIN)
        if name[0] == "_" or name in OF_EVERY_LAYER + OF_TRAINING or not plain:
            continue
        if here != there:
            return (
                f"a file of it would open as another, with {name}={there!r:.60} for "
                f"{name}={here!r:.60}: {_no_names(cls, listed)}"
            )
    return ""


def _warn_of_left_out(thing: Any, stored: Mapping[str, Any], again: Any) -> None:
    cls: Any = type(thing)
    own = _arguments(cls)
    for name in arguments(cls):
        if name in stored or name in OF_EVERY_LAYER:
            continue
        fix = f"return super().get_config() | {{{name!r}: self.{name}}}"
        here, there = getattr(thing, name, NOTHING), getattr(again, name, NOTHING)
        if isinstance(here, PLAIN) and isinstance(there, PLAIN) and here != there:
            warn(
                f"{cls.__name__}.get_config() has no {name!r}, which is {here!r:.60} in "
                f"{_called(thing)} and will be {there!r:.60} where its file is opened: {fix}"
            )
        elif here is NOTHING and name in own:
            warn(
                f"{cls.__name__}.get_config() has no {name!r}, which will be "
                f"{own[name].default!r:.60} where its file is opened, whatever it is in "
                f"{_called(thing)}: write self.{name} = {name} in __init__, and {fix}"
            )


def _called(thing: Any) -> str:
    name = getattr(thing, "name", "")
    return f"{type(thing).__name__} {name!r}" if name else type(thing).__name__


# Why can it not be made?


def _why(cls: Any, config: dict[str, Any], error: Exception) -> str:
    """What is wrong, and how to put it right."""
    who = cls.__name__
    if _has_own_from_config(cls):
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
    known = {*parameters, *(OF_EVERY_LAYER if takes_more else ())}
    extra = [name for name in config if name not in known]
    if extra and not (takes_more and {*extra} <= {*arguments(cls)}):
        options = "let it take **options and hand them on, super().__init__(**options)"
        fix = options if {*extra} & {*OF_EVERY_LAYER} else "take it there, or leave it out"
        return (
            f"{who}.get_config() has {_named(extra)}, and {who}.__init__ takes no such argument: "
            f"{fix}"
        )
    listed = _listed(cls)
    return (
        f"{who}.__init__ raised {type(error).__name__} for what get_config() gives, read from a "
        f"file as {config!r:.200}: {error!s:.300}"
        f"{'. ' + _no_names(cls, listed) if listed else ''}"
    )


def _has_own_from_config(cls: Any) -> bool:
    maker = next(one for one in cls.__mro__ if "from_config" in vars(one))
    return not maker.__module__.startswith("minicnn.")


def _arguments(cls: Any) -> dict[str, inspect.Parameter]:
    """The constructor's arguments that have names."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {
        one.name: one for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    }


def _listed(cls: Any) -> str:
    """The name of the constructor's *args, "" where it takes none."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    return next((one.name for one in parameters if one.kind is one.VAR_POSITIONAL), "")


def _no_names(cls: Any, listed: str) -> str:
    return (
        f"{cls.__name__}.__init__ takes *{listed}, and get_config() can give by name alone: take "
        "arguments that have names, a list or a tuple for several values"
    )


def _named(names: list[str]) -> str:
    return " and ".join(repr(name) for name in names)
