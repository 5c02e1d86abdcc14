from typing import Unpack

import numpy as np

from minicnn import constraints, initializers, regularizers
from minicnn.constraints import ConstraintLike
from minicnn.errors import warn
from minicnn.expect import flag, number
from minicnn.initializers import InitializerLike
from minicnn.kernels.batch_norm import channel_moments, channel_sums, normalize
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.shapes import check_last_axis
from minicnn.layers.variable import Named
from minicnn.regularizers import RegularizerLike
from minicnn.types import Array, Shape

BATCHES = "batches"  # in state: how many have moved the averages, with warmup


class BatchNormalization(Layer):
    """Normalise each channel over the batch, then scale and shift.

        x_hat = (x - mean) / sqrt(variance + epsilon)
        y     = gamma * x_hat + beta

    Training uses the batch's own mean and (biased) variance and moves the moving averages towards
    them; inference, and training while `trainable` is False, uses the moving averages:
        average = m * average + (1 - m) * the batch's,    m = momentum
    They begin at 0 and 1, and at momentum 0.99 it takes some 400 batches until nothing is left of
    that: whoever has few pictures, and so few batches, validates on averages that are none. With
    `warmup` they are plain means at first:
        m = min(momentum, 1 - 1 / t) at the t-th batch

    Backward: dbeta = sum of dy and dgamma = sum of dy * x_hat over the M values of a channel. For
    dx, mean and variance are functions of x too, and what that adds is just what makes dx blind to
    a shift and to a stretch of x:
        dx = gamma / sqrt(variance + epsilon) * (dy - (dbeta + x_hat * dgamma) / M)
    With the moving averages, which do not depend on x:
        dx = gamma / sqrt(moving_variance + epsilon) * dy

    Args:
        axis: the channel axis, the last one; no other is supported.
        momentum: weight of the old moving average, as in Keras (PyTorch's is 1 - momentum). May be
            changed.
        epsilon: added to the variance. May be changed.
        center, scale: whether there is a beta, a gamma.
        beta_initializer and so on: how weights start, see initializers.
        beta_regularizer, gamma_regularizer: penalties on them, see regularizers.
        beta_constraint, gamma_constraint: what they are kept within, see constraints.
        warmup: whether the moving averages are plain means at first. (Keras has no such argument.)

    Shapes: x, y (N, ..., C); gamma, beta, moving_mean, moving_variance (C,)
    Cache: x_hat (M, C), M = N * positions; inv_std (C,); whether the statistics were the batch's
    Warns when a batch holds one value per channel, which is normalised to beta whatever it is.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.

    >>> norm = layers.BatchNormalization()
    >>> norm.build((8, 8, 16))
    (8, 8, 16)
    >>> [*norm.params, *norm.state]
    ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    gamma, beta, moving_mean, moving_variance = Named(), Named(), Named(), Named()

    own_state = (BATCHES,)
    optional_arguments = (
        "beta_initializer",
        "gamma_initializer",
        "moving_mean_initializer",
        "moving_variance_initializer",
        "beta_regularizer",
        "gamma_regularizer",
        "beta_constraint",
        "gamma_constraint",
        "warmup",
    )
    holds_averages = False  # at a place of a network that fixes training=False

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        *,
        warmup: bool = False,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        self.axis = axis
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.described(beta_initializer, "beta_initializer", self)
        self.gamma_initializer = initializers.described(
            gamma_initializer, "gamma_initializer", self
        )
        self.moving_mean_initializer = initializers.described(
            moving_mean_initializer, "moving_mean_initializer", self
        )
        self.moving_variance_initializer = initializers.described(
            moving_variance_initializer, "moving_variance_initializer", self
        )
        self.beta_regularizer = regularizers.described(beta_regularizer, "beta_regularizer", self)
        self.gamma_regularizer = regularizers.described(
            gamma_regularizer, "gamma_regularizer", self
        )
        self.beta_constraint = constraints.described(beta_constraint, "beta_constraint", self)
        self.gamma_constraint = constraints.described(gamma_constraint, "gamma_constraint", self)
        self.warmup = flag(warmup, "warmup", "BatchNormalization")

    @property
    def momentum(self) -> float:
        """The weight of the old moving average, from 0 to 1."""
        return self._momentum

    @momentum.setter
    def momentum(self, momentum: float) -> None:
        if not 0 <= number(momentum, "momentum", "BatchNormalization") <= 1:
            raise ValueError(
                f"BatchNormalization expected 0 <= momentum <= 1, received {momentum!r}"
            )
        self._momentum = momentum

    @property
    def epsilon(self) -> float:
        """What is added to the variance, at least 0."""
        return self._epsilon

    @epsilon.setter
    def epsilon(self, epsilon: float) -> None:
        if not number(epsilon, "epsilon", "BatchNormalization") >= 0:
            raise ValueError(
                f"BatchNormalization expected epsilon of at least 0, received {epsilon!r}"
            )
        self._epsilon = epsilon

    def setup(self, input_shape: Shape) -> Shape:
        check_last_axis(self.axis, input_shape, self)
        channels = input_shape[-1:]
        if self.scale:
            self.add_param(
                "gamma",
                channels,
                self.gamma_initializer,
                self.gamma_regularizer,
                self.gamma_constraint,
            )
        if self.center:
            self.add_param(
                "beta", channels, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )
        self.add_state("moving_mean", channels, self.moving_mean_initializer)
        self.add_state("moving_variance", channels, self.moving_variance_initializer)
        if self.warmup:
            self.add_state(BATCHES, (1,), "zeros")
        return input_shape

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        rows = x.reshape(-1, x.shape[-1])  # (M, C)
        of_batch = training and self.uses_batch
        mean, variance = self._batch_moments(rows) if of_batch else self._moving_moments()
        inv_std = 1 / np.sqrt(variance + self.epsilon)  # (C,) float64
        x_hat = np.empty_like(rows)
        normalize(rows, mean, inv_std, x_hat)
        self._cache = (x_hat, inv_std.astype(self.dtype), of_batch) if training else None
        y = x_hat
        if self.scale:
            y = y * self.params["gamma"]
        if self.center:
            y = y + self.params["beta"]
        return y.reshape(x.shape)

    @property
    def uses_batch(self) -> bool:
        """Whether training uses the batch's own statistics, and not the moving averages."""
        return self.trainable and not self.holds_averages

    def _moving_moments(self) -> tuple[Array, Array]:
        return self.state["moving_mean"].astype(np.float64), self.state["moving_variance"].astype(
            np.float64
        )

    def _batch_moments(self, rows: Array) -> tuple[Array, Array]:
        M, C = rows.shape
        self.warn_of_single_value(M)
        mean, variance = np.empty(C), np.empty(C)
        channel_moments(rows, mean, variance)
        self.move_averages(mean, variance)
        return mean, variance

    def warn_of_single_value(self, M: int) -> None:
        """Warn when a batch has only one value per channel."""
        if M == 1:
            warn(
                f"{self} normalises a batch with one value per channel: its variance is 0 and the "
                "output is beta whatever the input. Use larger batches."
            )

    def move_averages(self, mean: Array, variance: Array) -> None:
        """Move the moving averages towards a batch's mean and variance (C,)."""
        momentum = self.next_momentum()
        if (
            variance < np.finfo(self.dtype).max
        ).all():  # NaN is not: one bad batch must not spoil the averages
            for average, batch in (
                (self.state["moving_mean"], mean),
                (self.state["moving_variance"], variance),
            ):
                average[...] = average * momentum + batch * (1 - momentum)

    def next_momentum(self) -> float:
        """The weight of the old averages at the coming batch, which is counted."""
        if not self.warmup:
            return self.momentum
        batches = self.state[BATCHES]
        batches += 1
        return min(self.momentum, 1 - 1 / float(batches[0]))

    def backward(self, dy: Array) -> Array | None:
        dy, x_hat, inv_std, of_batch = self.take_cache(dy)
        rows = dy.reshape(-1, dy.shape[-1])  # (M, C)
        M, C = rows.shape
        dbeta, dgamma = np.empty(C), np.empty(C)
        channel_sums(rows, x_hat, dbeta, dgamma)
        if self.trainable and self.scale:
            self.grads["gamma"][...] = dgamma
        if self.trainable and self.center:
            self.grads["beta"][...] = dbeta
        if not self.needs_input_grad:
            return None
        if of_batch:
            dbeta, dgamma, M = self._batch_sums(dbeta, dgamma, M)
            rows = rows - ((dbeta / M).astype(self.dtype) + x_hat * (dgamma / M).astype(self.dtype))
        factor = inv_std * self.params["gamma"] if self.scale else inv_std
        return (rows * factor).reshape(dy.shape)

    def _batch_sums(self, dbeta: Array, dgamma: Array, M: int) -> tuple[Array, Array, int]:
        """dbeta, dgamma and M of the whole batch: these, unless this layer has but a part of it."""
        return dbeta, dgamma, M
