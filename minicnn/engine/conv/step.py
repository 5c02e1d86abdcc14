"""One step of the plan: convolution, ReLU, batch normalisation and max pooling, run together.

    z = conv(x) + bias;   a = max(z, 0);   b = gamma (a - mean) / deviation + beta;
    y = the largest b of every window

The order of work is another than the layers', the result is the same:

* ReLU, bias and statistics are applied to a row of z while it is in the first-level cache.
* Batch normalisation moves and stretches a channel; it does not change which cell of a window is
  the largest, unless it stretches by a negative gamma: then the smallest becomes the largest. So
  windows are pooled *before* the statistics are known, by gamma's sign, and only their winners are
  normalised, a quarter as many. (All cells count in the statistics, those of a dropped odd row
  too.)
* A ReLU after it, y = max(b, 0), changes neither winners nor statistics; backward sees in the
  winners what it stopped.
* Backward makes the gradient of z of a few pictures, row by row, in a buffer that stays in the
  second-level cache, right before the two products that need it: dkernel and dx. The gradient map
  of the whole batch never exists.
* In inference the statistics are known before: no activation is stored, only what comes out at the
  end.
"""

from typing import NamedTuple

import numpy as np

from minicnn.engine import products, row_kernels, row_moves
from minicnn.engine.borrowed import borrowed
from minicnn.engine.conv.buffers import Buffers
from minicnn.engine.conv.geometry import geometry
from minicnn.engine.conv.layout import CHUNKS, Work
from minicnn.engine.conv.norm import Channels
from minicnn.engine.conv.stages import backward_stages, forward_stages
from minicnn.engine.conv.ways import Convolution, way
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.rescaling import Rescaling
from minicnn.machine import emit
from minicnn.machine.region import Region, Stages
from minicnn.types import Array

CHEAP = 32  # multiplications per activation
# Bytes of a kernel that takes longer to lay out than to wake the threads that sleep meanwhile.
LARGE = 2 * 1024 * 1024


class Into(NamedTuple):
    """Where a block's filters go that are some of a map's: y from the first of them on, `pitch`
    numbers from pixel to pixel; and which thread's scratch memory they are made in.
    """

    y: Array
    pitch: int
    thread: int


class ConvBlock:
    """Runs a built Conv2D and what follows it; borrows their arrays and owns only buffers.

    Args:
        conv: the convolution, run without its activation.
        relu: the ReLU after it, if any.
        norm: the batch normalisation after that, if any.
        pool: the max pooling after that, if any; its windows must not overlap and not be padded.
        rescaling: the rescaling before the convolution, if any; pictures may then be bytes.
        relu_after: the ReLU after the normalisation, before or after the pooling, if there is none
            before it.
        frozen: for inference alone, with a kernel that is laid out once; see network/frozen.py.
        into: for some of the filters of a picture; see side_by_side.py.
        like: how it is convolved; None for the fastest way.
    """

    needs_input_grad = True
    # whether dx may be written over x: then x is still in the cache, and nobody needs it any more
    owns_input = False

    def __init__(
        self,
        conv: Conv2D,
        relu: Layer | None = None,
        norm: BatchNormalization | None = None,
        pool: MaxPooling2D | None = None,
        rescaling: Rescaling | None = None,
        relu_after: Layer | None = None,
        frozen: bool = False,
        into: Into | None = None,
        like: Convolution | None = None,
    ):
        self.frozen, self.into = frozen, into
        self.relu, self.relu_after = relu, relu_after
        self.conv, self.norm, self.rescaling = conv, norm, rescaling
        self.pool = pool if pool and pool.pool_size != (1, 1) else None
        self.window = self.pool.pool_size if self.pool else (1, 1)
        self.layers: list[Layer] = [
            layer for layer in (rescaling, conv, norm, pool) if layer is not None
        ]
        self.convolution = way(geometry(conv), conv.dtype, like)
        # With nothing after it (and no sum for a bias), the gradient of the convolution's output is
        # dy itself.
        self.bare = not (relu or norm or self.pool or conv.use_bias or self.convolution.gathers)
        if self.bare:  # then no row kernel needs whole registers
            g = geometry(conv)._replace(FP=conv.filters)
            self.convolution = way(g, conv.dtype, like)
        self.g = g = self.convolution.g
        self.channels = Channels(*np.zeros((len(Channels._fields), g.FP), conv.dtype))
        self.channels.sign[:] = self.channels.factor[:] = self.channels.unit[:] = 1
        numbers = g.KH * g.KW * g.C * g.FP
        self.dkernel = (
            np.zeros(numbers, conv.dtype)
            if g.F != g.FP
            else borrowed(conv, "grads", "kernel", numbers, conv.dtype).reshape(-1)
        )
        self.dbiases = np.zeros((CHUNKS, g.FP))
        # Activations of few multiplications are sooner computed again than written to memory and
        # read back.
        again = self.pool and not (self.convolution.gathers or self.convolution.by_blocks)
        self.keeps = not (again and g.KH * g.KW * g.C <= CHEAP)
        name = conv.dtype.name
        self.work = Work(
            winograd=self.convolution.winograd,
            lanes=emit.lanes(conv.dtype),
            activate=row_kernels.activate(name, bool(relu), False),
            pool=row_kernels.pool(name, *self.window) if self.pool else 0,
            affine=row_kernels.affine(name, bool(relu_after)) if norm else 0,
            sums=row_kernels.sums(name, bool(relu_after)) if norm else 0,
            gradient=0
            if self.bare
            else row_kernels.gradient(
                name, self.window[1], bool(self.pool), bool(relu), bool(relu_after)
            ),
            copy=row_moves.copy(name),
            fold=row_moves.fold(name),
            square=products.square(name),
            bias=conv.use_bias,
        )
        self.linear = not relu and not conv.use_bias
        self.activate_with_moments = row_kernels.activate(name, bool(relu), True) if norm else 0
        self.region = Region()
        self.works: dict[tuple, tuple[Stages, Array]] = {}
        self.buffers: dict[int, Buffers] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        conv, norm = self.conv, self.norm
        own, from_bytes = self._buffers(len(x)), False
        if self.rescaling is not None:
            x, from_bytes = self._rescaled(x, own)
        x = conv.accept(x)
        if conv.use_bias:
            self.channels.bias[: self.g.F] = conv.params["bias"]
        of_batch = norm is not None and training and norm.uses_batch
        if norm is not None:
            own.epsilon[0] = norm.epsilon  # which may be changed at any time
            own.momentum[0] = norm.next_momentum() if of_batch else norm.momentum
        work = self._forward(len(x) == 1, training, of_batch, from_bytes)
        weights = np.ascontiguousarray(conv.params["kernel"], conv.dtype)
        self.region.add(own.job, own.prepare(work, x=x, weights=weights))
        if norm is not None and of_batch:
            norm.warn_of_single_value(own.count)
        self._cache = (x, own, of_batch) if training else ()
        return own.normalized if training and norm is not None else own.output

    def backward(self, dy: Array) -> Array | None:
        dy = self.layers[-1].accept_gradient(
            dy, bool(self._cache), len(self._cache[0]) if self._cache else 0
        )
        (x, own, of_batch), self._cache = self._cache, ()
        conv = self.conv
        # Pictures are read for the last time right before their dx is written, unless dkernel is
        # made after all dx.
        dx = x if self.owns_input and not self.convolution.by_slices else own.dx
        work = self._backward(own.at_once, of_batch, bool(conv.trainable), self.needs_input_grad)
        padded = conv.trainable and self.g.F != self.g.FP
        self.region.add(
            own.job, own.prepare(work, x=x, dy=dy, dx=dx), self._crop_gradient if padded else None
        )
        if not self.needs_input_grad:
            return None
        if self.rescaling is None:
            return dx
        self.region.run()
        return dx * conv.dtype.type(self.rescaling.scale)

    def _crop_gradient(self) -> None:
        """dkernel without what pads it, to the layer's grads."""
        self.conv.grads["kernel"].reshape(-1, self.g.F)[...] = self.dkernel.reshape(-1, self.g.FP)[
            :, : self.g.F
        ]

    def takes_bytes(self, x: Array) -> bool:
        """Whether the forward pass itself makes numbers of these pixels."""
        fits = self.rescaling is not None and x[:1].size % self.work.lanes == 0
        return fits and x.dtype == np.uint8

    @property
    def output_size(self) -> tuple[int, int]:
        """Rows and columns of what comes out."""
        return self.g.OH // self.window[0], self.g.OW // self.window[1]

    def of_layers(self, conv: Conv2D, norm: BatchNormalization | None, into: Into) -> "ConvBlock":
        """The same for other layers."""
        pool, rescaling = self.pool, self.rescaling
        return ConvBlock(
            *(conv, self.relu, norm, pool, rescaling, self.relu_after, self.frozen, into),
            like=self.convolution,
        )

    @property
    def settings(self) -> tuple[float, ...]:
        """What forward reads beside arrays, and may be changed at any time."""
        return () if self.norm is None else (self.norm.epsilon,)

    def _rescaled(self, x: Array, own: Buffers) -> tuple[Array, bool]:
        """A buffer for x * scale + offset, and whether it is left to the forward pass to fill it,
        from bytes.
        """
        rescaling = self.rescaling
        assert rescaling is not None
        rescaling.check_input(x.shape)
        dtype = rescaling.dtype.type
        if self.takes_bytes(x):
            own.scale[:], own.offset[:] = rescaling.scale, rescaling.offset
            own.operands.put(bytes=np.ascontiguousarray(x))
            return own.pixels, True
        np.multiply(np.asarray(x, rescaling.dtype), dtype(rescaling.scale), out=own.pixels)
        if rescaling.offset:
            np.add(own.pixels, dtype(rescaling.offset), out=own.pixels)
        return own.pixels, False

    def _forward(
        self, single: bool, training: bool, of_batch: bool, from_bytes: bool
    ) -> tuple[Stages, Array]:
        """(stages, work) of a forward pass."""
        key = "forward", single, training, of_batch, from_bytes
        if key not in self.works:
            is_output = not self.pool and self.g.F == self.g.FP and self.into is None
            keep = is_output or training and self.keeps and not self.bare
            in_place = keep and not self.convolution.gathers
            activate = self.activate_with_moments if of_batch else self.work.activate
            work = self.work._replace(
                rescale=row_moves.rescale(self.conv.dtype.name) if from_bytes else 0,
                activate=0 if in_place and self.linear and not of_batch else activate,
                moments=of_batch,
                normalize=self.norm is not None and training,
                keep=keep,
                in_place=in_place,
            )
            large = self.conv.params["kernel"].nbytes > LARGE
            self.works[key] = forward_stages(work, single, large), np.array(work, np.int64)
        return self.works[key]

    def _backward(
        self, at_once: bool, of_batch: bool, weights: bool, inputs: bool
    ) -> tuple[Stages, Array]:
        """(stages, work) of a backward pass."""
        key = "backward", at_once, of_batch, weights, inputs
        if key not in self.works:
            work = self.work._replace(
                moments=of_batch, keep=self.keeps, weights=weights, inputs=inputs
            )
            self.works[key] = backward_stages(work, at_once), np.array(work, np.int64)
        return self.works[key]

    def _buffers(self, n: int) -> Buffers:
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        return self.buffers[n]
