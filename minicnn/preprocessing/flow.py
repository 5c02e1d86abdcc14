"""Batches of pictures, changed anew in every epoch: what ImageDataGenerator.flow returns."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from minicnn.layers.augmentation.draws import picture_seeds
from minicnn.names import KerasNames
from minicnn.preprocessing.files import PictureFiles
from minicnn.types import Array


class Changes(Protocol):
    """What draws how pictures change, and changes them."""

    def parameters(self, size: tuple[int, int], seeds: Array, /) -> dict[str, Array]: ...

    def changed(self, x: Array, parameters: dict[str, Array], top: float, /) -> Array: ...


class Flow(KerasNames):
    """A source of batches for fit: `flow[i]` is the i-th of `len(flow)` batches of the current
    epoch.

    Iterating goes on without end, epoch after epoch, as Keras' iterators do.

    Attributes:
        n: how many pictures there are.
        epoch: counted from 0. Seed and epoch decide order and changes; it may be set, to repeat
            epochs or to skip them.
    """

    def __init__(
        self,
        generator: Changes,
        x: Array | PictureFiles,
        labels: list[Array],
        batch_size: int,
        shuffle: bool,
        seed: int,
    ):
        self.generator = generator
        self.x = x
        if isinstance(x, np.ndarray):
            self.x = np.ascontiguousarray(x, None if x.dtype == np.uint8 else np.float32)
        self.labels = labels  # y and the weights of the samples, where they are given
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0
        self._size = (x.shape[1], x.shape[2])
        fractions = isinstance(x, np.ndarray) and x.dtype != np.uint8 and x.max() <= 1
        self._top = 1.0 if fractions else 255.0
        self._next = 0  # the batch that next() gives

    @property
    def n(self) -> int:
        return len(self.x)

    @property
    def epoch(self) -> int:
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        n = len(self.x)
        self._epoch = epoch
        self._order = (
            np.random.default_rng((self.seed, epoch)).permutation(n)
            if self.shuffle
            else np.arange(n)
        )

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"flow expected a batch from 0 to {len(self) - 1}, received {index}")
        samples = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        x = self.x[samples]
        parameters = self.generator.parameters(
            self._size, picture_seeds(self.seed, self.epoch, samples)
        )
        x = self.generator.changed(x, parameters, self._top)
        return (x, *(part[samples] for part in self.labels)) if self.labels else x

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self._next = 0

    def reset(self) -> None:
        """Let next() begin with the first batch again."""
        self._next = 0

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of the flow."""
        return {"seed": self.seed, "epoch": self.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.seed, self.epoch = int(state["seed"]), int(state["epoch"])

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        batch = self[self._next]
        self._next += 1
        if self._next == len(self):
            self.on_epoch_end()
        return batch
