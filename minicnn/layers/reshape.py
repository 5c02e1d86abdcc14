from collections.abc import Sequence
from math import prod
from typing import Unpack

from minicnn.expect import is_integer
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.shapes import with_batch
from minicnn.types import Array, Shape


class Reshape(Layer):
    """Give the numbers of each sample, in the order of memory, another shape.

        y = x.reshape(N, *target_shape),   dx = dy.reshape(x.shape)

    Args:
        target_shape: of a sample, without N; one size may be -1, and is then what is left over.

    Shapes: x (N, ...); y (N, *target_shape)
    Cache: nothing but the fact that forward ran

    >>> layers.Reshape((28, 28, -1))(np.zeros((2, 784))).shape
    (2, 28, 28, 1)
    """

    def __init__(self, target_shape: Sequence[int], **options: Unpack[LayerOptions]):
        super().__init__(**options)
        sizes = tuple(target_shape) if isinstance(target_shape, tuple | list) else ()
        known = [size for size in sizes if not (is_integer(size, -1) and size == -1)]
        if not sizes or len(sizes) > len(known) + 1 or not all(is_integer(n) for n in known):
            raise ValueError(
                "Reshape expected target_shape as the sizes of a sample's axes, without N, of "
                f"which one may be -1, received {target_shape!r}"
            )
        self.target_shape = tuple(int(size) for size in sizes)

    def setup(self, input_shape: Shape) -> Shape:
        there = prod(input_shape)
        known = prod(size for size in self.target_shape if size != -1)
        rest, left_over = divmod(there, known)
        if left_over or (rest != 1 and -1 not in self.target_shape):
            raise ValueError(
                f"{self} expected as many numbers as target_shape={self.target_shape} has room "
                f"for, received {with_batch(input_shape)}, {there} numbers in each sample"
            )
        return tuple(rest if size == -1 else size for size in self.target_shape)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        return x.reshape(len(x), *self.output_shape)

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return dy.reshape(len(dy), *self.input_shape)
