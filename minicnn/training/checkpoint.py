"""Resuming: all that a training's next step depends on, in one file, so that it can go on as if it had never stopped.

The file is a model file, which `models.load_model` opens too. Beside the model it holds, as "training":

    of         what is trained, how and on which data, to recognise the training by
    state      of all random generators, of the callbacks, of the means of the running epoch
    position   the next batch

It replaces the one before in one step (saving/model_file.py), so that there is always a whole one, whenever the process
is killed. What follows is bitwise the same because every number here is restored exactly, and because the order of an
epoch's samples is drawn again from the generator's state at its beginning.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn import persistence
from minicnn.kernels.threads import alone, one_at_a_time
from minicnn.layers.base import Array
from minicnn.saving import model_file
from minicnn.training.callbacks import Callback, CallbackList
from minicnn.training.given import Batches
from minicnn.training.meter import Meter

if TYPE_CHECKING:
    from minicnn.sequential import Sequential

FILE = "checkpoint.safetensors"
ARRAY, KEY = "/training/", "/array"  # how the state's arrays are named in the file, and referred to in its text
SHOWN = 6  # differences in a message


@dataclass
class Position:
    """Where a training stands: before batch number `batch` of an epoch, both counted from 0.

    Attributes:
        order: the state of the shuffling generator from which this epoch's order is drawn.
        logs: those of the last finished epoch.
        before: epochs of this and earlier fits; augmentation is drawn by it, so that a second fit does not repeat it.
    """

    epoch: int
    batch: int
    order: dict[str, Any]
    logs: dict[str, Any]
    before: int


class Checkpoint:
    """The checkpoint file of a training in a folder.

    Args:
        folder: made if there is none.
        model, batches, callbacks, meter: whose state is saved and restored; batches by what they are for.
        training: the data and arguments, as JSON-able values that tell them from others.

    Attributes:
        found: whether the folder holds a checkpoint of this training to go on from.

    Raises: ValueError when it holds one of another training, naming what differs; ModelFileError for a damaged file.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        model: "Sequential",
        batches: dict[str, Batches],
        callbacks: CallbackList,
        meter: Meter,
        training: dict[str, Any],
    ):
        self.path = Path(folder) / FILE
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.parent.glob(f".{FILE}.*"):
            leftover.unlink()  # half written when the process was killed
        self.model, self.batches, self.callbacks, self.meter = model, batches, callbacks, meter
        self.named = dict(_named(callbacks.callbacks))
        stateful = [name for name, callback in self.named.items() if callback.get_state()]
        begun = _parts(persistence.contents(model)[0]) | training | {"callbacks": stateful}
        self.begun: dict[str, Any] = json.loads(json.dumps(begun, default=str))
        self.found = self.path.exists()
        if self.found:
            self.config, self.arrays = model_file.read(self.path)
            self._check()

    def save(self, position: Position) -> Position:
        """Write the present state, and return the position."""
        model = self.model
        with alone:
            config, arrays = persistence.contents(model)
            state = {
                "seed": model.seed,
                "stop_training": model.stop_training,
                "layers": [[layer.trainable, layer.random_state] for layer in model.layers],
                "averages_in_use": model.optimizer.averages_in_use,
                "batches": {purpose: batches.get_state() for purpose, batches in self.batches.items()},
                "meter": self.meter.get_state(),
                "callbacks": {name: callback.get_state() for name, callback in self.named.items()},
            }
        config["training"] = {"of": self.begun, "state": _pack(state, arrays), "position": asdict(position)}
        model_file.write(self.path, config, arrays)
        return position

    @one_at_a_time
    def restore(self) -> Position:
        """Bring back the state of the file that was found. Called after on_train_begin, whose effects it overrides."""
        model, optimizer, config = self.model, self.model.optimizer, self.config
        position = Position(**config["training"]["position"])
        if position.batch:
            self.callbacks.on_epoch_begin(position.epoch)
        persistence.put_weights(model, self.arrays, self.path)
        persistence.put_memory(optimizer, config["compile"], self.arrays)
        for name, value in config["compile"]["optimizer"]["config"].items():
            if not isinstance(value, dict):  # a schedule, which does not change
                setattr(optimizer, name, value)
        state = _unpack(config["training"]["state"], self.arrays)
        optimizer.averages_in_use = state["averages_in_use"]
        model.seed, model.stop_training, model.epochs_done = state["seed"], state["stop_training"], position.before
        model.shuffle_rng.bit_generator.state = position.order
        for layer, (trainable, random_state) in zip(model.layers, state["layers"], strict=True):
            layer.trainable, layer.random_state = trainable, random_state
        for purpose, batches in self.batches.items():
            batches.set_state(state["batches"][purpose])
        self.meter.set_state(state["meter"])
        for name, callback in self.named.items():
            if name in state["callbacks"]:
                callback.set_state(state["callbacks"][name])
        del self.config, self.arrays
        return position

    def _check(self) -> None:
        """Raise ValueError unless the checkpoint that was found is of this training.

        What callbacks change, such as the learning rate, may also be as they left it.
        """
        if "training" not in self.config:
            raise ValueError(f"fit(resume=...) expected a checkpoint, received the plain model file {str(self.path)!r}")
        here, there = _leaves(self.begun), _leaves(self.config["training"]["of"])
        left = there | _leaves(_parts(self.config))
        different = [
            f"  {name}: {there.get(name, 'missing')} in the checkpoint, {here.get(name, 'missing')} here"
            for name in there | here
            if here.get(name, KEY) not in (there.get(name, KEY), left.get(name, KEY))
        ]
        if different:
            more = [f"  and {len(different) - SHOWN} more"] if len(different) > SHOWN else []
            raise ValueError(
                f"fit cannot resume: {str(self.path)!r} is of another training. Choose another folder, or delete the "
                "file to start anew. What differs:\n" + "\n".join(different[:SHOWN] + more)
            )


def _parts(config: dict[str, Any]) -> dict[str, Any]:
    """What a model file says of model and training, under the names that appear in messages."""
    model, compiled = config["model"], config["compile"]
    parts = {name: model[name] for name in ("dtype", "input_shape")}
    parts["layers"] = {layer["config"].get("name", str(i)): layer for i, layer in enumerate(model["layers"])}
    parts["metrics"] = {metric["config"].get("name", str(i)): metric for i, metric in enumerate(compiled["metrics"])}
    return parts | {name: compiled[name] for name in ("optimizer", "loss")}


def _named(callbacks: list[Callback]) -> list[tuple[str, Callback]]:
    """Callbacks by the names of their classes; the second of a class as "EarlyStopping 2"."""
    seen: dict[str, int] = {}
    named = []
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        named.append((name if seen[name] == 1 else f"{name} {seen[name]}", callback))
    return named


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """{"optimizer.config.beta_1": 0.9, ...} of nested dicts."""
    if not isinstance(value, dict):
        return {path: value}
    return {
        name: leaf
        for key, part in value.items()
        for name, leaf in _leaves(part, f"{path}.{key}" if path else key).items()
    }


def _pack(value: Any, arrays: dict[str, Array]) -> Any:
    """The value with every array in it replaced by a reference to `arrays`, where it is put."""
    if isinstance(value, np.ndarray):
        name = f"{ARRAY}{len(arrays)}"
        arrays[name] = value
        return {KEY: name}
    if isinstance(value, dict):
        return {name: _pack(part, arrays) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(part, arrays) for part in value]
    return value


def _unpack(value: Any, arrays: dict[str, Array]) -> Any:
    """What _pack has packed; tuples are lists now."""
    if isinstance(value, list):
        return [_unpack(part, arrays) for part in value]
    if isinstance(value, dict):
        return arrays[value[KEY]] if KEY in value else {name: _unpack(part, arrays) for name, part in value.items()}
    return value
