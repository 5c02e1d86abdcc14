from typing import Unpack

from minicnn.expect import is_word_of
from minicnn.layers.augmentation.geometric import GeometricLayer, identities
from minicnn.layers.base import LayerOptions
from minicnn.types import Array

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(GeometricLayer):
    """In training, mirror each picture or not, with equal chances; in inference, do nothing.

        y[i, j] = x[i, W - 1 - j]   left and right exchanged ("horizontal")
        y[i, j] = x[H - 1 - i, j]   top and bottom likewise ("vertical")

    Pixels are copied exactly. With "horizontal_and_vertical" each direction has a coin of its own,
    so all four pictures come up; Keras 3 tosses one for both.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical".
        seed: for draws of its own; None draws the layer's key from the model's seed.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: matrices (N, 3, 3), see geometric.py
    """

    draws = 2

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        if not is_word_of(mode, MODES):
            raise ValueError(
                f"RandomFlip expected mode to be one of {list(MODES)}, received {mode!r}"
            )
        self.mode = mode

    def matrices(self, count: int) -> Array:
        result = identities(count)
        for axis, (coin, name) in enumerate(zip(self.draw(count), MODES[:2], strict=True)):
            if name in self.mode:
                flipped = coin < 0.5
                result[flipped, axis, axis] = -1
                result[flipped, axis, 2] = self.input_shape[1 - axis] - 1
        return result
