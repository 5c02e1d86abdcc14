from math import prod

from minicnn.layers.base import Layer
from minicnn.types import Array, Shape


class Flatten(Layer):
    """Lay each sample out as one row, in the order H, W, C of memory.

        y = x.reshape(N, H*W*C),   dx = dy.reshape(N, H, W, C)

    Shapes: x (N, ...); y (N, D)
    Cache: nothing but the fact that forward ran

    >>> layers.Flatten()(np.zeros((2, 4, 4, 8))).shape
    (2, 128)
    """

    def setup(self, input_shape: Shape) -> Shape:
        return (prod(input_shape),)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        return x.reshape(len(x), -1)

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return dy.reshape(len(dy), *self.input_shape)
