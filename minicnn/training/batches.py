"""Where batches come from: arrays, or a source that makes them.

Which of the two, training/given.py decides.
"""

import hashlib
from typing import Any, NamedTuple, Protocol

import numpy as np

from minicnn.errors import warn
from minicnn.expect import count
from minicnn.network import Network
from minicnn.network.several import Several
from minicnn.training import checks
from minicnn.training.class_weight import weighted
from minicnn.types import Array


class Batch(NamedTuple):
    """One step's samples, labels, weights, if any, and numbers (N,) in the data."""

    x: Array
    y: Array
    weight: Array | None
    numbers: Array


class BatchSource(Protocol):
    """What makes batches, as Keras' PyDataset: source[i] is (x, y) or (x, y, sample_weight), 0 <= i
    < len(source).

    For predict it may also be x alone. Nothing but len and [i] is used: iterating over a source may
    never end. If it has on_epoch_begin() or on_epoch_end(), that is called before or after every
    epoch. If it has a true orders_itself, its batches are taken in their order, whatever `shuffle`
    says. If it has get_state() and set_state(state), a training can be resumed in which batches
    depend on those before; a state is what callbacks' states are.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class ArrayBatches:
    """The batches of arrays. In a shuffled epoch a batch's pictures last until the next one.

    Attributes:
        x, y, weight: the arrays.
        steps, samples: of one epoch.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        weight: Array | None,
        batch_size: int,
        steps: int | None = None,
        who: str = "fit",
    ):
        self.x, self.y, self.weight = x, y, weight
        self.batch_size = batch_size
        self.steps = at_most(steps, -(-len(x) // batch_size), who)
        self.samples = min(len(x), self.steps * batch_size)
        self._order: Array | None = None
        self._buffer = x[:0]

    def begin_epoch(self, rng: np.random.Generator | None = None) -> None:
        """Draw a new order of the samples; None keeps that of the arrays."""
        self._order = None if rng is None else rng.permutation(len(self.x))
        if rng is not None and not len(self._buffer) and not isinstance(self.x, Several):
            self._buffer = np.empty(
                (min(self.batch_size, len(self.x)), *self.x.shape[1:]), self.x.dtype
            )

    def __getitem__(self, index: int) -> Batch:
        return self.part(index, 0, self.size(index))

    def size(self, index: int) -> int:
        """How many samples the batch of that number has."""
        return min(self.batch_size, len(self.x) - index * self.batch_size)

    def part(self, index: int, low: int, high: int) -> Batch:
        """Of the batch of that number, the samples low ... high - 1."""
        part = slice(index * self.batch_size + low, index * self.batch_size + high)
        if self._order is None:
            weight = None if self.weight is None else self.weight[part]
            return Batch(self.x[part], self.y[part], weight, np.arange(part.start, part.stop))
        picked = self._order[part]
        if isinstance(self.x, Several):
            return Batch(
                self.x[picked],
                self.y[picked],
                None if self.weight is None else self.weight[picked],
                picked,
            )
        # Nothing is ever clipped; that mode is faster.
        x = np.take(self.x, picked, axis=0, out=self._buffer[: len(picked)], mode="clip")
        return Batch(
            x, self.y[picked], None if self.weight is None else self.weight[picked], picked
        )

    def end_epoch(self) -> None:
        """Arrays need not be told."""

    def described(self) -> dict[str, Any]:
        """What a checkpoint recognises them by."""
        arrays = {"x": self.x, "y": self.y, "sample_weight": self.weight}
        size = {"batch_size": self.batch_size}
        if self.steps < -(-len(self.x) // self.batch_size):
            size["steps"] = self.steps
        return size | {name: fingerprint(array) for name, array in arrays.items()}

    def get_state(self) -> dict[str, Any]:
        """Arrays keep no state: what is in them does not change."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """There is none to restore."""


class SourceBatches:
    """The batches of a source.

    Args:
        source: see BatchSource.
        who: asks for them, for messages.
        model: for which they are.
        steps: how many batches an epoch has; None for all.
        labelled: whether batches must have labels; else only their x is of interest.

    Attributes:
        x, y: of the source's first batch.
        steps: of one epoch.
        samples: of one epoch, if its batches are as long as the first one.
        factors: of the classes, for the weights of the samples (training/class_weight.py).
    """

    def __init__(
        self, source: Any, who: str, model: Network, steps: int | None = None, labelled: bool = True
    ):
        self.model = model
        self.source, self.who, self.labelled = source, who, labelled
        if len(source) == 0:
            raise ValueError(
                f"{who} expected a source of at least one batch, received one of length 0"
            )
        self.steps = at_most(steps, len(source), who)
        self.factors: Array | None = None
        self._length = 0  # of all batches but the last
        self.x, self.y, self.weight, _ = self._made(0)
        self._length = len(self.x)
        self.samples = self.steps * self._length
        self._whole: tuple[int, Batch] | None = None  # the last batch of which a part was wanted

    def begin_epoch(self, rng: np.random.Generator | None = None) -> None:
        """Draw a new order of the batches, as Keras does; None keeps that of the source."""
        if hasattr(self.source, "on_epoch_begin"):
            self.source.on_epoch_begin()
        self._whole = None
        self._order = np.arange(len(self.source))
        if rng is not None and not getattr(self.source, "orders_itself", False):
            self._order = rng.permutation(len(self.source))

    def __getitem__(self, index: int) -> Batch:
        batch = self._made(int(self._order[index]))
        return batch._replace(weight=weighted(batch.weight, self.factors, batch.y, self.who))

    def size(self, index: int) -> int:
        """How many samples the batch of that number has."""
        return len(self._kept(index).x)

    def part(self, index: int, low: int, high: int) -> Batch:
        """Of the batch of that number, the samples low ... high - 1."""
        x, y, weight, numbers = self._kept(index)
        some = slice(low, high)
        return Batch(x[some], y[some], None if weight is None else weight[some], numbers[some])

    def _kept(self, index: int) -> Batch:
        """The batch of that number, made once for all of its parts."""
        if self._whole is None or self._whole[0] != index:
            self._whole = index, self[index]
        return self._whole[1]

    def _made(self, index: int) -> Batch:
        batch = self.source[index]
        who = f"{self.who}: batch {index} of {type(self.source).__name__}"
        parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
        if not self.labelled:
            parts = (*parts[:1], None)
        elif len(parts) not in (2, 3):
            received = (
                f"{len(parts)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
            )
            raise ValueError(
                f"{who} is expected as (x, y) or (x, y, sample_weight), received {received}"
            )
        x, y, weight = checks.arrays(
            self.model, parts[0], parts[1], parts[2] if len(parts) == 3 else None, who
        )
        return Batch(x, y, weight, index * self._length + np.arange(len(x)))

    def end_epoch(self) -> None:
        """Tell the source, if it wants to know."""
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def described(self) -> dict[str, Any]:
        """What a checkpoint recognises them by: the first batch, unless it depends on a state."""
        contents = not hasattr(self.source, "get_state")
        arrays = {
            "x": self.x,
            "y": self.y,
            "weight": self.weight,
            "numbers": np.arange(len(self.x)),
        }
        source = {"source": type(self.source).__name__, "steps": self.steps}
        if self.factors is not None and not contents:  # which else are in the weights
            source["class_weight"] = self.factors.tolist()
        return source | {name: fingerprint(array, contents) for name, array in arrays.items()}

    def get_state(self) -> dict[str, Any]:
        """The source's, if it has one."""
        return self.source.get_state() if hasattr(self.source, "get_state") else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Let the source go on from there."""
        if state:
            self.source.set_state(state)


def at_most(steps: int | None, available: int, who: str) -> int:
    """How many batches an epoch has. Warns, as Keras does, when there are fewer than asked for."""
    if steps is None:
        return available
    if count(steps, "steps", who) > available:
        warn(
            f"{who} expected at most {available} steps, for there are no more batches, received "
            f"{steps}: all are used"
        )
    return min(int(steps), available)


def fingerprint(array: Array | Several | None, contents: bool = True) -> dict[str, Any] | None:
    """What tells an array from others: shape, type and, if wanted, a hash of its contents."""
    if array is None:
        return None
    if isinstance(array, Several):
        return {str(n): fingerprint(part, contents) for n, part in enumerate(array.parts)}
    digest = (
        hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=8).hexdigest()
        if contents
        else None
    )
    return {"shape": array.shape, "dtype": array.dtype.name, "contents": digest}
