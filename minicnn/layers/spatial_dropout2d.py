from typing import Unpack

from minicnn.layers.base import LayerOptions
from minicnn.layers.dropout import Dropout
from minicnn.layers.window import check_picture
from minicnn.types import Shape


class SpatialDropout2D(Dropout):
    """In training, set a random share of channels to 0 and scale up the rest; else do nothing.

        y  = x * kept / (1 - rate),   kept[n, c] = 1 with probability 1 - rate, else 0
        dx = dy * kept / (1 - rate)

    Neighbouring pixels are so alike that Dropout, which takes them one by one, takes little away.

    Args:
        rate: the share that is dropped, 0 <= rate < 1. May be changed.
        seed: for a mask sequence of its own; None draws from the generator that the model hands
            out.

    Shapes: x, y (N, H, W, C)
    Cache: factor (N, 1, 1, C), 0 or 1 / (1 - rate)
    Source: Tompson et al. 2014, arXiv:1411.4280, section 3.2.

    >>> layers.SpatialDropout2D(0.5)(np.ones((1, 2, 2, 3))).sum()
    np.float32(12.0)
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Unpack[LayerOptions]):
        super().__init__(rate, seed=seed, noise_shape=(None, 1, 1, None), **options)

    def setup(self, input_shape: Shape) -> Shape:
        return check_picture(input_shape, self)
