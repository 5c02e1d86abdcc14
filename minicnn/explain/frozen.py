"""A model's layers as inference runs them, and yet with a backward."""

import copy
from functools import cached_property

import numpy as np

from minicnn.losses import check_predictions
from minicnn.machine.threads import alone
from minicnn.network import Network
from minicnn.network.executor import Execution, final_softmax
from minicnn.network.graph import chain
from minicnn.types import Array


class Frozen:
    """Copies of a built model's layers, up to the scores of its classes, that can be run and differentiated in parts.

    Backward needs a training forward, explanations need what inference computes. Both are had with two rules:
    `trainable = False` makes batch normalisation use its moving statistics, and a layer that gives its input back in
    inference (dropout, augmentation) is the identity, and so is its derivative.

    The softmax at the end is left out: explanations are of the score of a class, not of its probability, which also
    rises when the scores of others fall. The copies share nothing with the model.

    Args:
        model: built, its outputs (N, K).

    Raises ValueError when the outputs are none of classes.
    """

    def __init__(self, model: Network):
        check_predictions((1, *model.layers[-1].output_shape), f"explain of {model.name!r}")
        with alone:
            self.layers = copy.deepcopy(model.layers)
        softmax = final_softmax(self.layers[-1])
        if softmax is self.layers[-1]:
            self.layers.pop()
        elif softmax is not None:
            self.layers[-1] = self.layers[-1].without_activation()
        for layer in self.layers:
            layer.trainable = False
            layer.needs_input_grad = True
        self._engine = model.engine

    def run(self, x: Array, first: int = 0, last: int | None = None) -> Array:
        """What layers number `first` up to, and not with, `last` make of x, which is what layer `first` takes."""
        for layer in self.layers[first:last]:
            x = layer.forward(x)
        return x

    def scores(self, x: Array) -> Array:
        """The scores (N, K) of a batch: run(x) by the model's engine, ten times as fast where there are many."""
        return self._execution.outputs(x, training=False)

    @cached_property
    def _execution(self) -> Execution:
        return Execution(chain(self.layers), self._engine)

    def gradient(self, x: Array, class_index: int, first: int = 0) -> Array:
        """d(score of the class) / dx, x and gradient being of the shape that layer number `first` takes.

        Raises ValueError for a layer that is neither the same in training as in inference nor without effect there.
        """
        differentiated = []
        for layer in self.layers[first:]:
            y = layer.forward(x)
            if not same(x, y):
                x = layer.forward(x, training=True)
                if not np.allclose(x, y, equal_nan=True):
                    raise ValueError(
                        f"{layer} computes something else in training than in inference, so that there is no gradient "
                        "of the latter: it should give its input itself back in inference, or heed trainable=False. "
                        "explain.occlusion needs no gradient"
                    )
                differentiated.append(layer)
        gradient = np.zeros_like(x)
        gradient[:, class_index] = 1
        for layer in reversed(differentiated):
            gradient = layer.backward(gradient)
        return gradient


def same(x: Array, y: Array) -> bool:
    """Whether x and y are one array, in the same place in memory."""
    return (x.ctypes.data, x.shape, x.strides) == (y.ctypes.data, y.shape, y.strides)
