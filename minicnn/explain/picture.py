"""The one picture that is to be explained, checked."""

import numpy as np
from numpy.typing import ArrayLike

from minicnn.expect import array
from minicnn.network import Network
from minicnn.types import Array, Shape


def one_picture(model: Network, x: ArrayLike, who: str) -> tuple[Array, Array]:
    """The picture (H, W, C) as it was given, and as the batch of one (1, H, W, C) that the model's layers take.

    Raises ValueError when x is not one picture, with or without a batch axis, of the model's input shape.
    """
    if len(model.inputs) > 1:
        names = ", ".join(node.name for node in model.inputs)
        raise ValueError(f"{who} expected a model of one input, a picture, received {model.name!r} with inputs {names}")
    picture = array(x, "one picture", who)
    if picture.ndim == 4 and len(picture) == 1:
        picture = picture[0]
    if picture.ndim == 3:
        model.build_for(picture[None])
    if not model.built:
        raise ValueError(f"{who} expected one picture (H, W, C), received {np.shape(x)}")
    expected = model.input_shape[1:]
    if len(expected) != 3:
        raise ValueError(f"{who} expected a model of pictures, received {model.name!r} for samples of shape {expected}")
    if picture.shape != expected:
        hint = _hint(picture.shape, expected)
        raise ValueError(f"{who} expected one picture {expected}, received {np.shape(x)}{hint}")
    return picture, np.ascontiguousarray(picture[None], model.dtype)


def _hint(received: Shape, expected: Shape) -> str:
    if len(received) == 4:
        return ": choose one, x[0]"
    if received == (*expected[-1:], *expected[:-1]):
        return ": minicnn is channels-last, try x.transpose(1, 2, 0)"
    if len(received) == 2 and received == expected[:-1]:
        return ": add the channel axis, x[..., None]"
    return ""
