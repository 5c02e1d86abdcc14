from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.expect import is_integer
from minicnn.initializers import InitializerLike
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.variable import Named
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Shape


class PReLU(Layer):
    """Let through a share of what is negative, and learn how large a share.

        y      = x where x > 0, else alpha * x
        dx     = dy where x > 0, else alpha * dy
        dalpha = dy * min(x, 0), summed over all numbers that share an alpha

    Args:
        alpha_initializer: how alpha starts, see initializers.
        alpha_regularizer: a penalty on it, such as "l2", see regularizers.
        alpha_constraint: what it is kept within, see constraints.
        shared_axes: the axes along which numbers share an alpha, counted from 1, as N is 0. Behind
            a convolution [1, 2] leaves one alpha for each channel; None, one for each number.

    Shapes: x, y (N, ...); alpha like a sample, with 1 for each shared axis
    Cache: x (N, ...)
    Source: He et al. 2015, arXiv:1502.01852, section 2.1.

    >>> layer = layers.PReLU(shared_axes=[1, 2])
    >>> layer.build((8, 8, 16))
    (8, 8, 16)
    >>> layer.params["alpha"].shape
    (1, 1, 16)
    """

    alpha = Named()

    optional_arguments = ("alpha_regularizer", "alpha_constraint")

    def __init__(
        self,
        alpha_initializer: InitializerLike = "zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        shared_axes: int | Sequence[int] | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.alpha_initializer = initializers.described(
            alpha_initializer, "alpha_initializer", self
        )
        self.alpha_regularizer = regularizers.described(
            alpha_regularizer, "alpha_regularizer", self
        )
        self.alpha_constraint = constraints.described(alpha_constraint, "alpha_constraint", self)
        axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        if axes is not None and not (
            isinstance(axes, list | tuple) and all(is_integer(axis) for axis in axes)
        ):
            raise ValueError(
                "PReLU expected shared_axes as axes counted from 1, such as [1, 2] for height and "
                f"width, received {shared_axes!r}"
            )
        self.shared_axes = None if axes is None else [int(axis) for axis in axes]

    def setup(self, input_shape: Shape) -> Shape:
        shared = self.shared_axes or []
        if max(shared, default=0) > len(input_shape):
            raise ValueError(
                f"{self} expected shared_axes of at most {len(input_shape)}, the last axis of "
                f"samples {input_shape}, received {shared}"
            )
        shape = tuple(1 if axis in shared else n for axis, n in enumerate(input_shape, 1))
        self.add_param(
            "alpha",
            shape,
            self.alpha_initializer,
            self.alpha_regularizer,
            self.alpha_constraint,
        )
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = (x,) if training else None
        return np.where(x > 0, x, self.params["alpha"] * x)

    def backward(self, dy: Array) -> Array | None:
        dy, x = self.take_cache(dy)
        if self.trainable:
            shared = tuple(self.shared_axes or ())
            per_sample = (dy * np.minimum(x, 0)).sum(axis=(0, *shared), dtype=np.float64)
            self.grads["alpha"][...] = per_sample.reshape(self.params["alpha"].shape)
        return np.where(x > 0, dy, self.params["alpha"] * dy) if self.needs_input_grad else None
