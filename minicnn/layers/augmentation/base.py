"""What all layers share that change pictures at random while a model trains."""

from typing import Any, Unpack

import numpy as np

from minicnn.errors import warn
from minicnn.expect import count
from minicnn.layers.augmentation.draws import picture_seeds, uniform
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.window import check_picture
from minicnn.types import Array, Shape

UNTOLD = -1  # the epoch of samples that nobody has numbered
Span = tuple[float, float]


class RandomLayer(Layer):
    """A layer that changes each picture at random in training, and not at all in inference.

    What it does to a picture depends on the layer's key, the epoch and the picture's number in the
    data alone (draws.py). fit tells the last two by next_samples; a forward(training=True) that
    nobody announced counts its pictures itself. The key comes from the model's seed.

    A subclass says in `draws` how many random numbers in [0, 1) it needs for a picture.
    """

    draws = 1
    acts_in_training_only = True

    def __init__(self, seed: int | None = None, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.seed = None if seed is None else count(seed, "seed", type(self).__name__, least=0)
        self._key = 0
        self._counted = 0  # pictures that the layer has numbered itself
        self._told: tuple[int, Array] | None = (
            None  # epoch and samples of the next training forward
        )
        self._range_seen = False

    def setup(self, input_shape: Shape) -> Shape:
        self.reseed(self.rng)
        return check_picture(input_shape, self)

    def reseed(self, rng: np.random.Generator) -> None:
        self.rng = rng if self.seed is None else np.random.default_rng(self.seed)
        self._key, self._counted, self._told = int(self.rng.integers(2**63)), 0, None

    def next_samples(self, epoch: int, samples: Array) -> None:
        self._told = epoch, samples

    @property
    def random_state(self) -> dict[str, Any]:
        return {"key": self._key, "counted": self._counted}

    @random_state.setter
    def random_state(self, state: dict[str, Any]) -> None:
        self._key, self._counted, self._told = int(state["key"]), int(state["counted"]), None

    def seeds(self, count: int) -> Array:
        """(N,) seeds, uint64, for the N pictures of the training forward that calls this, once.

        Raises ValueError when next_samples has announced another number of them.
        """
        if self._told is None:
            self._told = UNTOLD, np.arange(self._counted, self._counted + count)
            self._counted += count
        (epoch, samples), self._told = self._told, None
        if len(samples) != count:
            raise ValueError(
                f"{self} was told of {len(samples)} samples by next_samples, received {count}"
            )
        return picture_seeds(self._key, epoch, samples)

    def draw(self, count: int) -> Array:
        """(draws, N) uniform numbers in [0, 1) for the N pictures of the training forward that
        calls this, once.
        """
        return uniform(self.seeds(count), np.arange(self.draws)[:, None])

    def accept_pictures(self, x: Array) -> Array:
        """As accept, but bytes stay bytes: a training forward reads them as they are."""
        if x.dtype != np.uint8:
            return self.accept(x)
        self.check_input(x.shape)
        self._batch = len(x)
        return np.ascontiguousarray(x)

    def check_range(self, x: Array, value_range: Span) -> None:
        """Compare the first pictures that the layer trains on with the range that it was told.

        Raises ValueError when values lie outside; warns when all lie at its lower end, so that
        another was meant.
        """
        if self._range_seen or not x.size:
            return
        self._range_seen = True
        (low, high), least, most = value_range, float(x.min()), float(x.max())
        fix = (
            "value_range must be that of the pictures as they reach the layer: (0, 255), or (0, 1) "
            "after Rescaling"
        )
        if least < low or most > high:
            raise ValueError(
                f"{self} expected values from {low:g} to {high:g}, received {least:.4g} to "
                f"{most:.4g}, which it would cut off: {fix}"
            )
        if most - low <= (high - low) / 100:
            warn(
                f"{self} expects values from {low:g} to {high:g}, but they only reach {most:.4g}: "
                f"{fix}"
            )


def span(value: Any, what: str, owner: str, least: float = -1.0, most: float = 1.0) -> Span:
    """(lower, upper) for a pair of numbers, (-|value|, |value|) of at least `least` for one.

    Raises ValueError for anything else, and for numbers below `least` or above `most`.
    """
    pair = value if isinstance(value, tuple | list) else (value, value)
    if not (
        len(pair) == 2 and all(isinstance(v, int | float) and least <= v <= most for v in pair)
    ):
        raise ValueError(
            f"{owner} expected {what} as a number from {least:g} to {most:g}, or a pair of them, "
            f"(lower, upper), received {value!r}"
        )
    if pair is value:
        return float(min(pair)), float(max(pair))
    return max(-abs(float(value)), least), abs(float(value))


def check_value_range(value_range: Any, owner: str) -> Span:
    """value_range as a pair of floats.

    Raises ValueError unless it is one, (low, high) with low < high.
    """
    pair = tuple(value_range) if isinstance(value_range, tuple | list) else ()
    if not (len(pair) == 2 and all(isinstance(v, int | float) for v in pair) and pair[0] < pair[1]):
        raise ValueError(
            f"{owner} expected value_range as (low, high), such as (0, 255) or (0, 1), received "
            f"{value_range!r}"
        )
    return float(pair[0]), float(pair[1])
