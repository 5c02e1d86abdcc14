import numpy as np

from minicnn.layers.base import Layer
from minicnn.layers.window import check_picture
from minicnn.types import Array, Shape


class GlobalAveragePooling2D(Layer):
    """Take the mean of every channel over the whole picture.

        y[n, c] = mean over h, w of x[n, h, w, c]
        dx      = dy / (H * W), spread over the picture

    Shapes: x (N, H, W, C); y (N, C)
    Cache: nothing but the fact that forward ran
    Source: Lin, Chen, Yan 2013, arXiv:1312.4400, section 3.2.

    >>> layers.GlobalAveragePooling2D()(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]))
    array([[2.5]], dtype=float32)
    """

    def setup(self, input_shape: Shape) -> Shape:
        check_picture(input_shape, self)
        return input_shape[-1:]

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        return x.mean(axis=(1, 2), dtype=np.float64).astype(self.dtype)  # (N, C)

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        H, W, C = self.input_shape
        return np.broadcast_to(dy[:, None, None, :] / (H * W), (len(dy), H, W, C))
