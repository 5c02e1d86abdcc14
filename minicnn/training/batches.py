"""Where a training's batches come from: arrays, or a source that makes them."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from minicnn.labels import class_of
from minicnn.layers.base import Array


class Batch(NamedTuple):
    """One step's samples, their labels, their weights, if any, and their numbers (N,) in the data."""

    x: Array
    y: Array
    weight: Array | None
    numbers: Array


class BatchSource(Protocol):
    """What makes batches, as Keras' PyDataset: source[i] is (x, y) or (x, y, sample_weight), 0 <= i < len(source).

    If it has on_epoch_end(), that is called after every epoch. If it has get_state() and set_state(state), a training
    can be resumed in which batches depend on those before; a state is what callbacks' states are.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple: ...


class ArrayBatches:
    """The batches of arrays, gathered into one buffer: a batch's pictures last until the next one is made.

    Attributes:
        steps, samples: of one epoch.
    """

    def __init__(self, x: Array, y: Array, weight: Array | None, batch_size: int):
        self.x, self.y, self.weight = x, y, weight
        self.batch_size = batch_size
        self.samples = len(x)
        self.steps = -(-len(x) // batch_size)
        self._buffer = np.empty((min(batch_size, len(x)), *x.shape[1:]), x.dtype)

    def begin_epoch(self, rng: np.random.Generator | None) -> None:
        """Draw a new order of the samples; None keeps that of the arrays."""
        self._order = np.arange(self.samples) if rng is None else rng.permutation(self.samples)

    def __getitem__(self, index: int) -> Batch:
        picked = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        # Nothing is ever clipped; that mode is faster.
        x = np.take(self.x, picked, axis=0, out=self._buffer[: len(picked)], mode="clip")
        return Batch(x, self.y[picked], None if self.weight is None else self.weight[picked], picked)

    def end_epoch(self) -> None:
        """Nothing."""

    def described(self) -> dict[str, Any]:
        """What a checkpoint recognises them by."""
        arrays = {"x": self.x, "y": self.y, "sample_weight": self.weight}
        return {"batch_size": self.batch_size} | {name: fingerprint(array) for name, array in arrays.items()}

    def get_state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Nothing."""


class SourceBatches:
    """The batches of a source.

    Attributes:
        example: the source's first batch.
        steps: of one epoch.
        samples: of one epoch, if its batches are as long as the first one.
    """

    def __init__(self, source: Any, class_weight: Mapping[int, float] | None):
        self.source = source
        self.class_weight = class_weight
        self.steps = len(source)
        self.example = self._made(0)
        self.samples = self.steps * len(self.example.x)

    def begin_epoch(self, rng: np.random.Generator | None) -> None:
        """Draw a new order of the batches, as Keras does; None keeps that of the source."""
        self._order = np.arange(self.steps) if rng is None else rng.permutation(self.steps)

    def __getitem__(self, index: int) -> Batch:
        return self._made(int(self._order[index]))

    def _made(self, index: int) -> Batch:
        x, y, *rest = self.source[index]
        x, y = np.asarray(x), np.asarray(y)
        numbers = index * len(self.example.x) + np.arange(len(x)) if index else np.arange(len(x))
        return Batch(x, y, class_weighted(rest[0] if rest else None, self.class_weight, y), numbers)

    def end_epoch(self) -> None:
        """Tell the source, if it wants to know."""
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def described(self) -> dict[str, Any]:
        """What a checkpoint recognises them by: the first batch stands for all, unless it depends on a state."""
        contents = not hasattr(self.source, "get_state")
        arrays = {name: fingerprint(array, contents) for name, array in self.example._asdict().items()}
        return {"source": type(self.source).__name__, "steps": self.steps} | arrays

    def get_state(self) -> dict[str, Any]:
        """The source's, if it has one."""
        return self.source.get_state() if hasattr(self.source, "get_state") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Let the source go on from there."""
        if state:
            self.source.set_state(state)


def class_weighted(weight: Array | None, class_weight: Mapping[int, float] | None, y: Array) -> Array | None:
    """Sample weights times the weight of each sample's class, 1 for classes not in class_weight."""
    if class_weight is None:
        return weight
    factor = np.array([class_weight.get(int(label), 1.0) for label in class_of(y)])
    return factor if weight is None else weight * factor


def fingerprint(array: Array | None, contents: bool = True) -> dict[str, Any] | None:
    """What tells an array from others: shape, type and, if wanted, a hash of its contents."""
    if array is None:
        return None
    digest = hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=8).hexdigest() if contents else None
    return {"shape": array.shape, "dtype": array.dtype.name, "contents": digest}
