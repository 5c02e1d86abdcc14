from typing import Unpack

import numpy as np

from minicnn.expect import count as checked_count
from minicnn.expect import is_word_of
from minicnn.kernels import resample as kernel
from minicnn.layers.augmentation.geometric import Filling, GeometricLayer, identities
from minicnn.layers.base import LayerOptions
from minicnn.types import Array, Shape

PADDING_MODES = {
    "constant": kernel.CONSTANT,
    "edge": kernel.NEAREST,
    "reflect": kernel.MIRROR,
    "symmetric": kernel.REFLECT,
    "wrap": kernel.WRAP,
}


class RandomCrop(GeometricLayer):
    """In training, cut a window out of each picture at random; in inference, from its middle.

        y[i, j] = x[top + i, left + j],   top of -padding ... H + padding - height, left likewise

    RandomCrop(32, 32, padding=4) on pictures of 32x32 shifts them by up to 4 pixels: the usual
    augmentation of CIFAR. In inference it leaves them as they are. Pixels are copied exactly. Each
    picture has a place of its own; Keras cuts a batch at one place, pads nothing, and resizes in
    inference.

    Args:
        height, width: of the window.
        padding: pixels on every side by which a picture is enlarged first.
        padding_mode: with what, by NumPy's names: "reflect" d c b | a b c d | c b a, the edge not
            repeated (PyTorch's reflect too, but not the fill_mode of the other layers);
            "symmetric", the edge repeated; "constant", zeros; "edge"; "wrap".
        seed: for draws of its own; None draws the layer's key from the model's seed.

    Shapes: x (N, H, W, C), bytes or floats; y (N, height, width, C)
    Cache: matrices (N, 3, 3), see geometric.py
    Source: He et al. 2015, arXiv:1512.03385, section 4.2 (padding 4, of zeros).

    >>> layers.RandomCrop(28, 28)(np.zeros((1, 32, 32, 3))).shape
    (1, 28, 28, 3)
    """

    draws = 2
    reframes = True

    def __init__(
        self,
        height: int,
        width: int,
        padding: int = 0,
        padding_mode: str = "reflect",
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        if not is_word_of(padding_mode, PADDING_MODES):
            raise ValueError(
                f"RandomCrop expected padding_mode to be one of {list(PADDING_MODES)}, received "
                f"{padding_mode!r}"
            )
        self.height, self.width = (
            checked_count(n, "height and width", "RandomCrop") for n in (height, width)
        )
        self.padding = checked_count(padding, "padding", "RandomCrop", least=0)
        if self.padding > kernel.LONGEST:
            raise ValueError(
                f"RandomCrop expected padding of at most {kernel.LONGEST} pixels, received "
                f"{padding!r}: a few are usual, such as 4 for pictures of 32x32"
            )
        self.padding_mode = padding_mode
        self.filling = Filling(PADDING_MODES[padding_mode], 0.0, False)

    def setup(self, input_shape: Shape) -> Shape:
        H, W, C = super().setup(input_shape)
        if min(self._room()) < 0:
            enough = -(-max(self.height - H, self.width - W) // 2)
            raise ValueError(
                f"{self} expected pictures of at least {self.height}x{self.width} with "
                f"padding={self.padding}, received {H}x{W}: padding={enough} would do"
            )
        return self.height, self.width, C

    def _room(self) -> tuple[int, int]:
        """How many rows and columns of the padded picture are left over."""
        H, W, _ = self.input_shape
        return H + 2 * self.padding - self.height, W + 2 * self.padding - self.width

    def matrices(self, count: int) -> Array:
        result = identities(count)
        for axis, (room, drawn) in enumerate(zip(self._room(), self.draw(count), strict=True)):
            result[:, 1 - axis, 2] = np.floor(drawn * (room + 1)) - self.padding
        return result

    def at_rest(self, x: Array) -> Array:
        if self.output_shape == self.input_shape:
            return x
        matrices = identities(len(x))
        for axis, room in enumerate(self._room()):
            matrices[:, 1 - axis, 2] = room // 2 - self.padding
        return self.resampled(x, matrices)
