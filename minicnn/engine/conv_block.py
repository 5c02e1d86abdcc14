"""One step of the plan: convolution, ReLU, batch normalisation and max pooling, run together.

    z = conv(x) + bias;   a = max(z, 0);   b = gamma (a - mean) / deviation + beta;   y = the largest b of every window

The order of work is another than the layers', the result is the same:

* ReLU, bias and statistics are applied to a row of z while it is in the first-level cache.
* Batch normalisation moves and stretches a channel; it does not change which cell of a window is the largest, unless
  it stretches by a negative gamma: then the smallest becomes the largest. So windows are pooled *before* the statistics
  are known, by gamma's sign, and only their winners are normalised, a quarter as many. (All cells count in the
  statistics, those of a dropped odd row too.)
* Backward makes the gradient of z of a few pictures, row by row, in a buffer that stays in the second-level cache, right
  before the two products that need it: dkernel and dx. The gradient map of the whole batch never exists.
* In inference the statistics are known before: no activation is stored, only what comes out at the end.
"""

import numpy as np

from minicnn.engine import block_kernels as kernels
from minicnn.engine import row_kernels
from minicnn.engine.convolution import convolution
from minicnn.engine.geometry import geometry
from minicnn.layers.base import Array, Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.max_pooling2d import MaxPooling2D


class ConvBlock:
    """Runs a built Conv2D and what follows it; borrows their arrays and owns only buffers.

    Args:
        conv: the convolution, run without its activation.
        relu: whether a ReLU comes next.
        norm: the batch normalisation after that, if any.
        pool: the max pooling after that, if any; its windows must not overlap and not be padded.
    """

    needs_input_grad = True

    def __init__(self, conv: Conv2D, relu: bool, norm: BatchNormalization | None, pool: MaxPooling2D | None):
        self.conv, self.relu, self.norm = conv, relu, norm
        self.pool = pool if pool and pool.pool_size != (1, 1) else None
        self.layers: list[Layer] = [layer for layer in (conv, norm, pool) if layer is not None]
        self.g = geometry(conv)
        self.convolution = convolution(self.g, conv.dtype)
        name, window = conv.dtype.name, self.pool.pool_size if self.pool else (1, 1)
        self.window = window
        self.activate = [row_kernels.activate(name, relu, moments) for moments in (False, True)]
        self.affine, self.sums = row_kernels.affine(name), row_kernels.sums(name)
        self.best = row_kernels.pool(name, *window) if self.pool else 0
        self.gradient = row_kernels.gradient(name, window[1], self.pool is not None, relu)
        FP = self.g.FP
        self.channels = kernels.Channels(*np.zeros((len(kernels.Channels._fields), FP), conv.dtype))
        self.channels.sign[:] = self.channels.scale[:] = self.channels.factor[:] = 1
        self.mean, self.variance = np.zeros(FP), np.ones(FP)
        self.dbias = np.zeros((kernels.CHUNKS, FP))
        self.buffers: dict[int, Buffers] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        g, conv, norm = self.g, self.conv, self.norm
        x = conv.accept(x)
        own = self._buffers(len(x))
        self.convolution.load(conv.params["kernel"])
        if conv.use_bias:
            self.channels.bias[: g.F] = conv.params["bias"]
        of_batch = norm is not None and training and norm.trainable
        if norm is not None and norm.scale:
            np.copysign(1, norm.params["gamma"], out=self.channels.sign[: g.F])
        if norm is not None and not of_batch:
            self._load_statistics(norm, norm.state["moving_mean"], norm.state["moving_variance"])
        work = kernels.Work(
            winograd=self.convolution.winograd,
            activate=self.activate[of_batch],
            pool=self.best,
            affine=self.affine if norm is not None and not training else 0,
            moments=of_batch,
            keep=training or not self.pool,
        )
        kernels.forward_all(
            own.sizes, work, own.direct, own.winograd, own.scratch, x.reshape(-1), len(x), self.convolution.packed,
            self.channels, own.a, own.pooled, own.winner, own.means, own.m2s,
        )  # fmt: skip
        y = winners = own.pooled if self.pool else own.a
        if norm is not None and training:
            if of_batch:
                norm.warn_of_single_value(own.counts.sum())
                kernels.finish_moments(own.counts, own.means, own.m2s, self.mean, self.variance)
                norm.move_averages(self.mean[: g.F], self.variance[: g.F])
                self._load_statistics(norm, self.mean[: g.F], self.variance[: g.F])
            y = own.y
            kernels.affine_all(self.affine, own.sizes, self.channels, winners, len(x), y)
        self._cache = (x, own, winners, of_batch) if training else ()
        return own.cropped(y)

    def _load_statistics(self, norm: BatchNormalization, mean: Array, variance: Array) -> None:
        """Make the numbers per channel of  y = (x - mean) / deviation * gamma + beta."""
        channels, F = self.channels, self.g.F
        self.inv_std = 1 / np.sqrt(variance + norm.epsilon)
        scale = self.inv_std * norm.params["gamma"] if norm.scale else self.inv_std
        channels.center[:F], channels.scale[:F] = mean, scale
        # x - mean in double is (x - center) + (center - mean): the second part is put right here
        shift = (channels.center[:F] - mean) * scale
        channels.shift[:F] = shift + norm.params["beta"] if norm.center else shift

    def backward(self, dy: Array) -> Array | None:
        dy = self.layers[-1].accept_gradient(dy, bool(self._cache), len(self._cache[0]) if self._cache else 0)
        (x, own, winners, of_batch), self._cache = self._cache, ()
        g, conv, channels = self.g, self.conv, self.channels
        dy = own.widened(dy)
        if self.norm is not None:
            self._backward_norm(self.norm, own, winners, dy, of_batch)
        if not (conv.trainable or self.needs_input_grad):
            return None
        if self.needs_input_grad:
            self.convolution.load_transposed(conv.params["kernel"])
        work = kernels.Work(
            winograd=self.convolution.winograd,
            gradient=self.gradient,
            weights=conv.trainable,
            inputs=self.needs_input_grad,
        )
        kernels.backward_all(
            own.sizes, work, own.direct, own.winograd, own.scratch, x.reshape(-1), len(x), self.convolution.packed_t,
            channels, own.a, dy, own.winner, self.convolution.gradients, self.dbias, own.dx,
        )  # fmt: skip
        if conv.trainable:
            self.convolution.store_gradient(conv.grads["kernel"])
            if conv.use_bias:
                conv.grads["bias"][...] = self.dbias.sum(axis=0)[: g.F]
        if not self.needs_input_grad:
            return None
        dx = own.dx.reshape(len(x), g.H, g.W, g.CP)
        return dx if g.CP == g.C else dx[..., : g.C]

    def _backward_norm(
        self, norm: BatchNormalization, own: "Buffers", winners: Array, dy: Array, of_batch: bool
    ) -> None:
        """dgamma and dbeta, and the numbers per channel by which the gradient goes on: see row_kernels.gradient."""
        F, channels = self.g.F, self.channels
        mean = self.mean[:F] if of_batch else norm.state["moving_mean"]
        channels.scale[:F] = self.inv_std
        dbeta, dgamma = np.empty((2, kernels.CHUNKS, self.g.FP))
        kernels.sums_all(self.sums, own.sizes, channels, dy, winners, len(own), dbeta, dgamma)
        dbeta, dgamma = dbeta.sum(axis=0)[:F], dgamma.sum(axis=0)[:F]
        rounded = channels.center[:F] - mean
        dgamma += dbeta * rounded * self.inv_std
        if norm.trainable and norm.scale:
            norm.grads["gamma"][...] = dgamma
        if norm.trainable and norm.center:
            norm.grads["beta"][...] = dbeta
        factor = self.inv_std * norm.params["gamma"] if norm.scale else self.inv_std
        channels.factor[:F] = factor
        if of_batch:
            count = own.counts.sum()
            slope = -factor * self.inv_std * dgamma / count
            channels.slope[:F] = slope
            channels.offset[:F] = -factor * dbeta / count + slope * rounded
        else:
            channels.slope[:] = channels.offset[:] = 0

    def _buffers(self, n: int) -> "Buffers":
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        return self.buffers[n]


class Buffers:
    """What a ConvBlock writes for batches of n pictures, allocated once, and the programs for that many."""

    def __init__(self, block: ConvBlock, n: int):
        g, dtype, (PH, PW) = block.g, block.conv.dtype, block.window
        self.n, self.g = n, g
        down, across = g.OH // PH, g.OW // PW
        self.a = np.zeros(n * g.OH * g.OW * g.FP, dtype)
        pooled = n * down * across * g.FP if block.pool else 1
        self.pooled, self.winner = np.zeros(pooled, dtype), np.zeros(pooled, np.uint8)
        self.shape = (n, down, across)
        self.y, self.dy = np.zeros((2, n * down * across * g.FP), dtype)
        self.crop = np.zeros((*self.shape, g.F), dtype) if g.F != g.FP else None
        self.dx = np.zeros(n * g.H * g.W * g.CP, dtype)
        self.means, self.m2s = np.zeros((2, kernels.CHUNKS, g.FP))
        pictures = np.diff([n * k // kernels.CHUNKS for k in range(kernels.CHUNKS + 1)])
        self.counts = pictures * (g.OH * g.OW)
        self.sizes, self.direct, self.winograd, self.scratch = block.convolution.plan(int(pictures.max()), block.window)

    def __len__(self) -> int:
        return self.n

    def cropped(self, y: Array) -> Array:
        """y (flat, FP wide) as (N, down, across, F)."""
        y = y.reshape(*self.shape, self.g.FP)
        if self.crop is None:
            return y
        self.crop[...] = y[..., : self.g.F]
        return self.crop

    def widened(self, dy: Array) -> Array:
        """dy (N, down, across, F) flat and FP wide."""
        if self.crop is None:
            return dy.reshape(-1)
        self.dy.reshape(*self.shape, self.g.FP)[..., : self.g.F] = dy
        return self.dy
