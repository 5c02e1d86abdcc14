"""A batch of B samples cut into V shards, which any number of ranks can share.

    shard v     samples B v // V ... B (v + 1) // V - 1 of the batch, n_v of them
    forward, loss and backward of each shard by itself, as if it were a batch
    gradient    sum over v of n_v / B times the shard's: that of the mean over the batch
    averages    of batch normalisation: sum over v of n_v / B times where the shard has moved them
    loss, metrics: sums over v; then one update, the same on every rank

All sums go along one tree over the shards (ranks/sums.py), so the bits are those of one rank,
whoever has computed which shard. What is drawn at random depends on the shard, or on the sample,
and never on who draws it. Batch normalisation normalises within a shard, or over all of them
(side_by_side.py).

Source: Or, Zhang & Freedman 2022, "VirtualFlow: Decoupling deep learning models from the underlying
hardware", MLSys, arXiv:2009.09523 (virtual nodes).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.base_noise import Noise
from minicnn.machine.threads import one_at_a_time
from minicnn.network import Network
from minicnn.network.executor import Execution
from minicnn.network.network import NOISE
from minicnn.ranks.group import Group
from minicnn.ranks.sums import OfShard, Sums
from minicnn.training import penalties, step
from minicnn.training.batches import Batch
from minicnn.training.given import Batches
from minicnn.training.meter import Meter
from minicnn.training.state import is_own
from minicnn.training.tally import Tally
from minicnn.types import Array


class Shards:
    """The steps of a training whose batches are cut into shards.

    Args:
        model, batches: what is trained, on what.
        count: V, how many shards a batch has.
        seed: for what is drawn at random; None for the model's.
        group: the ranks that share the shards.

    Raises ValueError when there are more ranks than shards, and for a model with a step of its own.
    """

    def __init__(
        self, model: Network, batches: Batches, count: int, seed: int | None, group: Group
    ):
        check_step(model)
        self.model, self.batches, self.count = model, batches, count
        self.seed = seed
        self.sums = Sums(group, count)
        self.sums.patient = True  # in the first step kernels may have to be compiled
        self.tally = Tally(model, batches.y)
        self.noisy = [
            (number, path)
            for number, (path, layer) in enumerate(model.leaves.items())
            if draws_in_sequence(layer)
        ]

    @one_at_a_time
    def train(
        self, index: int, epoch: int, prepared: Callable[[Batch, int], Batch], meter: Meter
    ) -> int:
        """Train on the batch of that number, and count it; returns how many samples it has.

        Args:
            epoch: by which noise and augmentation are drawn.
            prepared: what makes of a part of a batch, by the epoch, what is trained on.
        """
        model, size = self.model, self.batches.size(index)
        before = self._before()
        vector, numbers = self.sums(self._each(index, epoch, prepared, before))
        self.sums.patient = False
        self._give(vector, before, size)
        loss = float(numbers[0] / size) + penalties.total(model.leaves.values())
        if isfinite(loss):
            with step.quiet():
                penalties.add_gradients(model.leaves.values())
                model.optimizer.step(model.parameters())
                penalties.constrain(model.leaves.values())
        model.note_weights()
        meter.count(loss, size)
        self.tally.add(meter.metrics, numbers[1:])
        return size

    def _before(self) -> dict[str, Array]:
        """Of what the shards may move, each for itself, where it is before."""
        return {name: state.copy() for name, state in states(self.model.leaves)}

    def _each(
        self,
        index: int,
        epoch: int,
        prepared: Callable[[Batch, int], Batch],
        before: dict[str, Array],
    ) -> OfShard:
        """What computes a shard when it is asked for."""
        layers, size = self.model.leaves, self.batches.size(index)

        def of_shard(shard: int) -> list[Array]:
            low, high = self._samples(index, shard)
            vector, numbers = self._room(before)
            if high > low:
                batch = prepared(self.batches.part(index, low, high), epoch)
                with self._noise(layers, epoch, index, shard):
                    numbers[:] = self._computed(batch, epoch, (high - low) / size)
                self._take(vector, layers, before, high - low)
            return [vector, numbers]

        return of_shard

    def _samples(self, index: int, shard: int) -> tuple[int, int]:
        """The samples low ... high - 1 of a batch that are a shard's."""
        size = self.batches.size(index)
        return size * shard // self.count, size * (shard + 1) // self.count

    def _computed(self, batch: Batch, epoch: int, share: float) -> Array:
        """Forward, loss and backward of a shard, which is that share of its batch: the sum of its
        losses, and what its metrics count. Its gradients are in layer.grads, 0 where the loss is no
        finite number.
        """
        model = self.model
        for layer in model.leaves.values():
            layer.next_samples(epoch, batch.numbers)
        execution = model.execution_for(batch.x)
        step.check_logits(model)
        with step.quiet():
            logits = execution.logits(model.arrays(batch.x), training=True)
            dy, numbers = self._judged(execution, batch, logits)
            if isfinite(numbers[0]):
                execution.backward_from_logits(dy * dy.dtype.type(share))
            else:
                for _, _, gradient in model.parameters():
                    gradient[...] = 0
        return numbers

    def _judged(self, execution: Execution, batch: Batch, logits: Array) -> tuple[Array, Array]:
        """The gradient of a shard's loss by the logits; the sum of its losses, and what its metrics
        count.
        """
        loss, dy = step.loss_and_slope(self.model, execution, batch.y, logits, batch.weight)
        y_pred = step.predictions(execution, logits)
        counted = self.tally.of(batch.y, y_pred) if self.tally.size else np.empty(0)
        return dy, np.concatenate([[loss * len(batch.x)], counted])

    @contextmanager
    def _noise(
        self, layers: Mapping[str, Layer], epoch: int, index: int, shard: int
    ) -> Iterator[None]:
        """Let layers that draw numbers one after the other draw those of a shard; then they have
        their own generators again.
        """
        own = [(layers[path], layers[path].rng) for _, path in self.noisy]
        of_all = self.model.seed if self.seed is None else self.seed
        for (number, _), (layer, _) in zip(self.noisy, own, strict=True):
            seed = getattr(layer, "seed", None)
            key = (NOISE, number, epoch, index, shard)
            sequence = np.random.SeedSequence(of_all if seed is None else seed, spawn_key=key)
            layer.rng = np.random.default_rng(sequence)
        try:
            yield
        finally:
            for layer, rng in own:
                layer.rng = rng

    # The vector that is added up: all gradients, and how far the averages have moved

    def _room(self, before: dict[str, Array]) -> tuple[Array, Array]:
        """Zeros for one shard's vector and numbers."""
        parts = [gradient for _, _, gradient in self.model.parameters()] + list(before.values())
        dtype = np.result_type(np.float32, *parts)
        return np.zeros(sum(part.size for part in parts), dtype), np.zeros(1 + self.tally.size)

    def _pieces(
        self, vector: Array, layers: Mapping[str, Layer], before: dict[str, Array]
    ) -> Iterator[tuple[str, Array, Array]]:
        """(name, array, its place in the vector) of every gradient, named "", and of every state
        that there is a `before` of.
        """
        at = 0
        moved = [(name, state) for name, state in states(layers) if name in before]
        for name, array in [*gradients(layers), *moved]:
            yield name, array, vector[at : at + array.size].reshape(array.shape)
            at += array.size

    def _take(
        self, vector: Array, layers: Mapping[str, Layer], before: dict[str, Array], samples: int
    ) -> None:
        """Take a shard's gradients and moves, these times its samples, and put the states back.

        The sum of samples * moves over B: so what has moved by the same number everywhere, such as
        a count, or not at all, comes out exactly.
        """
        for name, array, place in self._pieces(vector, layers, before):
            if name:
                np.multiply(array - before[name], samples, out=place, casting="same_kind")
                array[...] = before[name]
            else:
                place[...] = array

    def _give(self, vector: Array, before: dict[str, Array], samples: int) -> None:
        """Put the sums over all shards of a batch where they belong."""
        for name, array, place in self._pieces(vector, self.model.leaves, before):
            array[...] = before[name] + place / samples if name else place


def gradients(layers: Mapping[str, Layer]) -> list[tuple[str, Array]]:
    """("", gradient) of everything that trains, in the order of a model's parameters."""
    return [
        ("", layer.grads[name])
        for layer in layers.values()
        if layer.trainable
        for name in layer.params
    ]


def states(layers: Mapping[str, Layer]) -> list[tuple[str, Array]]:
    """("norm/moving_mean", array) of everything that a training forward may move."""
    return [
        (f"{path}/{name}", state)
        for path, layer in layers.items()
        for name, state in layer.state.items()
    ]


def check_step(model: Network) -> None:
    """Raise ValueError for a model whose class has a training step of its own."""
    kind: Any = type(model)
    for name in ("train_step", "loss_and_gradients"):
        if getattr(kind, name) is not getattr(step, name) or name in vars(model):
            raise ValueError(
                f"fit(shards=...) computes a batch shard by shard, and expected {name} as minicnn "
                f"has it, received {kind.__name__} with its own: shards=1"
            )


def draws_in_sequence(layer: Layer) -> bool:
    """Whether a layer may draw numbers one after the other."""
    return isinstance(layer, Noise) or not is_own(layer)
