"""One step of the plan: convolution, ReLU, batch normalisation and max pooling, run together.

    z = conv(x) + bias;   a = max(z, 0);   b = gamma (a - mean) / deviation + beta;   y = the largest b of every window

The order of work is another than the layers', the result is the same:

* ReLU, bias and statistics are applied to a row of z while it is in the first-level cache.
* Batch normalisation moves and stretches a channel; it does not change which cell of a window is the largest, unless
  it stretches by a negative gamma: then the smallest becomes the largest. So windows are pooled *before* the statistics
  are known, by gamma's sign, and only their winners are normalised, a quarter as many. (All cells count in the
  statistics, those of a dropped odd row too.)
* Backward makes the gradient of z of one picture, row by row, in a buffer that stays in the second-level cache, right
  before the two products that need it: dkernel and dx. The gradient map of the whole batch never exists.
"""

import numpy as np

from minicnn.engine import block_kernels as kernels
from minicnn.engine import row_kernels
from minicnn.engine.conv import tile_tables
from minicnn.engine.geometry import geometry
from minicnn.engine.products import pack, pack_transposed
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
        self.g = g = geometry(conv, pool.pool_size if pool else (1, 1))
        self.buffers: dict[int, Buffers] = {}
        self.kernel = np.zeros(g.KH * g.KW * g.C * g.FP, conv.dtype)
        self.kernel_t = np.zeros(g.KH * g.KW * g.F * g.CP, conv.dtype)
        self.bias = np.zeros(g.FP, conv.dtype)
        self.sign = np.ones(g.FP, conv.dtype)
        self.mean, self.variance = np.zeros(g.FP), np.ones(g.FP)
        self.dkernel = np.zeros((kernels.CHUNKS, g.KH * g.KW * g.C, g.FP), conv.dtype)
        self.dbias = np.zeros((kernels.CHUNKS, g.FP))
        self.dz = np.zeros((kernels.CHUNKS, g.G, g.OH, g.OW, g.FP), conv.dtype)
        self._cache: tuple = ()

    def _run(self, moments: bool = False, weights: bool = False, inputs: bool = False) -> kernels.Run:
        name, pool = self.conv.dtype.name, self.pool
        return kernels.Run(
            activate=row_kernels.activate(name, self.relu, moments),
            pool=row_kernels.pool(name, *pool.pool_size) if pool else 0,
            gradient=row_kernels.gradient(name, self.g.PW, pool is not None, self.relu) if weights or inputs else 0,
            moments=moments,
            weights=weights,
            inputs=inputs,
        )

    def forward(self, x: Array, *, training: bool = False) -> Array:
        g, conv = self.g, self.conv
        x = conv.accept(x)
        own = self._buffers(len(x))
        pack(conv.params["kernel"].reshape(-1, g.F), g.lanes, self.kernel)
        if conv.use_bias:
            self.bias[: g.F] = conv.params["bias"]
        of_batch = self.norm is not None and training and self.norm.trainable
        if self.norm is not None and self.norm.scale:
            np.copysign(1, self.norm.params["gamma"], out=self.sign[: g.F])
        kernels.forward_all(
            g, self._run(moments=of_batch), own.tiles, x, self.kernel, self.bias, self.sign,
            own.a, own.pooled, own.winner, own.means, own.m2s,
        )  # fmt: skip
        winners = own.pooled if self.pool else own.a
        y = own.y
        if self.norm is None:
            if g.FP == g.F:
                y = winners
            else:
                y[...] = winners[..., : g.F]
        else:
            self._normalize(self.norm, own, of_batch, winners)
        self._cache = (x, own, winners, of_batch) if training else ()
        return y

    def _normalize(self, norm: BatchNormalization, own: "Buffers", of_batch: bool, winners: Array) -> None:
        g = self.g
        mean, variance = self.mean[: g.F], self.variance[: g.F]
        if of_batch:
            norm.warn_of_single_value(own.counts.sum())
            kernels.finish_moments(own.counts, own.means, own.m2s, self.mean, self.variance)
            norm.move_averages(mean, variance)
        else:
            mean[:], variance[:] = norm.state["moving_mean"], norm.state["moving_variance"]
        self.inv_std = 1 / np.sqrt(variance + norm.epsilon)
        scale = self.inv_std * norm.params["gamma"] if norm.scale else self.inv_std
        shift = norm.params["beta"].astype(np.float64) if norm.center else np.zeros(g.F)
        kernels.affine_all(winners, mean, scale, shift, own.y)

    def backward(self, dy: Array) -> Array | None:
        dy = self.layers[-1].accept_gradient(dy, bool(self._cache), len(self._cache[0]) if self._cache else 0)
        (x, own, winners, of_batch), self._cache = self._cache, ()
        g, conv, norm = self.g, self.conv, self.norm
        center = slope = offset = np.zeros(g.FP, conv.dtype)
        factor = np.ones(g.FP)
        if norm is not None:
            center, slope, offset = (np.zeros(g.FP, conv.dtype) for _ in range(3))
            center[:] = self.mean
            dbeta, dgamma = np.empty((2, kernels.CHUNKS, g.F))
            inv_std = self.inv_std.astype(conv.dtype)
            kernels.gradient_sums_all(dy, winners, center, inv_std, dbeta, dgamma)
            dbeta, dgamma = dbeta.sum(axis=0), dgamma.sum(axis=0)
            # x - mean in double is (x - center) + (center - mean): the second part is put right here
            dgamma += dbeta * (center[: g.F] - self.mean[: g.F]) * self.inv_std
            if norm.trainable and norm.scale:
                norm.grads["gamma"][...] = dgamma
            if norm.trainable and norm.center:
                norm.grads["beta"][...] = dbeta
            factor[: g.F] = self.inv_std * norm.params["gamma"] if norm.scale else self.inv_std
            if of_batch:
                count = own.counts.sum()
                steep = -factor[: g.F] * self.inv_std * dgamma / count
                slope[: g.F] = steep
                offset[: g.F] = -factor[: g.F] * dbeta / count + steep * (center[: g.F] - self.mean[: g.F])
        if not (conv.trainable or self.needs_input_grad):
            return None
        if self.needs_input_grad:
            pack_transposed(conv.params["kernel"].reshape(-1, g.F), g.lanes, g.KH * g.KW, self.kernel_t)
        if g.FP != g.F:
            own.dy[..., : g.F] = dy
            dy = own.dy
        kernels.backward_all(
            g, self._run(weights=conv.trainable, inputs=self.needs_input_grad), own.tiles, x, self.kernel_t,
            own.a, dy, own.winner, center, slope, offset, factor.astype(conv.dtype),
            self.dz, self.dkernel, self.dbias, own.dx,
        )  # fmt: skip
        if conv.trainable:
            kernels.fold(self.dkernel, conv.grads["kernel"].reshape(-1, g.F))
            if conv.use_bias:
                conv.grads["bias"][...] = self.dbias.sum(axis=0)[: g.F]
        if not self.needs_input_grad:
            return None
        return own.dx if g.CP == g.C else own.dx[..., : g.C]

    def _buffers(self, n: int) -> "Buffers":
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        return self.buffers[n]


class Buffers:
    """What a ConvBlock writes for batches of n pictures, allocated once."""

    def __init__(self, block: ConvBlock, n: int):
        g, dtype = block.g, block.conv.dtype
        pooled = (n, g.OH // g.PH, g.OW // g.PW, g.FP) if block.pool else (n, 1, 1, 1)
        self.a = np.zeros((n, g.OH, g.OW, g.FP), dtype)
        self.pooled = np.zeros(pooled, dtype)
        self.winner = np.zeros(pooled, np.uint8)
        self.y = np.zeros((n, *block.layers[-1].output_shape), dtype)
        self.dy = np.zeros((*self.y.shape[:3], g.FP), dtype)
        self.dx = np.zeros((n, g.H, g.W, g.CP), dtype)
        self.means, self.m2s = np.zeros((2, kernels.CHUNKS, g.FP))
        pictures = np.diff([n * k // kernels.CHUNKS for k in range(kernels.CHUNKS + 1)])
        self.counts = pictures * (g.OH * g.OW)
        self.tiles = tile_tables(g, dtype, pictures.tolist())
