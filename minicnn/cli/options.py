"""What `minicnn train` was told: options, their defaults, what a run keeps of them, and how they
are typed again.
"""

import argparse
import os
import shlex
from collections.abc import Mapping
from typing import Any

from minicnn import runs
from minicnn.cli.choices import DOCUMENTED, FINETUNE, NETWORKS, RECIPES
from minicnn.cli.pictures import NAMES, chosen_size, name_of

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
    "shards": 1,
    "batch_norm": "shard",
}  # fmt: skip  None: the recipe or the data decide
MAY_CHANGE = ("epochs", "data", "imports")  # when a run is resumed


def choose(options: argparse.Namespace, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The options given, those saved, the defaults, in this order; None for what depends on the
    pictures.

    Raises ValueError for one that differs from what is saved, and for those that exclude each
    other.
    """
    given = {
        name: getattr(options, name) for name in DEFAULTS if getattr(options, name) is not None
    }
    if "data" in given:
        given["data"] = name_of(given["data"])
    if "model" in given:
        # the latest run is another one soon
        given["model"] = str(runs.model_file(given["model"]).resolve())
    if "imports" in given:
        given["imports"] = [os.path.abspath(file) for file in given["imports"]]
    if "image_size" in given:
        given["image_size"] = as_text(given["image_size"])
    fixed = [
        name
        for name in given
        if name not in MAY_CHANGE or (name == "epochs" and saved.get("recipe") == "best")
    ]
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
        raise ValueError(
            f"--recipe {FINETUNE} expected --model, which it begins with, received none"
        )
    for name in ("network", "image_size"):
        if chosen["model"] is not None and chosen[name] is not None:
            raise ValueError(
                f"{flag(name)} is the model's own with --model, received {chosen[name]}: leave it "
                "out"
            )
    for name, known in (("recipe", RECIPES), ("network", NETWORKS)):
        if chosen[name] is not None and chosen[name] not in known:
            raise ValueError(
                f"{flag(name)} expected one of {', '.join(known)}, received {chosen[name]!r}"
            )


def command(chosen: Mapping[str, Any]) -> str:
    """The command that trains so (again): all options that are not what they are by themselves."""
    size = "32x32" if chosen["data"] in NAMES else None  # of a folder it depends on what is in it
    usual = DEFAULTS | {"recipe": DOCUMENTED, "network": DOCUMENTED, "image_size": size}
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
