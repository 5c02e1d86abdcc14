"""Rows of a table (N, D), which is what scikit-learn knows, and pictures (N, H, W, C).

A picture's row are its numbers in their order in memory, as reshape makes it.
"""

from math import isqrt, prod
from typing import Any

import numpy as np

from minicnn.errors import warn
from minicnn.expect import array, sample_shape
from minicnn.models.model import Model
from minicnn.types import Array, Shape

TYPES = (np.float32, np.float64, np.uint8)  # that stay as they are; others become the first
SMALLEST = 5  # pixels of a side that rows may well have been meant for


def given(X: Any, who: str) -> Any:
    """X as something that has a shape: an array, a table or a sparse matrix."""
    return X if hasattr(X, "ndim") else array(X, "X", who)


def shape_of(X: Any, input_shape: Any, model: Any, who: str) -> Shape:
    """The shape of one sample: as the user says, or as the model is built for, or as X has it.

    Without any of them a row of D numbers is a picture of 1xD with one channel, and a picture (H,
    W) has one channel. Warns of rows that may have been square pictures.
    """
    if input_shape is not None:
        return sample_shape(input_shape, who)
    if isinstance(model, Model) and model.built:
        return model.input_shape[1:]
    sample = tuple(X.shape[1:])
    if len(sample) != 1:
        return (*sample, 1) if len(sample) == 2 else sample
    side = isqrt(sample[0])
    if side >= SMALLEST and side**2 == sample[0]:
        warn(
            f"{who} sees rows of {sample[0]} numbers as pictures of 1x{sample[0]} pixels: if they "
            f"are pictures of {side}x{side}, give input_shape=({side}, {side}, 1)"
        )
    return (1, sample[0], 1)


def rows(X: Any, shape: Shape, who: str) -> Any:
    """Pictures (N, H, W, C), or (N, H, W) of one channel, as rows; what are rows or no samples at
    all stays.

    Raises ValueError for pictures of another shape.
    """
    if X.ndim < 3:
        return X
    sample = tuple(X.shape[1:])
    if sample != shape and (*sample, 1) != shape:
        turned = sample[0] in (1, 3) and (*sample[1:], sample[0]) == shape
        fix = "try X.transpose(0, 2, 3, 1)" if turned else "resize them, or change input_shape"
        raise ValueError(
            f"{who} expected pictures of {shape}, received {sample}: {fix}; minicnn is channels-"
            "last"
        )
    return np.asarray(X).reshape(len(X), -1)


def pictures(X: Array, shape: Shape, who: str) -> Array:
    """Rows as samples of that shape. Raises ValueError for rows of another length."""
    if X.shape[1] != prod(shape):
        raise ValueError(
            f"{who} expected rows of {prod(shape)} numbers for samples of {shape}, received "
            f"{X.shape[1]}: give the input_shape that they have"
        )
    return X.reshape(len(X), *shape)
