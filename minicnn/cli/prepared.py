"""What `minicnn train` trains, on which pictures, and how: the same on every rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minicnn import callbacks, models, ranks
from minicnn.cli import recipes
from minicnn.cli.arguments import size_of
from minicnn.cli.choices import RECIPES, Recipe
from minicnn.cli.networks import network
from minicnn.cli.own_classes import own_classes
from minicnn.cli.pictures import Pictures, load, picture_size
from minicnn.cli.recipes import augmentation, fitted
from minicnn.models.model import Model


@dataclass(frozen=True)
class Prepared:
    """A compiled model, its pictures, the options that were chosen for them, and the callbacks of
    the recipe.
    """

    recipe: Recipe
    model: Model
    pictures: Pictures
    chosen: Mapping[str, Any]
    called: list[callbacks.Callback]


def prepare(asked: Mapping[str, Any]) -> Prepared:
    """Load the pictures that were asked for, and make and compile the model."""
    recipe, own = RECIPES[asked["recipe"]], own_classes(asked["imports"])
    model = models.load_model(asked["model"], own, compile=False) if asked["model"] else None
    size = picture_size(model) if model else size_of(asked["image_size"])
    pictures = recipes.chosen(recipe, load(asked["data"], asked["limit"], size))
    chosen = recipe.suited(asked, len(pictures.train[0]))
    model = fitted(model, chosen, pictures) if model else untrained(chosen, pictures, size)
    called = recipes.PREPARE[asked["recipe"]](model, chosen, len(pictures.train[0]))
    return Prepared(recipe, model, pictures, chosen, called)


def fit(
    made: Prepared, called: Sequence[callbacks.Callback], checkpoint: Path
) -> callbacks.History:
    """Train."""
    ranks.current().go_on = (
        f"Go on: minicnn train --resume {checkpoint.parent}, after mpirun -n N for any number of "
        "ranks, from the last checkpoint"
    )
    return made.model.fit(
        **recipes.arguments(made.recipe, made.pictures),
        batch_size=made.chosen["batch_size"],
        epochs=made.chosen["epochs"],
        class_weight=made.chosen["class_weight"],
        callbacks=called,
        resume=checkpoint,
        shards=made.chosen["shards"],
        batch_norm=made.chosen["batch_norm"],
    )


def untrained(chosen: Mapping[str, Any], pictures: Pictures, size: tuple[int, int]) -> Model:
    """A new network."""
    return network(
        pictures.class_names,
        augmentation(size) if chosen["augment"] else (),
        chosen["seed"],
        name=chosen["network"],
        size=size,
        dropout=RECIPES[chosen["recipe"]].dropout,
    )
