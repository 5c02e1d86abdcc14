"""How pixels enter the networks of keras.applications: each was trained on its own scale."""

from typing import Any

import numpy as np

from minicnn.expect import array
from minicnn.layers import Rescaling
from minicnn.layers.node import Node
from minicnn.types import Array

MEANS = (103.939, 116.779, 123.68)  # of ImageNet's blue, green and red, as Caffe's networks saw it


def around_zero(x: Any, who: str) -> Any:
    """Pixels 0 ... 255 as -1 ... 1; of a symbolic tensor, by a layer: Keras' mode "tf".

    y = x / 127.5 - 1
    """
    if isinstance(x, Node):
        return Rescaling(1 / 127.5, offset=-1.0)(x)
    return floats(x, who) / 127.5 - 1


def caffe(x: Any, who: str) -> Array:
    """Red, green and blue as blue, green and red, each less its mean: Keras' mode "caffe".

        y = x[..., ::-1] - MEANS

    Raises TypeError for a symbolic tensor, ValueError for pictures without three channels.
    """
    if isinstance(x, Node):
        raise TypeError(
            f"{who} expected pictures (N, H, W, 3), received the symbolic tensor {x!r}: no layer "
            "exchanges channels. Call it on the arrays before they enter the model, as in "
            "dataset.map(lambda x, y: (preprocess_input(x), y)) or ImageDataGenerator("
            "preprocessing_function=preprocess_input)"
        )
    x = floats(x, who)
    if x.ndim == 0 or x.shape[-1] != 3:
        raise ValueError(
            f"{who} expected pictures (N, H, W, 3), received shape {x.shape}: "
            "np.repeat(x, 3, axis=-1) makes three channels of one"
        )
    return x[..., ::-1] - np.array(MEANS, x.dtype)


def floats(x: Any, who: str) -> Array:
    """x as an array of its own float type, or else of float32."""
    x = array(x, "x", who)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float32)
