"""What a batch leaves behind in the layers, in numbers that tell a healthy training from an ill
one.
"""

import math
from collections.abc import Mapping

import numpy as np

from minicnn.layers import Conv2D, Dense, DepthwiseConv2D
from minicnn.layers.base import Layer
from minicnn.types import Array


class Vitals:
    """What some batches have shown of each layer.

    Attributes:
        gradients: by layer, |gradient| in each batch.
        updates: by layer, |change of the kernel| / |kernel| in each batch.
        alive: by layer, (units,), whether a gradient has reached the unit's weights in any batch.
        pictures: how many pictures that is true for.
    """

    def __init__(self) -> None:
        self.gradients: dict[str, list[float]] = {}
        self.updates: dict[str, list[float]] = {}
        self.alive: dict[str, Array] = {}
        self.pictures = 0

    def look(self, layers: Mapping[str, Layer], before: dict[str, Array], pictures: int) -> None:
        """Take in a batch that has just been trained on, and the kernels before it."""
        self.pictures += pictures
        for path, layer in trained(layers):
            self.gradients.setdefault(path, []).append(norm(*layer.grads.values()))
            if path in before:
                old = before[path]
                if norm(old) > 0:
                    self.updates.setdefault(path, []).append(
                        norm(layer.params["kernel"] - old) / norm(old)
                    )
                units = layer.output_shape[-1]
                reached = [
                    gradient.reshape(-1, units).any(axis=0)
                    for name, gradient in layer.grads.items()
                    if name not in layer.regularizers  # whose penalty reaches dead units too
                ]
                if reached:
                    self.alive[path] = np.any(
                        [*reached, self.alive.get(path, np.zeros(units, bool))], axis=0
                    )

    def forget(self, enough: int) -> None:
        """Begin a new epoch; which units are alive is kept until enough pictures have told it."""
        self.gradients, self.updates = {}, {}
        if self.pictures >= enough:
            self.alive, self.pictures = {}, 0


def trained(layers: Mapping[str, Layer]) -> list[tuple[str, Layer]]:
    """The layers that have something to train, and their paths."""
    return [(path, layer) for path, layer in layers.items() if layer.trainable and layer.params]


def kernels(layers: Mapping[str, Layer]) -> dict[str, Array]:
    """Copies of the kernels that train, by layer; their last axes are those of the layer's
    units.
    """
    return {
        path: layer.params["kernel"].copy()
        for path, layer in trained(layers)
        if isinstance(layer, Conv2D | Dense | DepthwiseConv2D)
    }


def norm(*arrays: Array) -> float:
    """The Euclidean norm of all numbers together."""
    return math.sqrt(sum(float(np.vdot(array, array)) for array in arrays))
