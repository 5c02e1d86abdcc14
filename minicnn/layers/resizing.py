from typing import Unpack

from minicnn.expect import count, flag
from minicnn.layers.base import LayerOptions
from minicnn.layers.interpolation import Interpolating, Places, check_interpolation
from minicnn.layers.window import check_picture
from minicnn.types import Shape


class Resizing(Interpolating):
    """Draw pictures anew in another size.

        y[n, i, j] = the mean of the four pixels around (i + 1/2) * H / height - 1/2, likewise j,
                     weighted by nearness ("bilinear"), or the pixel that it falls on ("nearest")
        dx         = each dy, given to the pixels that it was made of, by their weights

    Much smaller pictures see but some of the pixels: data.from_directory and data.fit_image, which
    take all into account, make better ones.

    Args:
        height, width: of y.
        interpolation: "bilinear" or "nearest".
        crop_to_aspect_ratio: whether only the largest part of the aspect of y is seen, from the
            middle, so that nothing is squashed.

    Shapes: x (N, H, W, C), of any number type, uint8 included; y (N, height, width, C), of floats
    Cache: nothing but the fact that forward ran

    >>> x = np.array([[0.0, 4.0]]).reshape(1, 1, 2, 1)
    >>> layers.Resizing(1, 4)(x)[0, 0, :, 0]
    array([0., 1., 3., 4.], dtype=float32)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.height = count(height, "height", "Resizing")
        self.width = count(width, "width", "Resizing")
        self.interpolation = check_interpolation(interpolation, "Resizing")
        self.crop_to_aspect_ratio = flag(crop_to_aspect_ratio, "crop_to_aspect_ratio", "Resizing")

    def setup(self, input_shape: Shape) -> Shape:
        H, W, C = check_picture(input_shape, self)
        self.places = resized(
            (H, W), (self.height, self.width), self.interpolation, self.crop_to_aspect_ratio
        )
        return self.height, self.width, C


def resized(
    size: tuple[int, int], target: tuple[int, int], interpolation: str, crop: bool
) -> tuple[Places, Places]:
    """Rows and columns for pictures of a size drawn in another, all of them or, with `crop`, the
    largest part of that aspect, from the middle.
    """
    (H, W), (height, width) = size, target
    h, w = H, W
    if crop:  # in whole pixels, as Keras
        h, w = max(min(H, W * height // width), 1), max(min(W, H * width // height), 1)
    return (
        Places.of(height, H, interpolation, (H - h) // 2, h),
        Places.of(width, W, interpolation, (W - w) // 2, w),
    )
