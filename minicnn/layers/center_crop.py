from typing import Unpack

from minicnn.expect import count
from minicnn.layers.base import LayerOptions
from minicnn.layers.interpolation import Interpolating, Places
from minicnn.layers.resizing import resized
from minicnn.layers.window import check_picture
from minicnn.types import Shape


class CenterCrop(Interpolating):
    """Cut the middle out of pictures.

        y[n, i, j] = x[n, (H - height) // 2 + i, (W - width) // 2 + j]
        dx         = dy with zeros around it

    Of a picture that is smaller than y in one direction, the largest part of the aspect of y is
    cut out and drawn in its size, as Resizing(height, width, crop_to_aspect_ratio=True) does.

    Args:
        height, width: of y.

    Shapes: x (N, H, W, C), of any number type, uint8 included; y (N, height, width, C), of floats
    Cache: nothing but the fact that forward ran

    >>> layers.CenterCrop(2, 2)(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 5.,  6.],
           [ 9., 10.]], dtype=float32)
    """

    def __init__(self, height: int, width: int, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.height = count(height, "height", "CenterCrop")
        self.width = count(width, "width", "CenterCrop")

    def setup(self, input_shape: Shape) -> Shape:
        H, W, C = check_picture(input_shape, self)
        height, width = self.height, self.width
        if H < height or W < width:
            self.places = resized((H, W), (height, width), "bilinear", crop=True)
        else:
            self.places = (
                Places.of(height, H, "nearest", (H - height) // 2, height),
                Places.of(width, W, "nearest", (W - width) // 2, width),
            )
        return height, width, C
