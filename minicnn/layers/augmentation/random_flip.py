from typing import Unpack

from minicnn.expect import flag, is_word_of
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
        alternate: toss each picture's coin in the first epoch only; from then on every picture is
            mirrored in one epoch and not in the next, so that two epochs show both of it. With a
            coin in each, half of the pictures look as in the epoch before. For one direction;
            Keras has no such argument.

    Shapes: x (N, H, W, C), bytes or floats; y (N, H, W, C)
    Cache: matrices (N, 3, 3), see geometric.py
    Source: alternate, Jordan 2024, arXiv:2404.00498, section 3.
    """

    draws = 2

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        alternate: bool = False,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(seed, **options)
        if not is_word_of(mode, MODES):
            raise ValueError(
                f"RandomFlip expected mode to be one of {list(MODES)}, received {mode!r}"
            )
        self.mode = mode
        self.alternate = flag(alternate, "alternate", "RandomFlip")
        if self.alternate and mode == MODES[-1]:
            raise ValueError(
                f"RandomFlip(alternate=True) expected one direction, received mode={mode!r}: "
                "'horizontal' or 'vertical'"
            )
        self._turned = False  # whether all coins of the next forward are turned over

    def next_samples(self, epoch: int, samples: Array) -> None:
        self._turned = self.alternate and epoch % 2 == 1
        super().next_samples(0 if self.alternate else epoch, samples)

    def matrices(self, count: int) -> Array:
        result = identities(count)
        for axis, (coin, name) in enumerate(zip(self.draw(count), MODES[:2], strict=True)):
            if name in self.mode:
                flipped = (coin < 0.5) != self._turned
                result[flipped, axis, axis] = -1
                result[flipped, axis, 2] = self.input_shape[1 - axis] - 1
        return result
