"""Batch normalisation over a whole batch, of which every shard has a part.

Of the M values of a channel in the batch, shard v has M_v. Sums over the shards are all it takes:

    forward     mean = sum of x / M; then, in a second pass, variance = sum of (x - mean)^2 / M
    backward    dbeta = sum of dy and dgamma = sum of dy * x_hat, of which dx needs the M-th part

A shard's forward and backward only keep what they are given, and pass on an array that is yet to
be computed, as the engine's steps do. When all shards of this rank have come to the layer, they
meet: their sums are added to those of the other ranks, and then the layer computes what waits.

Source: Peng et al. 2018, "MegDet: A large mini-batch object detector", arXiv:1711.07240
(cross-GPU batch normalization).
"""

from collections.abc import Callable, Sequence

import numpy as np

from minicnn.kernels.batch_norm import channel_sums
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.types import Array

# an array of each shard of this rank, in double precision -> the sum over all shards
Add = Callable[[list[Array]], Array]


class Synchronized(BatchNormalization):
    """A BatchNormalization at its place in one shard.

    Attributes:
        _given, _result: while it waits, what forward or backward was given and has passed on.
        _moments, _M: mean and variance (C,) of the batch, of how many values each.
        _sums: dbeta and dgamma (C,) of the batch, and M.
    """

    _given: Array | None = None
    _result: Array | None = None
    _moments: tuple[Array, Array]
    _M: int
    _sums: tuple[Array, Array, int]

    def __str__(self) -> str:
        return f"{BatchNormalization.__name__} {self.name!r}"

    def forward(self, x: Array, *, training: bool = False) -> Array:
        if training and self.uses_batch:
            return self._wait(self.accept(x))
        return super().forward(x, training=training)

    def backward(self, dy: Array) -> Array | None:
        dy = self.accept_gradient(dy, *self.last_forward())
        _, _, of_batch = self._cache or (None, None, False)
        return self._wait(dy) if of_batch and self.needs_input_grad else super().backward(dy)

    def _wait(self, given: Array) -> Array:
        self._given, self._result = given, np.empty(given.shape, self.dtype)
        return self._result

    @property
    def waits(self) -> bool:
        """Whether forward or backward is yet to be computed."""
        return self._given is not None

    @property
    def rows(self) -> Array:
        """What it was given, (M_v, C)."""
        assert self._given is not None
        return self._given.reshape(-1, self._given.shape[-1])

    def normalize(self, mean: Array, variance: Array, M: int) -> None:
        """Compute what forward has passed on, by the moments of the batch's M values."""
        self._moments, self._M = (mean, variance), M
        assert self._given is not None
        self._finish(super().forward(self._given, training=True))

    def go_back(self, dbeta: Array, dgamma: Array) -> None:
        """Compute what backward has passed on, by those of the batch; in grads it leaves this
        shard's part of them.
        """
        self._sums = dbeta, dgamma, self._M
        assert self._given is not None
        self._finish(super().backward(self._given))

    def _finish(self, computed: Array | None) -> None:
        assert self._result is not None
        self._result[...] = computed
        self._given = self._result = None

    # What the layer asks on its way

    def _batch_moments(self, rows: Array) -> tuple[Array, Array]:  # noqa: ARG002
        return self._moments

    def _batch_sums(self, dbeta: Array, dgamma: Array, M: int) -> tuple[Array, Array, int]:  # noqa: ARG002
        return self._sums

    # What this shard's part adds to the sums

    def values(self) -> Array:
        """(C + 1,): the sum of x, and M_v."""
        return np.append(self.rows.sum(axis=0, dtype=np.float64), len(self.rows))

    def deviations(self, mean: Array) -> Array:
        """(2, C): the sums of x - mean, and of its square."""
        off = self.rows - mean  # in double precision, as the mean is
        return np.stack([off.sum(axis=0), np.square(off).sum(axis=0)])

    def gradients(self) -> Array:
        """(2, C): dbeta and dgamma."""
        x_hat, *_ = self._cache or ()
        dbeta, dgamma = sums = np.empty((2, x_hat.shape[-1]))
        channel_sums(self.rows, x_hat, dbeta, dgamma)
        return sums


def synchronized(layer: BatchNormalization) -> Synchronized:
    """A twin of the layer that waits for those of the other shards."""
    twin = layer.twin(layer.input_shape)
    twin.__class__ = Synchronized  # which differs in what it does alone
    assert isinstance(twin, Synchronized)
    return twin


def meet_forward(norms: Sequence[Synchronized], add: Add) -> None:
    """Let those of this rank's shards that wait at one layer normalise what they were given."""
    *total, M = add([norm.values() for norm in norms])
    mean = np.array(total) / M
    # what deviations sum up to, 0 but for rounding, corrects the mean: see channel_moments
    off, squares = add([norm.deviations(mean) for norm in norms])
    mean, variance = mean + off / M, np.maximum((squares - off * off / M) / M, 0)
    norms[0].warn_of_single_value(int(M))
    norms[0].move_averages(mean, variance)  # which all have in common
    for norm in norms:
        norm.normalize(mean, variance, int(M))


def meet_backward(norms: Sequence[Synchronized], add: Add) -> None:
    """Let them compute the gradients of what they were given."""
    dbeta, dgamma = add([norm.gradients() for norm in norms])
    for norm in norms:
        norm.go_back(dbeta, dgamma)
