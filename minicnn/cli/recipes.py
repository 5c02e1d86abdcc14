"""The ways in which `minicnn train` trains: with which optimizer, for how long, and on which of the
pictures.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from minicnn import callbacks, layers, losses, optimizers, schedules, utils
from minicnn.cli import few
from minicnn.cli.choices import DOCUMENTED, FINETUNE, Recipe
from minicnn.cli.pictures import Pictures, picture_size
from minicnn.layers import BatchNormalization, Layer
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.models.model import Model
from minicnn.models.sequential import Sequential
from minicnn.network.clone import continued
from minicnn.training.usual_loss import loss_for

HEAD_EPOCHS = 5  # in which finetune trains the head alone
LATER = 0.1  # of the learning rate, with which it trains all layers then
Options = Mapping[str, Any]


def chosen(recipe: Recipe, pictures: Pictures) -> Pictures:
    """The pictures, those to validate on among those to train on where nothing is held out."""
    if recipe.holds_out:
        return pictures
    parts = zip(pictures.train, pictures.validation, strict=True)
    x, y = (np.concatenate(part) for part in parts)
    return replace(pictures, train=(x, y), validation=(x[:0], y[:0]))


def arguments(recipe: Recipe, pictures: Pictures) -> dict[str, Any]:
    """What fit is given of the pictures."""
    x, y = pictures.train
    if recipe.holds_out:
        return {"x": x, "y": y, "validation_data": pictures.validation}
    # which label smoothing wants
    return {
        "x": x,
        "y": utils.to_categorical(y, len(pictures.class_names)),
    }


def documented(model: Model, options: Options, pictures: int) -> list[callbacks.Callback]:
    """Adam, with a tenth of the learning rate when the validation loss has not fallen for five
    epochs, until ten.
    """
    patience = few.patience(pictures, options["batch_size"])
    adam = optimizers.Adam(options["learning_rate"])
    model.compile(adam, loss_for(model), metrics=["accuracy"])
    return [
        # before what writes down the learning rate
        callbacks.ReduceLROnPlateau(factor=0.1, patience=patience // 2),
        callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
    ]


def best(model: Model, options: Options, pictures: int) -> list[callbacks.Callback]:
    """As examples/train_best.py: AdamW, the learning rate up and down once, labels that are not
    quite certain.
    """
    steps = options["epochs"] * -(-pictures // options["batch_size"])
    model.compile(
        optimizers.AdamW(
            schedules.OneCycle(options["learning_rate"], steps, peak_at=0.25), weight_decay=1e-2
        ),
        losses.CategoricalCrossentropy(label_smoothing=0.05),
        metrics=["accuracy"],
    )
    return []


def finetune(
    model: Model,
    options: Options,
    pictures: int,  # noqa: ARG001
) -> list[callbacks.Callback]:
    """As docs/transfer_learning.md: what reads the picture stays as it is at first, and then learns
    a little too.
    """
    adam = optimizers.Adam(options["learning_rate"])
    model.compile(adam, loss_for(model), metrics=["accuracy"])
    return [
        FineTuning(),
        callbacks.EarlyStopping(
            patience=10, restore_best_weights=True, start_from_epoch=HEAD_EPOCHS
        ),
    ]


# (model, options, training pictures) compiles the model; returns the callbacks that belong to it.
PREPARE: dict[str, Callable[[Model, Options, int], list[callbacks.Callback]]] = {
    DOCUMENTED: documented,
    "best": best,
    FINETUNE: finetune,
}


def augmentation(size: tuple[int, int]) -> list[Layer]:
    """What changes pictures at random in training: mirrored or not, moved by up to an eighth of
    their size.
    """
    return [layers.RandomFlip("horizontal"), layers.RandomCrop(*size, padding=min(size) // 8)]


def fitted(model: Model, options: Options, pictures: Pictures) -> Model:
    """A model that begins with what another one has learnt, for the classes of the pictures.

    Where they are others than the model's, its last layer is a new one. With "augment", pictures
    change at random, unless the model does that already.
    """
    if model.class_names != pictures.class_names:
        model = model.replace_head(pictures.class_names)
    size, channels = picture_size(model), model.input_shape[-1]
    changes = options["augment"] and not any(
        isinstance(layer, RandomLayer) for layer in model.leaves.values()
    )
    first = layers.Input((*size, channels))
    added = augmentation(size) if changes else []
    about = {"name": model.name, "class_names": pictures.class_names, "seed": options["seed"]}
    if isinstance(model, Sequential):
        return Sequential([first, *added, *model.layers], **about)
    x = first
    for layer in added:
        x = layer(x)
    return Model(first, *continued(model, [x]), **about)


class FineTuning(callbacks.Callback):
    """Trains the head alone for some epochs, then all layers with a tenth of the learning rate.

    The head are the layers that no longer see a picture but a row of numbers. Batch normalisation
    stays as it is.
    """

    def on_epoch_begin(
        self,
        epoch: int,
        logs: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        for layer in self.model.leaves.values():
            sees_a_picture = layer.input_shape is not None and len(layer.input_shape) > 1
            layer.trainable = not (
                sees_a_picture and (epoch < HEAD_EPOCHS or isinstance(layer, BatchNormalization))
            )
        if epoch == HEAD_EPOCHS:
            self.model.optimizer.learning_rate = LATER * float(self.model.optimizer.learning_rate)
