"""What objects in a model file may say: their fields, of which kinds, and things made of a class
and its arguments.
"""

from collections.abc import Mapping
from typing import Any

from minicnn.errors import ModelFileError, did_you_mean
from minicnn.saving.signature import arguments, fits
from minicnn.saving.vocabulary import OWN, bare, is_minicnns, name_of

NETWORK: dict[str, Any] = {"name": str, "class_names": list[str] | None, "layers": list[dict]}
WHOLE: dict[str, Any] = NETWORK | {"dtype": str, "seed": int}
PART: dict[str, Any] = NETWORK | {"seed": int}  # in another; it has the other's type
CHAIN: dict[str, Any] = {"input_shape": list[int | None]}
GRAPH: dict[str, Any] = {
    "nodes": list[dict],
    "inputs": list[int],
    "outputs": int | list[int] | dict,
}

FIELDS: dict[str, dict[str, Any]] = {  # of every object, and what they may be
    "config": {"model": dict, "compile": dict, "training": dict},
    "model": WHOLE | CHAIN,
    "graph": WHOLE | GRAPH,
    "model inside": PART | CHAIN,
    "graph inside": PART | GRAPH,
    "node": {"layer": str, "inputs": list[int], "training": bool, "call": int, "index": int},
    "shared": {"shared": str},
    "compile": {
        "optimizer": dict,
        "iterations": int,
        "epochs_done": int,
        "loss": dict,
        "metrics": list[dict],
    },
    "training": {"of": dict, "state": dict, "position": dict},
    "class": {"class": str, "config": dict},
}
OPTIONAL = {
    "config": {"compile", "training"},
    "model": {"class_names"},
    "graph": {"class_names"},
    "model inside": {"class_names", "seed"},
    "graph inside": {"class_names", "seed"},
    "node": {"inputs", "training", "call", "index"},
    "compile": {"epochs_done"},
}


def check(value: Any, what: str) -> None:
    """Raise ModelFileError unless an object has the fields that it must have, of the right kinds,
    and no others.
    """
    fields, received = FIELDS[what], value if isinstance(value, dict) else {}
    if missing := fields.keys() - received.keys() - OPTIONAL.get(what, set()):
        raise ModelFileError(
            f"the model file has no {what!r} with {', '.join(sorted(missing))}: {value!r:.60}"
        )
    for name, field in received.items():
        if name not in fields:
            raise ModelFileError(
                f"the model file has an unknown {name!r:.60} in "
                f"{what!r}.{did_you_mean(name[:60], fields)}"
            )
        if not fits(field, fields[name]) or isinstance(field, bool) and fields[name] is not bool:
            raise ModelFileError(
                f"the model file has {name!r} in {what!r} of another kind: {field!r:.60}"
            )


def make(description: Any, known: Mapping[str, type], what: str) -> Any:
    """The layer, optimizer, loss or metric that `class_and_config` described.

    Raises ModelFileError for a class outside `known` (nothing is ever imported) and for arguments
    it does not take.
    """
    check(description, "class")
    name, config = description["class"], description["config"]
    cls: Any = known.get(name)
    if cls is None and name.startswith(OWN):
        cls = _own(name, known, what)
    if cls is None:
        raise ModelFileError(
            f"the model file names the unknown {what} "
            f"{name!r:.60}.{did_you_mean(name[:60], known)} "
            "A class of your own goes into load_model(path, custom_objects={...}), or a command's "
            "--import FILE"
        )
    kinds = arguments(cls) if cls.__module__.startswith("minicnn.") else {}
    for argument, value in config.items():
        if argument in kinds and not fits(value, kinds[argument]):
            raise ModelFileError(
                f"the model file gives {name} an argument of another kind: {argument}={value!r:.60}"
            )
    try:
        return cls.from_config(config)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ModelFileError(
            f"the model file gives {name} arguments that it does not take: {error!s:.500}"
        ) from error


def _own(name: str, known: Mapping[str, type], what: str) -> Any:
    """The caller's class for one that a file calls "Custom>Dense". Raises ModelFileError where
    there is minicnn's alone.
    """
    short = bare(name)
    if short not in known or is_minicnns(known[short]):
        raise ModelFileError(
            f"the model file names the {what} {short!r:.60} of somebody's own, which is not "
            f"minicnn's {short:.60}: it goes into load_model(path, custom_objects={{{short!r:.60}: "
            "...}), or a command's --import FILE"
        )
    return known[short]


def class_and_config(thing: Any) -> dict[str, Any]:
    """What `make` needs to make one like it."""
    config = config_of(thing)
    schedule = getattr(thing, "schedule", None)
    if schedule is not None and "learning_rate" in config:
        config = config | {"learning_rate": class_and_config(schedule)}
    return {"class": name_of(type(thing)), "config": config}


def config_of(thing: Any) -> dict[str, Any]:
    """get_config() of a layer, optimizer, loss or metric. Raises TypeError for what is no dict."""
    who = type(thing).__name__
    try:
        config = thing.get_config()
    except AttributeError as error:
        raise TypeError(
            f"{who}.get_config() raised AttributeError: {error!s:.200}. Does {who}.__init__ begin "
            "with super().__init__(**options)?"
        ) from error
    if not isinstance(config, dict):
        raise TypeError(
            f"{who}.get_config() expected to return a dict of the constructor's arguments, "
            f"received {config!r:.60}: return super().get_config() | {{...}}"
        )
    return config
