from collections.abc import Sequence
from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.expect import flag, is_integer, number
from minicnn.initializers import InitializerLike
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.shapes import with_batch
from minicnn.layers.standardized import gradient, standardized
from minicnn.layers.variable import Named
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Shape


class LayerNormalization(Layer):
    """Normalise the channels of every position by themselves, then scale and shift.

        x_hat = (x - mean) / sqrt(variance + epsilon)       mean and variance over `axis`
        y     = gamma * x_hat + beta

    Nothing depends on the other samples of the batch, and training and inference are alike.
    Backward: dbeta and dgamma are the sums of dy and of dy * x_hat over all other axes, and dx
    follows from dy * gamma as in standardized.py.

    Args:
        axis: the axes that mean and variance are taken over, and that gamma and beta have, counted
            with the batch axis: -1, the channels; [1, 2, 3], whole pictures.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: how they start, see initializers.
        beta_regularizer, gamma_regularizer: penalties on them, see regularizers.
        beta_constraint, gamma_constraint: what they are kept within, see constraints.

    Shapes: x, y (N, ..., C); gamma, beta (C,), or x's sizes along `axis`
    Cache: x_hat (N, ..., C); inv_std (N, ..., 1)
    Source: Ba, Kiros, Hinton 2016, arXiv:1607.06450, section 3.

    >>> layers.LayerNormalization()(np.array([[1.0, 2.0, 3.0]])).round(2)
    array([[-1.22,  0.  ,  1.22]], dtype=float32)
    """

    gamma, beta = Named(), Named()

    optional_arguments = (
        "beta_initializer",
        "gamma_initializer",
        "beta_regularizer",
        "gamma_regularizer",
        "beta_constraint",
        "gamma_constraint",
    )

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        axes: list = list(axis) if isinstance(axis, list | tuple) else [axis]
        if not axes or not all(is_integer(one, -9) for one in axes):
            raise ValueError(
                "LayerNormalization expected axis as an integer or a list of them, received "
                f"{axis!r}"
            )
        self.axis: int | list[int] = axes if isinstance(axis, list | tuple) else axes[0]
        self.epsilon = number(epsilon, "epsilon", "LayerNormalization", least=0)
        self.center = flag(center, "center", "LayerNormalization")
        self.scale = flag(scale, "scale", "LayerNormalization")
        self.beta_initializer = initializers.described(beta_initializer, "beta_initializer", self)
        self.gamma_initializer = initializers.described(
            gamma_initializer, "gamma_initializer", self
        )
        self.beta_regularizer = regularizers.described(beta_regularizer, "beta_regularizer", self)
        self.gamma_regularizer = regularizers.described(
            gamma_regularizer, "gamma_regularizer", self
        )
        self.beta_constraint = constraints.described(beta_constraint, "beta_constraint", self)
        self.gamma_constraint = constraints.described(gamma_constraint, "gamma_constraint", self)

    def axes(self, input_shape: Shape) -> tuple[int, ...]:
        """`axis` as numbers of x's axes, counted with the batch axis, in order."""
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        n = len(input_shape) + 1
        found = sorted({one % n for one in given if -n <= one < n} - {0})
        if len(found) < len(given):
            raise ValueError(
                f"{self} expected different axes of {with_batch(input_shape)} but for the first, "
                f"the samples, received axis={self.axis}"
            )
        return tuple(found)

    def setup(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape[axis - 1] for axis in self.axes(input_shape))
        if self.scale:
            self.add_param(
                "gamma",
                shape,
                self.gamma_initializer,
                self.gamma_regularizer,
                self.gamma_constraint,
            )
        if self.center:
            self.add_param(
                "beta", shape, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        y, inv_std = standardized(x, self.axes(self.input_shape), self.epsilon)
        self._cache = (y, inv_std) if training else None
        if self.scale:
            y = y * self._along("gamma")
        if self.center:
            y = y + self._along("beta")
        return y

    def backward(self, dy: Array) -> Array | None:
        dy, x_hat, inv_std = self.take_cache(dy)
        axes = self.axes(self.input_shape)
        others = tuple(axis for axis in range(dy.ndim) if axis not in axes)
        if self.trainable and self.scale:
            self.grads["gamma"][...] = (dy * x_hat).sum(axis=others, dtype=np.float64)
        if self.trainable and self.center:
            self.grads["beta"][...] = dy.sum(axis=others, dtype=np.float64)
        if not self.needs_input_grad:
            return None
        return gradient(dy * self._along("gamma") if self.scale else dy, x_hat, inv_std, axes)

    def _along(self, name: str) -> Array:
        """A parameter with 1 in the place of the axes that it does not have."""
        axes = self.axes(self.input_shape)
        sizes = [n if axis in axes else 1 for axis, n in enumerate(self.input_shape, 1)]
        return self.params[name].reshape(sizes)
