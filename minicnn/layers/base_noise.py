from typing import Unpack

import numpy as np

from minicnn.expect import count
from minicnn.layers.base import Layer, LayerOptions


class Noise(Layer):
    """What layers have in common that do something at random in training, and nothing else.

    Args:
        seed: for draws of its own; None draws from the generator that the model hands out.
    """

    acts_in_training_only = True

    def __init__(self, seed: int | None = None, **options: Unpack[LayerOptions]):
        super().__init__(**options)
        self.seed = None if seed is None else count(seed, "seed", type(self).__name__, least=0)

    def reseed(self, rng: np.random.Generator) -> None:
        self.rng = rng if self.seed is None else np.random.default_rng(self.seed)
