"""One training of a search, in a run folder of its own: from hyperparameters to a value.

All that it depends on are the hyperparameters, the seed, the pictures and the number of epochs, so
that it can be repeated bit for bit, wherever and however often it was interrupted the first time.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import callbacks, layers, losses, runs, schedules, transforms, utils
from minicnn.data.pictures import Pictures
from minicnn.layers import Layer
from minicnn.models.model import Model
from minicnn.saving import weights
from minicnn.training.usual_loss import loss_for
from minicnn.tune import networks
from minicnn.tune.keys import METRICS, OPTIMIZERS
from minicnn.tune.ranges import Value
from minicnn.tune.space import Space

# a network known by name: (name, class names, augmentation, seed, (H, W), arguments) -> Model
Build = Callable[[str, list[str], Sequence[Layer], int, tuple[int, int], Mapping[str, Any]], Model]
SOFT = ("label_smoothing", "mixup", "cutmix")  # for which labels are shares of classes


@dataclass(frozen=True)
class Trained:
    """What a training has come to.

    Attributes:
        value: of its best epoch; None where no epoch has a finite one.
        epochs: how many it had.
        bits: a fingerprint of its last weights, the optimizer's memory and all its logs.
        seconds: of its epochs.
        why: it ended early: "pruned", "diverged", "interrupted"; "" for one that is whole.
    """

    value: float | None
    epochs: int
    bits: str
    seconds: float
    why: str


class Trainer:
    """Trains what a space describes.

    Args:
        space: what is trained, and how.
        pictures: on what.
        data: what these are, as `--data` of other commands names it.
        build: makes the networks that are known by name.
        command: how the search was begun, for the trials' config.json.
    """

    def __init__(
        self, space: Space, pictures: Pictures, data: str, build: Build, command: str
    ) -> None:
        self.space, self.pictures, self.build = space, pictures, build
        self.data, self.command = data, command
        self.metric = str(space.told["study"]["metric"])

    def train(
        self,
        chosen: Mapping[str, Value],
        seed: int,
        folder: Path,
        *,
        trial: Any = None,
        until: int | None = None,
    ) -> Trained:
        """Train in a folder, or go on there.

        Args:
            chosen: the trial's hyperparameters, by name.
            trial: Optuna's, which is told of every epoch and may end the training.
            until: end after so many epochs, as one did that is repeated.
        """
        values = self.space.values(chosen)
        model = self._compiled(values, seed)
        kept = self._run(folder, model, values, seed)
        told, how = values["training"], values["augmentation"]
        ends: list[callbacks.Callback] = [callbacks.TerminateOnNaN()]
        if "patience" in told:
            ends.append(callbacks.EarlyStopping(self.metric, patience=int(told["patience"])))
        if trial is not None:
            ends.append(callbacks.Report(trial, self.metric))
        if until is not None:
            ends.append(Until(until))
        saved = callbacks.ModelCheckpoint(kept.model_file, self.metric, save_best_only=True)
        (x, y), (x_held_out, y_held_out) = self.pictures.train, self.pictures.validation
        mixing: dict[str, Any] = {"mixup": transforms.MixUp, "cutmix": transforms.CutMix}
        mixers = [make(float(how[key])) for key, make in mixing.items() if how.get(key)]
        interrupted = pruned = False
        try:
            interrupted = model.fit(
                x,
                self._labels(y),
                batch_size=int(told["batch_size"]),
                epochs=int(told["epochs"]),
                validation_data=(x_held_out, self._labels(y_held_out)),
                callbacks=[saved, runs.HistoryFile(kept.history_file), *ends],
                batch_transform=mixers[0] if mixers else None,
                seed=seed,
                verbose=0,
                resume=kept.checkpoint,
            ).interrupted
        except Exception as error:
            if type(error).__name__ != "TrialPruned":  # Optuna's, without importing it
                raise
            pruned = True
        return self._result(model, kept, interrupted, pruned)

    def _result(self, model: Model, kept: runs.Run, interrupted: bool, pruned: bool) -> Trained:
        logs = model.history.history
        finite = [value for value in logs.get(self.metric, []) if math.isfinite(value)]
        best = max if METRICS[self.metric] == "maximize" else min
        diverged = not all(map(math.isfinite, logs.get("loss", [])))
        why = {"interrupted": interrupted, "diverged": diverged, "pruned": pruned}
        return Trained(
            value=best(finite) if finite else None,
            epochs=len(logs.get("loss", [])),
            bits=bits(model, logs),
            seconds=sum(kept.history.get("seconds", [])),
            why=next((word for word, is_so in why.items() if is_so), ""),
        )

    @property
    def _soft(self) -> bool:
        """Whether labels are shares of classes, in all trials alike."""
        return any(key in SOFT for _, key in (*self.space.fixed, *self.space.searched))

    def _labels(self, y: Any) -> Any:
        return utils.to_categorical(y, len(self.pictures.class_names)) if self._soft else y

    def _compiled(self, values: Mapping[str, Mapping[str, Value]], seed: int) -> Model:
        """The model of these hyperparameters."""
        told = values["training"]
        model = self._built(values, seed)
        steps = -(-len(self.pictures.train[0]) // int(told["batch_size"])) * int(told["epochs"])
        peak = float(told["learning_rate"])
        rate = {
            "constant": lambda: peak,
            "cosine": lambda: schedules.CosineDecay(peak, steps),
            "one_cycle": lambda: schedules.OneCycle(peak, steps),
        }[str(told["schedule"])]()
        own = {key: told[key] for key in ("weight_decay", "momentum") if key in told}
        make: Any = OPTIMIZERS[str(told["optimizer"])]
        loss = loss_for(model)
        if self._soft:
            loss = losses.CategoricalCrossentropy(
                from_logits=model.ends_in is None,
                label_smoothing=float(told.get("label_smoothing", 0)),
            )
        model.compile(make(rate, **own), loss, metrics=["accuracy"])
        return model

    def _built(self, values: Mapping[str, Mapping[str, Value]], seed: int) -> Model:
        height, width = size = self.pictures.train[0].shape[1:3]
        names, first = self.pictures.class_names, augmentation(values["augmentation"], size)
        told = dict(values["model"])
        network = str(told.pop("network"))
        if not networks.is_own(network):
            return self.build(network, names, first, seed, size, told)
        utils.set_random_seed(seed)  # for layers and models of one's own, without a seed
        make = networks.own(network, self.space.folder)
        model = make(input_shape=(height, width, 3), classes=len(names), **told)
        if not isinstance(model, Model):
            raise ValueError(f"{network} expected to return a Model, received {model!r:.80}")
        return networks.augmented(model, first, names, seed)

    def _run(self, folder: Path, model: Model, values: Mapping[str, Any], seed: int) -> runs.Run:
        """The trial's run folder, new or begun."""
        kept = runs.Run(folder)
        if kept.config_file.exists():
            return kept
        pictures = self.pictures
        flat = {key: value for section in values.values() for key, value in section.items()}
        config = runs.config(
            model,
            command=self.command,
            options={**flat, "data": self.data, "seed": seed},
            name=pictures.name,
            synthetic=self.data == "shapes",
            train=pictures.train,
            validation=pictures.validation,
            test=pictures.test,
        )
        return runs.create(folder, config)


class Until(callbacks.Callback):
    """Ends a training after so many epochs."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(
        self,
        epoch: int,
        logs: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> None:
        if epoch + 1 >= self.epochs:
            self.model.stop_training = True


def augmentation(how: Mapping[str, Value], size: tuple[int, int]) -> list[Layer]:
    """The layers that change pictures (H, W) from 0 to 255 at random; those of 0 are left out."""
    cells = round(float(how.get("shift", 0)) * min(size))
    amount = {key: float(value) for key, value in how.items()}
    wanted: list[tuple[Any, Callable[[], Layer]]] = [
        # colours first: what is turned may leave 0 ... 255 by a rounding, which they refuse
        (how.get("brightness"), lambda: layers.RandomBrightness(amount["brightness"])),
        (how.get("contrast"), lambda: layers.RandomContrast(amount["contrast"])),
        (how.get("flip"), lambda: layers.RandomFlip("horizontal")),
        (cells, lambda: layers.RandomCrop(*size, padding=cells)),
        (how.get("rotation"), lambda: layers.RandomRotation(amount["rotation"])),
        (how.get("zoom"), lambda: layers.RandomZoom(amount["zoom"])),
        (how.get("erasing"), lambda: layers.RandomErasing(amount["erasing"])),
    ]
    return [make() for is_wanted, make in wanted if is_wanted]


def bits(model: Model, logs: Mapping[str, Sequence[float]]) -> str:
    """A fingerprint, SHA-256, of a trained model's arrays, with the optimizer's memory, and of what
    was logged.
    """
    digest = hashlib.sha256(json.dumps(logs, sort_keys=True).encode())
    for name, array in sorted(weights.contents(model)[1].items()):
        digest.update(f"{name} {array.shape} {array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
