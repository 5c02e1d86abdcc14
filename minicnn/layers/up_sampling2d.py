from typing import Unpack

from minicnn.expect import pair
from minicnn.layers.base import LayerOptions
from minicnn.layers.interpolation import Interpolating, Places, check_interpolation
from minicnn.layers.window import check_picture
from minicnn.types import Pair, Shape


class UpSampling2D(Interpolating):
    """Make pictures several times as large.

        y[n, i, j] = x[n, i // SH, j // SW]         ("nearest": each pixel is repeated)
        dx         = the sum of dy over what a pixel was repeated to

    "bilinear" draws them as Resizing does.

    Args:
        size: how many times as large, SH, SW: an int or a pair (rows, columns).
        interpolation: "nearest" or "bilinear".

    Shapes: x (N, H, W, C); y (N, H*SH, W*SW, C)
    Cache: nothing but the fact that forward ran

    >>> layers.UpSampling2D((1, 2))(np.array([3.0, 5.0]).reshape(1, 1, 2, 1))[0, 0, :, 0]
    array([3., 3., 5., 5.], dtype=float32)
    """

    def __init__(
        self,
        size: int | Pair = (2, 2),
        interpolation: str = "nearest",
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.size = pair(size, "size", "UpSampling2D")
        self.interpolation = check_interpolation(interpolation, "UpSampling2D")

    def setup(self, input_shape: Shape) -> Shape:
        H, W, C = check_picture(input_shape, self)
        SH, SW = self.size
        self.places = (
            Places.of(H * SH, H, self.interpolation),
            Places.of(W * SW, W, self.interpolation),
        )
        return H * SH, W * SW, C
