"""What a network ends in: the softmax or sigmoid that makes probabilities of its logits.

Losses that take logits apply it themselves, exactly and with a simpler gradient; all others get
what comes out of it, in double precision here, for 1 - p is what is left of a p near 1.
"""

from collections.abc import Callable

import numpy as np

from minicnn.kernels import cross_entropy
from minicnn.labels import of_two_classes
from minicnn.layers.base import Layer
from minicnn.layers.elementwise import Elementwise, sigmoid
from minicnn.layers.softmax import Softmax, softmax
from minicnn.types import Array


def through_softmax(y: Array, dy: Array) -> Array:
    """dz for y = softmax(z), see layers/softmax.py."""
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def through_sigmoid(y: Array, dy: Array) -> Array:
    """dz for y = sigmoid(z)."""
    return dy * y * (1 - y)


# by name: the function, and how a gradient passes back through it
ENDINGS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    "softmax": (softmax, through_softmax),
    "sigmoid": (sigmoid, through_sigmoid),
}


def ending(last: Layer) -> tuple[str | None, Layer | None]:
    """The name of what a network with this last layer ends in, and the layer that computes it, if
    any: softmax over the last axis, or sigmoid.
    """
    layer = last.activation_layer or last
    if isinstance(layer, Softmax) and layer.axis in (-1, len(last.output_shape or ())):
        return "softmax", layer
    if isinstance(layer, Elementwise) and layer.function == "sigmoid":
        return "sigmoid", layer
    return None, None


def probabilities(name: str, logits: Array) -> Array:
    """What that ending makes of logits, in their type."""
    return ENDINGS[name][0](logits).astype(logits.dtype, copy=False)


def probabilities_in_place(name: str, logits: Array) -> Array:
    """The same, where the array is nobody else's: of a few logits most of the time is memory's."""
    if name == "softmax" and logits.ndim == 2 and logits.flags.c_contiguous:
        cross_entropy.softmax(logits, logits)
        return logits
    return probabilities(name, logits)


def class_probabilities(outputs: Array, name: str | None, owner: str) -> Array:
    """The probabilities of the classes (N, K) for the outputs (N, units) of a network with that
    ending; without one, the outputs are logits.

    One unit decides between two classes: its output is the probability of the second. Raises
    ValueError for several units that each say yes or no.
    """
    if outputs.shape[-1] == 1:
        return of_two_classes(outputs if name == "sigmoid" else sigmoid(outputs))
    if name == "sigmoid":
        raise ValueError(
            f"{owner} expected classes that exclude one another, received {outputs.shape[-1]} "
            "units that each say yes or no: predict(x) > 0.5 has their answers, and "
            "metrics.BinaryAccuracy, Precision and Recall measure them"
        )
    return outputs if name == "softmax" else softmax(outputs)


def class_scores(logits: Array) -> Array:
    """The scores of the classes (N, K): of one unit's z they are -z/2 and z/2, whose softmax is 1 -
    sigmoid(z) and sigmoid(z).
    """
    return logits if logits.shape[-1] > 1 else np.concatenate([-logits / 2, logits / 2], axis=-1)
