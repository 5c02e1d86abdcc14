from typing import Unpack

from minicnn.expect import number
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.elementwise import elu, elu_slope
from minicnn.types import Array


class ELU(Layer):
    """Bend what is negative towards -alpha, so that activations keep a mean near 0.

        y  = x where x > 0, else alpha * (exp(x) - 1)
        dx = dy where x > 0, else alpha * exp(x) * dy,   and alpha * exp(x) = y + alpha

    Args:
        alpha: minus the limit of y far below 0.

    Shapes: x, y (N, ...)
    Cache: slope (N, ...)
    Source: Clevert, Unterthiner, Hochreiter 2015, arXiv:1511.07289.

    >>> layers.ELU()(np.array([[-1.0, 0.0, 2.0]])).round(3)
    array([[-0.632,  0.   ,  2.   ]], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        number(alpha, "alpha", "ELU")
        self.alpha = alpha

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y = elu(x, self.alpha)
        self._cache = (elu_slope(x, y, self.alpha),) if training else None
        return y

    def backward(self, dy: Array) -> Array:
        dy, slope = self.take_cache(dy)
        return dy * slope
