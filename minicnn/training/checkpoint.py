"""Resuming: all that a training's next step depends on, in one file, so that it can go on as if it
had never stopped.

The file is a model file, which `models.load_model` opens too. Beside the model it holds, as
"training":

    of         what is trained, how and on which data, to recognise the training by
    state      of all random generators, of the callbacks, of the means of the running epoch
    position   the next batch

It replaces the one before in one step (saving/model_file.py), so that there is always a whole one,
whenever the process is killed. What follows is bitwise the same because every number here is
restored exactly, and because the order of an epoch's samples is drawn again from the generator's
state at its beginning.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minicnn.machine.threads import alone, one_at_a_time
from minicnn.network import Network
from minicnn.saving import description, lock, made_again, model_file, restoring, weights
from minicnn.saving.fields import check
from minicnn.training.callbacks import CallbackList
from minicnn.training.given import Batches
from minicnn.training.meter import Meter
from minicnn.training.parts import named, parts_of
from minicnn.training.state import KEY, check_kind, is_own, leaves, pack, unpack
from minicnn.types import Array

FILE = "checkpoint.safetensors"
LOCK = "checkpoint.lock"  # there while a training runs, with the number of its process
SHOWN = 6  # differences in a message


@dataclass
class Position:
    """Where a training stands: before batch number `batch` of an epoch, both counted from 0.

    Attributes:
        order: the state of the shuffling generator from which this epoch's order is drawn.
        logs: those of the last finished epoch.
        before: epochs of this and earlier fits; augmentation is drawn by it, so that a second fit
            does not repeat it.
    """

    epoch: int
    batch: int
    order: dict[str, Any]
    logs: dict[str, Any]
    before: int


class Checkpoint:
    """The checkpoint file of a training in a folder.

    Args:
        folder: one that is held; None for one that is kept nowhere, as that of ranks other than 0.
        model, batches, callbacks, meter: whose state is saved and restored; batches by what they
            are for.
        training: the data and arguments, as JSON-able values that tell them from others.

    Attributes:
        found: whether the folder holds a checkpoint of this training to go on from.

    Raises ValueError when it holds one of another training, naming what differs; ModelFileError for
    a damaged file.
    """

    def __init__(
        self,
        folder: str | os.PathLike | None,
        model: Network,
        batches: dict[str, Batches],
        callbacks: CallbackList,
        meter: Meter,
        training: dict[str, Any],
    ):
        self.path = None if folder is None else Path(folder) / FILE
        for leftover in self.path.parent.glob(f".{FILE}.*") if self.path else ():
            leftover.unlink(missing_ok=True)  # half written when the process was killed
        self.model, self.batches, self.callbacks, self.meter = model, batches, callbacks, meter
        if self.path:
            made_again.check(model)  # now, and not after the first epoch
        self.named = dict(named(callbacks.callbacks))
        stateful = [name for name, callback in self.named.items() if callback.get_state()]
        begun = parts_of(weights.contents(model)[0]) | training | {"callbacks": stateful}
        self.begun: dict[str, Any] = json.loads(json.dumps(begun, default=str))
        self.found = False
        self.config: dict[str, Any] = {}
        self.arrays: dict[str, Array] = {}
        if self.path and self.path.exists():
            self.found = True
            self._open(self.path)

    def save(self, position: Position) -> Position:
        """Write the present state, and return the position."""
        if self.path:
            model_file.write(self.path, *self.contents(position))
        return position

    def contents(self, position: Position) -> tuple[dict[str, Any], dict[str, Array]]:
        """The present state, as config and arrays of the file."""
        with alone:  # all of one moment
            config, arrays = weights.contents(self.model)
            state = pack(self._state(), arrays)
        training = {"of": self.begun, "state": state, "position": asdict(position)}
        return config | {"training": training}, arrays

    def restore(self) -> Position:
        """Bring back the state of the file that was found. Called after on_train_begin, whose
        effects it overrides.

        Raises ModelFileError for a damaged one.
        """
        with description.refusing(str(self.path)):
            return self._restore()

    def restore_from(self, config: dict[str, Any], arrays: dict[str, Array]) -> Position:
        """Bring back the state of another rank's."""
        self.config, self.arrays = config, arrays
        return self.restore()

    def _state(self) -> dict[str, Any]:
        """What a training's next step depends on, beside weights, the optimizer's memory and the
        position.
        """
        model = self.model
        return {
            "seed": model.seed,
            "stop_training": model.stop_training,
            "layers": [[layer.trainable, layer.random_state] for layer in model.leaves.values()],
            "averages_in_use": model.optimizer.averages_in_use,
            "batches": {purpose: batches.get_state() for purpose, batches in self.batches.items()},
            "meter": self.meter.get_state(),
            "callbacks": {name: callback.get_state() for name, callback in self.named.items()},
        }

    def _open(self, path: Path) -> None:
        """Read the file that was found, once it is known to be of this training and to fit its
        model.
        """
        model = self.model
        with model_file.opened(path) as file:
            if "training" not in file.config:
                raise ValueError(
                    "fit(resume=...) expected a checkpoint, received the plain model file "
                    f"{file.path!r}"
                )
            with description.refusing(file.path):
                check(file.config, "config")
                restoring.check_model(file.config.get("model"))
                for what in ("compile", "training"):
                    check(file.config.get(what), what)
                there, left = leaves(file.config["training"]["of"]), leaves(parts_of(file.config))
            self._recognise(there, there | left)
            with description.refusing(file.path):
                description.check_arrays(model, model.optimizer, file.arrays, more=True)
                self.config, self.arrays = file.config, file.read()

    def _recognise(self, there: dict[str, Any], left: dict[str, Any]) -> None:
        """Raise ValueError unless the checkpoint that was found is of this training.

        What callbacks change, such as the learning rate, may also be as they left it.
        """
        here = leaves(self.begun)
        different = [
            f"  {name}: {there.get(name, 'missing')!s:.80} in the checkpoint, "
            f"{here.get(name, 'missing')!s:.80} here"
            for name in there | here
            if here.get(name, KEY) not in (there.get(name, KEY), left.get(name, KEY))
        ]
        if different:
            more = [f"  and {len(different) - SHOWN} more"] if len(different) > SHOWN else []
            raise ValueError(
                f"fit cannot resume: {str(self.path)!r} is of another training. Choose another "
                "folder, or delete the file to start anew. What "
                "differs:\n" + "\n".join(different[:SHOWN] + more)
            )

    @one_at_a_time
    def _restore(self) -> Position:
        model, optimizer, compiled = self.model, self.model.optimizer, self.config["compile"]
        position = self._position(self.config["training"]["position"])
        state = unpack(self.config["training"]["state"], self.arrays)
        if "batches" not in state["batches"]:  # version 1 knew no others
            state["batches"] = {"batches": state["batches"]}
        present = self._state()
        own = {
            name: kept for name, kept in present["callbacks"].items() if is_own(self.named[name])
        }
        known = {
            what: kept for what, kept in present["batches"].items() if is_own(self.batches[what])
        }
        check_kind(state, present | {"callbacks": own, "batches": known})
        left = self._as_left(compiled["optimizer"])
        if position.batch:
            self.callbacks.on_epoch_begin(position.epoch)
        weights.put_weights(model, self.arrays, str(self.path))
        description.remember(optimizer, compiled, self.arrays)
        optimizer.adopt(left)
        optimizer.averages_in_use = state["averages_in_use"]
        model.seed, model.stop_training, model.epochs_done = (
            state["seed"],
            state["stop_training"],
            position.before,
        )
        model.shuffle_rng.bit_generator.state = position.order
        for layer, (trainable, random_state) in zip(
            model.leaves.values(), state["layers"], strict=True
        ):
            check_kind(random_state, layer.random_state, f"{layer.name}'s random_state")
            layer.trainable, layer.random_state = trainable, random_state
        for purpose, batches in self.batches.items():
            batches.set_state(state["batches"].get(purpose, {}))
        self.meter.set_state(state["meter"])
        for name, callback in self.named.items():
            if name in state["callbacks"]:
                callback.set_state(state["callbacks"][name])
        self.config, self.arrays = {}, {}
        return position

    def _position(self, stored: dict[str, Any]) -> Position:
        """The position that a file names.

        Raises ModelFileError, or TypeError, for one that there is not.
        """
        check_kind(
            stored,
            asdict(Position(0, 0, dict(self.model.shuffle_rng.bit_generator.state), {}, 0)),
            "position",
        )
        for name in ("epoch", "batch", "before"):
            description.steps(stored[name], name, "position")
        steps = self.batches["batches"].steps
        if stored["batch"] > steps:
            raise ValueError(f"expected a batch of {steps}, received number {stored['batch']}")
        return Position(**stored)

    def _as_left(self, stored: dict[str, Any]) -> Any:
        """An optimizer with the arguments that it was left with, without a memory."""
        optimizer = self.model.optimizer
        own = {type(thing).__name__: type(thing) for thing in (optimizer, optimizer.schedule)}
        return description.optimizer_of(stored, {**description.OPTIMIZERS, **own})


@contextmanager
def held(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other trainings out of a folder, which is made if there is none.

    Raises ValueError, with the number of the process, when one is in it.
    """
    path = Path(folder) / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = lock.hold(str(path))
    except BlockingIOError as error:
        holder = path.read_text(encoding="utf-8") if path.exists() else ""
        raise ValueError(
            "fit(resume=...) expected a folder that no other training uses, received "
            f"{str(folder)!r}, where process "
            f"{holder.strip() or 'unknown'} trains: wait until it ends, or choose another folder"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        lock.let_go(descriptor, str(path))
