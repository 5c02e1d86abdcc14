"""Batches in the style of tf.data: what utils.image_dataset_from_directory returns."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minicnn.expect import count, flag
from minicnn.names import KerasNames
from minicnn.seeds import seed_of

Batch = Callable[[int, int], Any]


class Shown(np.ndarray):
    """A batch's array for the eyes of a script: `images[0].numpy()`, as of TensorFlow, works too.

    >>> np.ones((2, 3)).view(preprocessing.dataset.Shown)[0].numpy()
    array([1., 1., 1.])
    """

    def numpy(self) -> np.ndarray:
        """The same numbers, as an ordinary array."""
        return np.asarray(self)


class Dataset(KerasNames):
    """A source of batches: `dataset[i]` is the i-th of `len(dataset)` batches of the current epoch.

    map, cache, shuffle, take and skip give a new one and leave this as it was. Iterating goes once
    through the batches, and the next time through those of the next epoch. fit takes batches in the
    order in which they come, whatever its `shuffle` says, as Keras does.

    Args:
        batch: batch(epoch, index) makes a batch, (x, y) or x alone.
        length: how many batches there are.

    Attributes:
        epoch: counted from 0; it may be set, to repeat epochs or to skip them.
        class_names: of the labels' numbers, where image_dataset_from_directory has made it.
        file_paths: likewise, of all pictures.
    """

    epoch: int
    class_names: list[str] | None = None
    file_paths: list[str] | None = None
    orders_itself = True  # which fit respects

    def __init__(self, batch: Batch, length: int):
        self._batch, self._length = batch, length
        self.epoch = 0

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(
                f"Dataset expected a batch from 0 to {len(self) - 1}, received {index}"
            )
        return self._batch(self.epoch, index)

    def __iter__(self) -> Iterator[Any]:
        epoch = self.epoch
        self.epoch += 1
        for index in range(len(self)):
            batch = self._batch(epoch, index)
            yield tuple(map(_shown, batch)) if isinstance(batch, tuple) else _shown(batch)

    def cardinality(self) -> int:
        """How many batches there are."""
        return len(self)

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None) -> "Dataset":
        """The batches map_func(x, y), or map_func(x) where there are no labels.

        num_parallel_calls is accepted for tf.data's sake: one batch is made at a time.
        """
        del num_parallel_calls

        def mapped(epoch: int, index: int) -> Any:
            batch = self._batch(epoch, index)
            return map_func(*batch) if isinstance(batch, tuple) else map_func(batch)

        return Dataset(mapped, len(self))

    def cache(self) -> "Dataset":
        """The batches of one epoch, made once and kept in memory; shuffle after it shuffles batches
        only.
        """
        made: dict[int, Any] = {}

        def cached(_: int, index: int) -> Any:
            if index not in made:
                made[index] = self._batch(0, index)
            return made[index]

        return Dataset(cached, len(self))

    def prefetch(self, buffer_size: Any = None) -> "Dataset":
        """This itself: batches are made when they are asked for."""
        del buffer_size
        return self

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> "Dataset":
        """The batches in an order that is drawn anew for every epoch.

        It is drawn among all of them, whatever the buffer_size, which is for memory in tf.data.
        """
        count(buffer_size, "buffer_size", "shuffle")
        anew = flag(reshuffle_each_iteration, "reshuffle_each_iteration", "shuffle")
        seed = seed_of(seed, "shuffle")

        def shuffled(epoch: int, index: int) -> Any:
            order = np.random.default_rng((seed, epoch if anew else 0)).permutation(len(self))
            return self._batch(epoch, int(order[index]))

        return Dataset(shuffled, len(self))

    def take(self, count: int) -> "Dataset":
        """The first `count` batches of every epoch, all for -1."""
        return Dataset(self._batch, self._at_most(count, "take"))

    def skip(self, count: int) -> "Dataset":
        """All but the first `count` batches of every epoch."""
        first = self._at_most(count, "skip")
        return Dataset(lambda epoch, index: self._batch(epoch, first + index), len(self) - first)

    def _at_most(self, number: int, owner: str) -> int:
        return len(self) if number == -1 else min(count(number, "count", owner, least=0), len(self))

    def on_epoch_end(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"epoch": self.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.epoch = int(state["epoch"])


def _shown(array: Any) -> Any:
    return array.view(Shown) if type(array) is np.ndarray else array
