from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.expect import count, flag, number
from minicnn.initializers import InitializerLike
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.shapes import check_last_axis
from minicnn.layers.standardized import gradient, standardized
from minicnn.layers.variable import Named
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Shape

POSITIONS_AND_CHANNELS = (1, 3)  # of x as (N, positions, G, C/G)


class GroupNormalization(Layer):
    """Normalise every group of channels of a picture by itself, then scale and shift each channel.

        x_hat = (x - mean) / sqrt(variance + epsilon)       mean and variance over all positions
        y     = gamma * x_hat + beta                        and the C/G channels of a group

    Nothing depends on the other samples of the batch, so that small batches do no harm, and
    training and inference are alike. Backward: dbeta and dgamma are the sums of dy and of dy *
    x_hat over samples and positions, and dx follows from dy * gamma as in standardized.py.

    Args:
        groups: G, into how many parts the channels are cut; -1 for one channel each.
        axis: the channel axis, the last one; no other is supported.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        beta_initializer, gamma_initializer: how they start, see initializers.
        beta_regularizer, gamma_regularizer: penalties on them, see regularizers.
        beta_constraint, gamma_constraint: what they are kept within, see constraints.

    Shapes: x, y (N, ..., C); gamma, beta (C,)
    Cache: x_hat (N, positions, G, C/G); inv_std (N, 1, G, 1)
    Raises ValueError when the channels cannot be cut into equal groups.
    Source: Wu & He 2018, arXiv:1803.08494, section 3.

    >>> layers.GroupNormalization(groups=1)(np.array([[[1.0, 2.0], [3.0, 4.0]]])).round(2)
    array([[[-1.34, -0.45],
            [ 0.45,  1.34]]], dtype=float32)
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
        groups: int = 32,
        axis: int = -1,
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
        self.groups = -1 if groups == -1 else count(groups, "groups", "GroupNormalization")
        self.axis = axis
        self.epsilon = number(epsilon, "epsilon", "GroupNormalization", least=0)
        self.center = flag(center, "center", "GroupNormalization")
        self.scale = flag(scale, "scale", "GroupNormalization")
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

    def setup(self, input_shape: Shape) -> Shape:
        check_last_axis(self.axis, input_shape, self)
        channels = input_shape[-1]
        if self.groups > channels or channels % self.groups:
            raise ValueError(
                f"{self} expected channels that can be cut into groups={self.groups} equal parts, "
                f"received samples of {channels} channels: use another number of groups"
            )
        if self.scale:
            self.add_param(
                "gamma",
                (channels,),
                self.gamma_initializer,
                self.gamma_regularizer,
                self.gamma_constraint,
            )
        if self.center:
            self.add_param(
                "beta",
                (channels,),
                self.beta_initializer,
                self.beta_regularizer,
                self.beta_constraint,
            )
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        x_hat, inv_std = standardized(self._in_groups(x), POSITIONS_AND_CHANNELS, self.epsilon)
        self._cache = (x_hat, inv_std) if training else None
        y = x_hat.reshape(x.shape)
        if self.scale:
            y = y * self.params["gamma"]
        if self.center:
            y = y + self.params["beta"]
        return y

    def backward(self, dy: Array) -> Array | None:
        dy, x_hat, inv_std = self.take_cache(dy)
        but_channels = tuple(range(dy.ndim - 1))
        if self.trainable and self.scale:
            products = dy * x_hat.reshape(dy.shape)
            self.grads["gamma"][...] = products.sum(axis=but_channels, dtype=np.float64)
        if self.trainable and self.center:
            self.grads["beta"][...] = dy.sum(axis=but_channels, dtype=np.float64)
        if not self.needs_input_grad:
            return None
        dx_hat = self._in_groups(dy * self.params["gamma"] if self.scale else dy)
        return gradient(dx_hat, x_hat, inv_std, POSITIONS_AND_CHANNELS).reshape(dy.shape)

    def _in_groups(self, x: Array) -> Array:
        """(N, ..., C) as (N, positions, G, C/G)."""
        C = x.shape[-1]
        groups = C if self.groups == -1 else self.groups
        return x.reshape(len(x), -1, groups, C // groups)
