"""One step of the plan: convolution, ReLU, batch normalisation and max pooling, run together.

    z = conv(x) + bias;   a = max(z, 0);   b = gamma (a - mean) / deviation + beta;   y = the largest b of every window

The order of work is another than the layers', the result is the same:

* ReLU, bias and statistics are applied to a row of z while it is in the first-level cache.
* Batch normalisation moves and stretches a channel; it does not change which cell of a window is the largest, unless
  it stretches by a negative gamma: then the smallest becomes the largest. So windows are pooled *before* the statistics
  are known, by gamma's sign, and only their winners are normalised, a quarter as many. (All cells count in the
  statistics, those of a dropped odd row too.)
* Backward makes the gradient of z of a few pictures, row by row, in a buffer that stays in the second-level cache,
  right before the two products that need it: dkernel and dx. The gradient map of the whole batch never exists.
* In inference the statistics are known before: no activation is stored, only what comes out at the end.
"""

import numpy as np

from minicnn.engine import emit, row_kernels
from minicnn.engine.block_backward import backward_all
from minicnn.engine.block_data import CHUNKS, Work
from minicnn.engine.block_forward import forward_all
from minicnn.engine.convolution import convolution
from minicnn.engine.geometry import Geometry, geometry
from minicnn.engine.norm import Batch, Channels, load_forward
from minicnn.layers.base import Array, Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.max_pooling2d import MaxPooling2D

CHEAP = 32  # multiplications per activation


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
        self.conv, self.norm = conv, norm
        self.pool = pool if pool and pool.pool_size != (1, 1) else None
        self.window = self.pool.pool_size if self.pool else (1, 1)
        self.layers: list[Layer] = [layer for layer in (conv, norm, pool) if layer is not None]
        self.g = g = geometry(conv)
        self.convolution = convolution(self.g, conv.dtype)
        self.channels = Channels(*np.zeros((len(Channels._fields), self.g.FP), conv.dtype))
        self.channels.sign[:] = self.channels.factor[:] = 1
        numbers = g.KH * g.KW * g.C * g.FP
        chunks = 1 if self.convolution.by_slices else CHUNKS
        self.dkernels = np.zeros((chunks, numbers), conv.dtype)
        self.dkernel = np.zeros(numbers, conv.dtype) if g.F != g.FP else conv.grads["kernel"].reshape(-1)
        self.dbias = np.zeros((CHUNKS, g.FP))
        # Activations of few multiplications are sooner computed again than written to memory and read back.
        again = self.pool and not (self.convolution.winograd or self.convolution.by_blocks)
        self.keeps = not (again and g.KH * g.KW * g.C <= CHEAP)
        # With nothing after it (and no sum for a bias), the gradient of the convolution's output is dy itself.
        self.bare = not (relu or norm or self.pool or conv.use_bias or self.convolution.winograd)
        name = conv.dtype.name
        self.work = Work(
            winograd=self.convolution.winograd,
            lanes=emit.lanes(conv.dtype),
            activate=row_kernels.activate(name, relu, False),
            pool=row_kernels.pool(name, *self.window) if self.pool else 0,
            affine=row_kernels.affine(name) if norm else 0,
            sums=row_kernels.sums(name) if norm else 0,
            gradient=0 if self.bare else row_kernels.gradient(name, self.window[1], self.pool is not None, relu),
            copy=row_kernels.copy(name),
            fold=row_kernels.fold(name),
        )
        self.linear = not relu and not conv.use_bias
        self.activate_with_moments = row_kernels.activate(name, relu, True) if norm else 0
        self.buffers: dict[int, Buffers] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        conv, norm, channels, g = self.conv, self.norm, self.channels, self.g
        x = conv.accept(x)
        own = self._buffers(len(x))
        self.convolution.load(conv.params["kernel"])
        if conv.use_bias:
            channels.bias[: g.F] = conv.params["bias"]
        of_batch = norm is not None and training and norm.trainable
        if norm is not None:
            np.copysign(1, own.batch.gamma, out=channels.sign[: g.F])
            if not of_batch:
                load_forward(norm.state["moving_mean"], norm.state["moving_variance"], own.batch, channels)
        is_output = not self.pool and g.F == g.FP
        keep = is_output or training and self.keeps and not self.bare
        in_place = keep and not self.convolution.winograd
        activate = self.activate_with_moments if of_batch else self.work.activate
        work = self.work._replace(
            activate=0 if in_place and self.linear and not of_batch else activate,
            moments=of_batch,
            normalize=norm is not None and training,
            keep=keep,
            in_place=in_place,
        )
        forward_all(
            own.sizes, work, own.direct, own.winograd, own.scratch, x.reshape(-1), len(x), self.convolution.packed,
            channels, own.batch, own.a, own.pooled, own.winner, own.y, own.crop,
        )  # fmt: skip
        if norm is not None and of_batch:
            norm.warn_of_single_value(own.count)
            norm.move_averages(own.batch.mean[: g.F], own.batch.variance[: g.F])
        self._cache = (x, own, of_batch) if training else ()
        y = own.crop if g.F != g.FP else own.y if work.normalize else own.winners
        return y.reshape(own.shape)

    def backward(self, dy: Array) -> Array | None:
        dy = self.layers[-1].accept_gradient(dy, bool(self._cache), len(self._cache[0]) if self._cache else 0)
        (x, own, of_batch), self._cache = self._cache, ()
        g, conv, norm = self.g, self.conv, self.norm
        if self.needs_input_grad:
            self.convolution.load_transposed(conv.params["kernel"])
        work = self.work._replace(
            moments=of_batch, keep=self.keeps, weights=conv.trainable, inputs=self.needs_input_grad
        )
        backward_all(
            own.sizes, work, own.direct, own.winograd, own.scratch, x.reshape(-1), len(x), self.convolution.packed,
            self.convolution.packed_t, self.channels, own.batch, own.a, own.winners, dy.reshape(-1), own.winner, own.dz,
            self.dkernels, self.dkernel, self.dbias, own.dx,
        )  # fmt: skip
        if norm is not None and norm.trainable and norm.scale:
            norm.grads["gamma"][...] = own.batch.dgamma
        if norm is not None and norm.trainable and norm.center:
            norm.grads["beta"][...] = own.batch.dbeta
        if conv.trainable:
            if g.F != g.FP:
                conv.grads["kernel"].reshape(-1, g.F)[...] = self.dkernel.reshape(-1, g.FP)[:, : g.F]
            if conv.use_bias:
                conv.grads["bias"][...] = self.dbias.sum(axis=0)[: g.F]
        if not self.needs_input_grad:
            return None
        dx = own.dx.reshape(len(x), g.H, g.W, g.CP)
        return dx if g.CP == g.C else dx[..., : g.C]

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
        self.n = n
        down, across = g.OH // PH, g.OW // PW
        self.a = np.zeros(n * g.OH * g.OW * g.FP if block.keeps else 1, dtype)
        pooled = n * down * across * g.FP if block.pool else 1
        self.pooled, self.winner = np.zeros(pooled, dtype), np.zeros(pooled, np.uint8)
        self.shape = (n, down, across, g.F)
        self.y = np.zeros(n * down * across * g.FP, dtype)
        self.dz = np.zeros(n * g.OH * g.OW * g.FP if block.convolution.by_slices else 1, dtype)
        self.crop = np.zeros(n * down * across * g.F if g.F != g.FP else 1, dtype)
        self.dx = np.zeros(n * g.H * g.W * g.CP, dtype)
        self.winners = self.pooled if block.pool else self.a
        pictures = np.diff([n * k // CHUNKS for k in range(CHUNKS + 1)])
        counts = pictures * (g.OH * g.OW)
        self.count = int(counts.sum())
        self.batch = batch_of(block.norm, counts, g, dtype)
        self.sizes, self.direct, self.winograd, self.scratch = block.convolution.plan(int(pictures.max()), block.window)

    def __len__(self) -> int:
        return self.n


def batch_of(norm: BatchNormalization | None, counts: Array, g: Geometry, dtype: np.dtype) -> Batch:
    """Memory for the statistics of a batch, whose chunks have so many values of each channel."""
    means, m2s, dbetas, dgammas = np.zeros((4, CHUNKS, g.FP))
    mean, variance = np.zeros((2, g.FP))
    inverse, rounded, dbeta, dgamma = np.ones((4, g.F))
    gamma = norm.params["gamma"] if norm and norm.scale else np.ones(g.F, dtype)
    beta = norm.params["beta"] if norm and norm.center else np.zeros(g.F, dtype)
    return Batch(
        counts, means, m2s, dbetas, dgammas, mean, variance, inverse, rounded, dbeta, dgamma,
        gamma, beta, float(norm.epsilon) if norm else 0.0,
    )  # fmt: skip
