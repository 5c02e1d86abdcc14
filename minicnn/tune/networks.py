"""Which network a search trains, and which of its arguments can be searched.

It is one that is known by name, or a function of one's own, "my_model.py:build", which is called
as build(input_shape, classes, **arguments) and returns a Model for pictures from 0 to 255.
"""

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minicnn.errors import did_you_mean
from minicnn.layers import Input, Layer
from minicnn.models.model import Model
from minicnn.models.sequential import Sequential
from minicnn.models.zoo.frame import Frame
from minicnn.network.clone import continued
from minicnn.tune.keys import KINDS, Key

ENDS = ("input_shape", "classes")  # what a function is given of the pictures
NOT_SEARCHED = {*Frame.__annotations__, *ENDS, "weights", "seed", "dtype", "class_names"}


def is_own(network: str) -> bool:
    """Whether it is a function in a Python file."""
    return ".py" in network


def source(network: str, folder: Path) -> tuple[Path, str]:
    """The file and the name of a function of one's own; a relative path begins at the folder.

    Raises ValueError for what is not like my_model.py:build; FileNotFoundError without the file.
    """
    file, colon, name = network.rpartition(":")
    if not colon or not name.isidentifier() or not file.endswith(".py"):
        raise ValueError(
            f"[model] network expected a Python file and a function in it, such as "
            f"my_model.py:build, received {network!r}"
        )
    path = folder / Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"[model] network expected a Python file, received {network!r}, and there is no {path}"
        )
    return path, name


def fingerprint(network: str, folder: Path) -> str:
    """By which the file of one's own is known, wherever it lies; "" for a network known by name."""
    if not is_own(network):
        return ""
    return hashlib.sha256(source(network, folder)[0].read_bytes()).hexdigest()[:16]


def own(network: str, folder: Path) -> Callable[..., Any]:
    """The function itself; its file is run.

    Raises ValueError where there is no such function, it takes no (input_shape, classes), or the
    file is no Python.
    """
    path, name = source(network, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None  # as of every .py
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # as for `python my_model.py`, with its neighbours
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ValueError(f"[model] network cannot run {path}: {error}") from error
    finally:
        sys.path.remove(str(path.parent))
    functions = {key for key, value in vars(module).items() if inspect.isfunction(value)}
    if name not in functions:
        advice = did_you_mean(name, functions) if functions else " It has none."
        raise ValueError(
            f"[model] network expected a function of {path.name}, received {name!r}.{advice}"
        )
    function = getattr(module, name)
    if not {*ENDS} <= inspect.signature(function).parameters.keys():
        raise ValueError(
            f"[model] network expected a function {name}(input_shape, classes, ...), received "
            f"{name}{inspect.signature(function)} of {path.name}"
        )
    return function


def arguments(function: Callable[..., Any]) -> dict[str, Key | None]:
    """The arguments that a search may choose, with what their defaults say of them; None where
    they say nothing.
    """
    found: dict[str, Key | None] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in NOT_SEARCHED and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            kind = type(parameter.default)
            found[name] = Key(kind) if kind in KINDS else None
    return found


def augmented(model: Model, first: Sequence[Layer], class_names: list[str], seed: int) -> Model:
    """A model whose pictures go through other layers first."""
    about: dict[str, Any] = {"name": model.name, "class_names": class_names, "seed": seed}
    pictures = Input(model.input_shape[1:])
    if isinstance(model, Sequential):
        return Sequential([pictures, *first, *model.layers], **about)
    x = pictures
    for layer in first:
        x = layer(x)
    return Model(pictures, *continued(model, [x]), **about)
