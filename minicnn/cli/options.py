"""What `minicnn train` can be told: its options, their defaults, and which of them a run keeps."""

import argparse
import math
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minicnn import runs
from minicnn.cli.common import RUN, positive, whole
from minicnn.cli.networks import DOCUMENTED, NETWORKS, add_network
from minicnn.cli.own_classes import add_import
from minicnn.cli.pictures import add_data, add_image_size, chosen_size, name_of
from minicnn.cli.recipes import FINETUNE, RECIPES, TOLD

DEFAULTS: dict[str, Any] = {
    "data": "cifar10",
    "limit": None,
    "augment": None,
    "epochs": None,
    "batch_size": None,
    "seed": 0,
    "learning_rate": None,
    "image_size": None,
    "recipe": None,
    "network": None,
    "model": None,
    "class_weight": None,
    "imports": None,
}  # fmt: skip  None: the recipe or the data decide
MAY_CHANGE = ("epochs", "data", "imports")  # when a run is resumed
UNITS = {"s": 1, "m": 60, "h": 3600}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare what a training can be told."""
    usual = ", ".join(f"{name} {recipe.epochs}" for name, recipe in RECIPES.items())
    sizes = ", ".join(f"{name} {recipe.batch_size}" for name, recipe in RECIPES.items())
    rates = ", ".join(f"{name} {recipe.learning_rate:g}" for name, recipe in RECIPES.items())
    add_data(parser)
    add_image_size(parser)
    parser.add_argument("--recipe", choices=list(RECIPES), help=f"how to train (default: documented). {TOLD}")
    add_network(parser)
    parser.add_argument(
        "--model",
        metavar="PATH",
        help="begin with what this model file or run has learnt (recipe: finetune)",
    )
    add_import(parser)
    parser.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        help="train on pictures flipped and shifted, or not (default: with best, and where they are few)",
    )
    parser.add_argument("--learning-rate", type=rate, metavar="RATE", help=f"of the optimizer ({rates})")
    parser.add_argument(
        "--class-weight", choices=["balanced"], help="let classes with few pictures count as much as those with many"
    )
    parser.add_argument("--epochs", type=positive, help=f"passes over the pictures, at most ({usual}; more for few)")
    parser.add_argument("--batch-size", type=positive, help=f"pictures per step ({sizes}; fewer for few)")
    parser.add_argument(
        "--max-time", type=seconds, default=math.inf, metavar="TIME", help="stop after so long, such as 90s, 10m or 2h"
    )
    parser.add_argument("--seed", type=whole, help=f"the same seed gives the same network ({DEFAULTS['seed']})")
    parser.add_argument(
        "--seeds", type=several, metavar="N", help="train N times, from --seed on, and give mean and interval"
    )
    parser.add_argument("--threads", type=positive, help="threads to compute with (default: one per processor)")
    parser.add_argument("--output", type=Path, metavar="RUN", help="run folder (default: runs/<date>-<data>)")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="RUN",
        help=f"go on with this run, or that in --output (default: {RUN}), where it stopped, with the options it was "
        "begun with; --data names where its pictures are now",
    )


def seconds(text: str) -> float:
    """A time on the command line. Raises ArgumentTypeError unless it is like 90s, 10m or 1.5h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 10m or 2h, received {text!r}")
    return float(found[1]) * UNITS[found[2]]


def rate(text: str) -> float:
    """A learning rate on the command line. Raises ArgumentTypeError unless it is a number above 0 and at most 10."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 10:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and at most 10, such as 0.001, received {text!r}")
    return value


def several(text: str) -> int:
    """How many seeds. Raises ArgumentTypeError unless there are two or more."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected 2 or more, received {text!r}: --seed trains once")
    return int(text)


def choose(options: argparse.Namespace, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The options given, those saved, the defaults, in this order; None for what depends on the pictures.

    Raises ValueError for one that differs from what is saved, and for those that exclude each other.
    """
    given = {name: getattr(options, name) for name in DEFAULTS if getattr(options, name) is not None}
    if "data" in given:
        given["data"] = name_of(given["data"])
    if "model" in given:
        given["model"] = str(runs.model_file(given["model"]).resolve())  # the latest run is another one soon
    if "imports" in given:
        given["imports"] = [os.path.abspath(file) for file in given["imports"]]
    if "image_size" in given:
        given["image_size"] = as_text(given["image_size"])
    fixed = [name for name in given if name not in MAY_CHANGE or (name == "epochs" and saved.get("recipe") == "best")]
    for name in fixed:
        if name in saved and given[name] != saved[name]:
            raise ValueError(
                f"--resume expected the options that the run was begun with, {flag(name)} "
                f"{saved[name]}, received {given[name]}: leave it out, or begin a new run"
            )
    chosen = {**DEFAULTS, **saved, **given}
    exclude(chosen)
    recipe = RECIPES[chosen["recipe"] or (FINETUNE if chosen["model"] else DOCUMENTED)]
    chosen["recipe"] = next(name for name, found in RECIPES.items() if found is recipe)
    if chosen["model"] is None:
        chosen["network"] = chosen["network"] or DOCUMENTED
        size = chosen["image_size"] and tuple(map(int, chosen["image_size"].split("x")))
        chosen["image_size"] = as_text(chosen_size(chosen["data"], size))
    return chosen


def exclude(chosen: Mapping[str, Any]) -> None:
    """Raise ValueError for options that exclude each other, or that nothing is known of."""
    if chosen["recipe"] == FINETUNE and chosen["model"] is None:
        raise ValueError(f"--recipe {FINETUNE} expected --model, which it begins with, received none")
    for name in ("network", "image_size"):
        if chosen["model"] is not None and chosen[name] is not None:
            raise ValueError(f"{flag(name)} is the model's own with --model, received {chosen[name]}: leave it out")
    for name, known in (("recipe", RECIPES), ("network", NETWORKS)):
        if chosen[name] is not None and chosen[name] not in known:
            raise ValueError(f"{flag(name)} expected one of {', '.join(known)}, received {chosen[name]!r}")


def command(chosen: Mapping[str, Any]) -> str:
    """The command that trains so (again): all options that are not what they are by themselves."""
    usual = DEFAULTS | {"recipe": DOCUMENTED, "network": DOCUMENTED, "image_size": "32x32"}
    words = ["minicnn", "train"]
    for name, value in chosen.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None and one != usual[name]:
                option = flag(name) if one is not False else f"--no-{name}"
                shown = f"{one:g}" if isinstance(one, float) else str(one)
                words += [option, *([] if isinstance(one, bool) else [shown])]
    return shlex.join(words)


def flag(name: str) -> str:
    """An option as it is typed."""
    return "--import" if name == "imports" else f"--{name.replace('_', '-')}"


def as_text(size: tuple[int, int]) -> str:
    """(H, W) as it is typed."""
    return f"{size[0]}x{size[1]}"
