"""Shards that normalise over their whole batch: those of a rank run side by side.

Each has layers of its own, twins of the model's that share its weights, and runs them in the
engine. All take a step of the network, then all take the next; at a batch normalisation they meet
(synchronized.py). So a rank holds what backward needs of all its shards at once, as much as for a
batch of all their samples, and every normalisation takes three exchanges more, of a few numbers.

    for each step of the network, forward:  each shard runs it;  at a normalisation they meet
    each shard's loss
    the same backward;  then gradients, losses and metrics are added up as those of other shards

A shard without samples, in a batch smaller than the shards, runs the batch's first one in step with
the others, and adds nothing to any sum.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, closing
from typing import Any

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.network import Network
from minicnn.network.executor import Execution
from minicnn.network.gradients import Gradients
from minicnn.network.several import Several
from minicnn.ranks.group import Group
from minicnn.ranks.sums import OfShard
from minicnn.training import step
from minicnn.training.batches import Batch
from minicnn.training.given import Batches
from minicnn.training.shards import Shards
from minicnn.training.state import is_own
from minicnn.training.synchronized import Synchronized, meet_backward, meet_forward, synchronized
from minicnn.types import Array

Meet = Callable[[list[Synchronized], Callable[[list[Array]], Array]], None]


class Replica:
    """A network for one of the shards that run side by side.

    Args:
        is_first: of this rank's. Its layers are the model's own, but for those that meet.

    Attributes:
        layers: by path, as model.leaves.
        execution: what runs them.
    """

    def __init__(self, model: Network, is_first: bool):
        self.model = model
        self.layers: dict[str, Layer] = {}
        for path, layer in model.leaves.items():
            if isinstance(layer, BatchNormalization):
                self.layers[path] = synchronized(layer)
            else:
                self.layers[path] = layer if is_first else layer.twin(layer.input_shape)
        runs = {
            id(layer): twin
            for layer, twin in zip(model.leaves.values(), self.layers.values(), strict=True)
        }
        program = model.program()
        calls = [call._replace(layer=runs[id(call.layer)]) for call in program.calls]
        self.execution = Execution(program._replace(calls=calls), model.engine)

    def follow(self) -> None:
        """Be as the model's layers have become: frozen, with another rate."""
        for path, layer in self.model.leaves.items():
            if self.layers[path] is not layer:
                self.layers[path].follow(layer)


class SideBySide(Shards):
    """The steps of a training whose batches are cut into shards, and normalised as a whole."""

    def __init__(self, model: Network, *arguments: Any):
        check_layers(model)
        super().__init__(model, *arguments)
        self._planned: Execution | None = None  # of the model, when the replicas were made
        self.replicas: list[Replica] = []

    def _before(self) -> dict[str, Array]:
        """Nothing: where averages move, all shards agree."""
        return {}

    def _each(
        self,
        index: int,
        epoch: int,
        prepared: Callable[[Batch, int], Batch],
        before: dict[str, Array],
    ) -> OfShard:
        """What gives the shards of this rank, all of which have been computed."""
        size, own = self.batches.size(index), range(self.sums.first, self.sums.last)
        ends = [self._samples(index, shard) for shard in own]
        samples = [high - low for low, high in ends]
        batches = [
            own_pictures(prepared(self.batches.part(index, *((low, high) if n else (0, 1))), epoch))
            for (low, high), n in zip(ends, samples, strict=True)
        ]
        replicas = self._replicas(batches[0].x)
        step.check_logits(self.model)
        with step.quiet():
            with ExitStack() as drawing:
                for shard, replica, batch in zip(own, replicas, batches, strict=True):
                    drawing.enter_context(self._noise(replica.layers, epoch, index, shard))
                    for layer in replica.layers.values():
                        layer.next_samples(epoch, batch.numbers)
                logits = self._forward(replicas, batches, samples)
            judged = [
                self._judged(replica.execution, batch, own_logits)
                for replica, batch, own_logits in zip(replicas, batches, logits, strict=True)
            ]
            slopes = [
                dy * dy.dtype.type(n / size) for (dy, _), n in zip(judged, samples, strict=True)
            ]
            self._backward(replicas, slopes, samples)
        found = {}
        for shard, replica, (_, counted), n in zip(own, replicas, judged, samples, strict=True):
            vector, numbers = self._room(before)
            if n:
                numbers[:] = counted
                self._take(vector, replica.layers, before, n)
            found[shard] = [vector, numbers]
        return found.__getitem__

    def _replicas(self, x: Array) -> list[Replica]:
        """One for each shard of this rank; made anew when the model must be planned anew."""
        planned = self.model.execution_for(x)
        if planned is not self._planned:
            shards = range(self.sums.first, self.sums.last)
            self.replicas = [Replica(self.model, shard == shards[0]) for shard in shards]
            self._planned = planned
        for replica in self.replicas:
            replica.follow()
        return self.replicas

    def _forward(
        self, replicas: list[Replica], batches: list[Batch], samples: list[int]
    ) -> list[Array]:
        """The logits of each shard."""
        executions = [replica.execution for replica in replicas]
        values = [
            execution.begin(self.model.arrays(batch.x), training=True)
            for execution, batch in zip(executions, batches, strict=True)
        ]
        passes = [
            execution.forwards(own, training=True)
            for execution, own in zip(executions, values, strict=True)
        ]
        self._in_step(passes, meet_forward, samples)
        return [execution.made(own) for execution, own in zip(executions, values, strict=True)]

    def _backward(self, replicas: list[Replica], slopes: list[Array], samples: list[int]) -> None:
        """Leave each shard's gradients in its layers, for those of its logits."""
        passes = [
            replica.execution.backwards(Gradients(), dy)
            for replica, dy in zip(replicas, slopes, strict=True)
        ]
        self._in_step(passes, meet_backward, samples)

    def _in_step(
        self, passes: Iterable[Generator[Any, None, None]], meet: Meet, samples: list[int]
    ) -> None:
        """Let all passes take one step after the other, and let those meet that wait."""

        def add(parts: list[Array]) -> Array:
            own = range(self.sums.first, self.sums.last)
            counted = {
                shard: part if n else np.zeros_like(part)
                for shard, part, n in zip(own, parts, samples, strict=True)
            }
            return self.sums.numbers(counted.__getitem__)

        with ExitStack() as running:
            for one in passes:
                running.enter_context(closing(one))
            for steps in zip(*passes, strict=True):
                waiting = [one for one in steps if isinstance(one, Synchronized) and one.waits]
                if waiting:
                    meet(waiting, add)


def cut(
    model: Network, batches: Batches, count: int, seed: int | None, group: Group, batch_norm: str
) -> Shards:
    """The steps of a training whose batches are cut into shards, for fit's batch_norm."""
    norms = any(isinstance(layer, BatchNormalization) for layer in model.leaves.values())
    kind = SideBySide if batch_norm == "sync" and norms else Shards
    return kind(model, batches, count, seed, group)


def own_pictures(batch: Batch) -> Batch:
    """The batch with pictures that last when the next one's are taken."""
    return batch if isinstance(batch.x, Several) else batch._replace(x=batch.x.copy())


def check_layers(model: Network) -> None:
    """Raise ValueError for layers of which there cannot be one for each shard."""
    for layer in model.leaves.values():
        if isinstance(layer, BatchNormalization) and type(layer) is not BatchNormalization:
            problem = (
                f"BatchNormalization as minicnn has it, received {layer}, of a class of its own"
            )
        elif not is_own(layer) and (layer.state or holds_layers(layer)):
            problem = f"no layer of one's own with state, or with layers inside, received {layer}"
        else:
            continue
        raise ValueError(
            f"fit(batch_norm='sync') runs several shards side by side, and expected {problem}: "
            "batch_norm='shard'"
        )


def holds_layers(layer: Layer) -> bool:
    """Whether it has layers inside that minicnn does not know of."""
    return any(
        isinstance(value, Layer)
        for name, value in vars(layer).items()
        if name != "activation_layer"
    )
