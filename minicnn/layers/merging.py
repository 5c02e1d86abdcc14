"""Where branches meet: layers of several inputs, and Keras' function forms, add([x, y]) for
Add()([x, y]).
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar, Unpack

import numpy as np

from minicnn.expect import is_integer
from minicnn.layers.base import LayerOptions
from minicnn.layers.base_merge import Merge
from minicnn.layers.shapes import with_batches
from minicnn.names import known_arguments
from minicnn.types import Array, Shape


class Add(Merge):
    """Add the inputs: where a shortcut meets what it went around.

        y    = x_1 + x_2 + ... + x_n
        dx_i = dy                          summed over what was repeated

    The first dx is dy itself where nothing was repeated, the others are copies.

    Shapes: x_i (N, ...), which broadcast; y (N, ...)
    Cache: nothing but the fact that forward ran
    Source: He et al. 2016, "Deep residual learning for image recognition".

    >>> layers.Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])])
    array([[11., 22.]], dtype=float32)
    """

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.aligned(x)
        self._cache = () if training else None
        return reduce(np.add, xs)

    def backward(self, dy: Array) -> list[Array]:
        (dy,) = self.take_cache(dy)
        return [self.summed(dy.copy() if i else dy, i) for i in range(len(self.input_shape))]


class Subtract(Merge):
    """Subtract the second of two inputs from the first.

        y    = x_1 - x_2
        dx_1 = dy,   dx_2 = -dy            summed over what was repeated

    dx_1 is dy itself where nothing was repeated.

    Shapes: x_1, x_2 (N, ...), which broadcast; y (N, ...)
    Cache: nothing but the fact that forward ran
    """

    most_inputs = 2

    def forward(self, x: Any, *, training: bool = False) -> Array:
        x_1, x_2 = self.aligned(x)
        self._cache = () if training else None
        return x_1 - x_2

    def backward(self, dy: Array) -> list[Array]:
        (dy,) = self.take_cache(dy)
        return [self.summed(dy, 0), self.summed(-dy, 1)]


class Multiply(Merge):
    """Multiply the inputs, such as a weight per channel (N, 1, 1, C) and a picture (N, H, W, C).

        y    = x_1 * x_2 * ... * x_n
        dx_i = dy * product of all x_j but x_i         summed over what was repeated

    Shapes: x_i (N, ...), which broadcast; y (N, ...)
    Cache: x_1, x_2, ..., x_n
    Source: Hu et al. 2018, "Squeeze-and-excitation networks".
    """

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.aligned(x)
        self._cache = tuple(xs) if training else None
        return reduce(np.multiply, xs)

    def backward(self, dy: Array) -> list[Array]:
        dy, *xs = self.take_cache(dy)
        return [
            self.summed(reduce(np.multiply, xs[:i] + xs[i + 1 :], dy), i) for i in range(len(xs))
        ]


class Average(Merge):
    """Take the mean of the inputs.

        y    = (x_1 + x_2 + ... + x_n) / n
        dx_i = dy / n                      summed over what was repeated

    Shapes: x_i (N, ...), which broadcast; y (N, ...)
    Cache: nothing but the fact that forward ran
    """

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.aligned(x)
        self._cache = () if training else None
        return reduce(np.add, xs) / len(xs)

    def backward(self, dy: Array) -> list[Array]:
        (dy,) = self.take_cache(dy)
        n = len(self.input_shape)
        return [self.summed(dy / n, i) for i in range(n)]


class Extreme(Merge):
    """Take one of the inputs, number by number; Maximum and Minimum say which."""

    better: ClassVar[np.ufunc]  # of two numbers the one to take
    stays: ClassVar[np.ufunc]  # whether the first of two numbers is taken

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.aligned(x)
        if not training:
            self._cache = None
            return reduce(self.better, xs)
        y, winner = xs[0], np.zeros((), np.min_scalar_type(len(xs)))
        for i, x_i in enumerate(xs[1:], 1):
            winner = np.where(self.stays(y, x_i), winner, i)
            y = self.better(y, x_i)
        self._cache = (winner,)
        return y

    def backward(self, dy: Array) -> list[Array]:
        dy, winner = self.take_cache(dy)
        return [self.summed(np.where(winner == i, dy, 0), i) for i in range(len(self.input_shape))]


class Maximum(Extreme):
    """Take the largest of the inputs, number by number.

        y    = max(x_1, x_2, ..., x_n)
        dx_i = dy where x_i won, else 0                summed over what was repeated

    Of equal values the first in the list wins and takes all of dy, as in TensorFlow's gradient of
    maximum(x, y), which goes to x where x >= y, and in the chain maximum(maximum(x_1, x_2), x_3)
    that Keras makes of three.

    Shapes: x_i (N, ...), which broadcast; y (N, ...)
    Cache: winner (N, ...), the place in the list from which y is
    """

    better, stays = np.maximum, np.greater_equal


class Minimum(Extreme):
    """Take the smallest of the inputs, number by number.

        y    = min(x_1, x_2, ..., x_n)
        dx_i = dy where x_i won, else 0                summed over what was repeated

    Of equal values the first in the list wins and takes all of dy, as in TensorFlow (see Maximum).

    Shapes: x_i (N, ...), which broadcast; y (N, ...)
    Cache: winner (N, ...), the place in the list from which y is
    """

    better, stays = np.minimum, np.less_equal


class Concatenate(Merge):
    """Put the inputs side by side along one axis: the channels of all branches, for example.

        y    = [x_1, x_2, ..., x_n]
        dx_i = the part of dy where x_i is in y, a view of it

    Args:
        axis: counted with N, which is axis 0 and cannot be it; all other axes are the same in all
            inputs.

    Shapes: x_i (N, H, W, C_i); y (N, H, W, C_1 + ... + C_n), and likewise along other axes
    Cache: nothing but the fact that forward ran
    Source: Szegedy et al. 2015, "Going deeper with convolutions".

    >>> layers.Concatenate()([Input((8, 8, 3)), Input((8, 8, 5))]).shape
    (None, 8, 8, 8)
    """

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        if not is_integer(axis, axis) or axis == 0:
            raise ValueError(
                "Concatenate expected axis as an integer, such as -1 for the channels, received "
                f"{axis!r}"
                f"{': axis 0 counts the samples, which stay apart' if axis == 0 else ''}"
            )
        self.axis = int(axis)

    def setup(self, input_shape: Any) -> Shape:
        rank = len(input_shape[0])
        place = self.place(rank)
        if not 0 <= place < rank:
            raise ValueError(
                f"{self} expected axis from 1 to {rank} or from -{rank} to -1 for inputs of shapes "
                f"{with_batches(input_shape)}, received {self.axis}"
            )
        if len({(*shape[:place], None, *shape[place + 1 :]) for shape in input_shape}) > 1:
            raise ValueError(
                f"{self} expected inputs whose shapes differ along axis {self.axis} alone, "
                "received "
                f"{with_batches(input_shape)}: with padding='same' rows and columns stay as they "
                "are"
            )
        joined = sum(shape[place] for shape in input_shape)
        return (*input_shape[0][:place], joined, *input_shape[0][place + 1 :])

    def place(self, rank: int) -> int:
        """The axis, counted without N, of inputs with that many."""
        return self.axis - 1 if self.axis > 0 else self.axis + rank

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.accept(x)
        self._cache = () if training else None
        return np.concatenate(xs, axis=self.axis)

    def backward(self, dy: Array) -> list[Array]:
        (dy,) = self.take_cache(dy)
        place = self.place(len(self.output_shape))
        ends = np.cumsum([shape[place] for shape in self.input_shape])
        return np.split(dy, ends[:-1], axis=self.axis)


@known_arguments
def add(inputs: Sequence, **options: Unpack[LayerOptions]) -> Any:
    """Add()(inputs): their sum."""
    return Add(**options)(inputs)


@known_arguments
def subtract(inputs: Sequence, **options: Unpack[LayerOptions]) -> Any:
    """Subtract()(inputs): the first of two less the second."""
    return Subtract(**options)(inputs)


@known_arguments
def multiply(inputs: Sequence, **options: Unpack[LayerOptions]) -> Any:
    """Multiply()(inputs): their product."""
    return Multiply(**options)(inputs)


@known_arguments
def average(inputs: Sequence, **options: Unpack[LayerOptions]) -> Any:
    """Average()(inputs): their mean."""
    return Average(**options)(inputs)


@known_arguments
def maximum(inputs: Sequence, **options: Unpack[LayerOptions]) -> Any:
    """Maximum()(inputs): the largest of them, number by number."""
    return Maximum(**options)(inputs)


@known_arguments
def minimum(inputs: Sequence, **options: Unpack[LayerOptions]) -> Any:
    """Minimum()(inputs): the smallest of them, number by number."""
    return Minimum(**options)(inputs)


@known_arguments
def concatenate(inputs: Sequence, axis: int = -1, **options: Unpack[LayerOptions]) -> Any:
    """Concatenate(axis)(inputs): all of them, side by side."""
    return Concatenate(axis, **options)(inputs)
