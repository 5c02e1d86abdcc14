from typing import Unpack

from minicnn.expect import number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.types import Array


class Rescaling(Layer):
    """Map pixels to the range the model works in: Rescaling(1 / 255) maps 0 ... 255 to 0 ... 1.

        y = x * scale + offset,   dx = dy * scale

    As the first layer of a model it is saved with it, so that predictions never see pixels of
    another range.

    Args:
        scale, offset: numbers.

    Shapes: x (N, ...), of any number type, uint8 included; y (N, ...)
    Cache: nothing but the fact that forward ran

    >>> layers.Rescaling(1 / 255)(np.array([[0, 255]], np.uint8))
    array([[0., 1.]], dtype=float32)
    """

    def __init__(self, scale: float, offset: float = 0.0, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        for name, value in (("scale", scale), ("offset", offset)):
            number(value, name, "Rescaling")
        self.scale = scale
        self.offset = offset

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        y = x * self.dtype.type(self.scale)
        if self.offset:
            y += self.dtype.type(self.offset)
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return dy * self.dtype.type(self.scale)
