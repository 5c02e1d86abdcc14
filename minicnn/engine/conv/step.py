"""One step of the plan: a convolution and what follows it, run together.

    z = conv(x) + bias;   a = before(z);   b = gamma (a - mean) / deviation + beta;
    y = after(b + addend), or the largest of that in every window

Any of it but the convolution may be missing. The order of work is another than the layers', the
result is the same:

* Bias, activation and statistics are applied to a row of z while it is in the first-level cache.
* Batch normalisation moves and stretches a channel; it does not change which cell of a window is
  the largest, unless it stretches by a negative gamma: then the smallest becomes the largest. So
  windows are pooled *before* the statistics are known, by gamma's sign, and only their winners are
  normalised, a quarter as many. (All cells count in the statistics, those of a dropped odd row
  too.) Where pooling stands before the normalisation, only winners count, and no others are kept.
* An activation after it that never falls, such as ReLU, changes neither winners nor statistics.
  Backward finds from the winners what it stopped.
* Where a residual sum comes next, the addend is added while the row is there. Backward's first
  pass, which sums what the normalisation needs, leaves the addend's gradient over y.
* Backward makes the gradient of z of a few pictures, row by row, in a buffer that stays in the
  second-level cache, right before the two products that need it: dkernel and dx. The gradient map
  of the whole batch never exists.
* In inference the statistics are known before: no activation is stored, only what comes out at the
  end. And the last rows and columns that no window takes are of no use, so that they are not even
  computed. Where that, or that pictures may come alone, makes another way of convolving the faster
  one, a step of its own does it.
"""

from typing import Any, NamedTuple

import numpy as np

from minicnn.engine.borrowed import borrowed
from minicnn.engine.conv.buffers import Buffers
from minicnn.engine.conv.geometry import geometry
from minicnn.engine.conv.layout import CHUNKS
from minicnn.engine.conv.norm import Channels
from minicnn.engine.conv.ways import Convolution, way
from minicnn.engine.conv.work import backward_work, common, forward_work
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.slot import Slot, spanned
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.merging import Add
from minicnn.layers.rescaling import Rescaling
from minicnn.layers.zero_padding2d import ZeroPadding2D
from minicnn.machine.region import Stages
from minicnn.types import Array

CHEAP = 32  # multiplications per activation


class Into(NamedTuple):
    """Where a block's map goes that is a part of a larger one, some filters or rows of it: y from
    its first number on, `pitch` numbers from pixel to pixel; and which thread's scratch memory it
    is made in.
    """

    y: Array
    pitch: int
    thread: int


class ConvBlock(EngineStep):
    """Runs a built convolution and what follows it; borrows their arrays and owns only buffers.

    Args:
        conv: the convolution, run without its activation.
        before: the activation after it, before the normalisation.
        norm: the batch normalisation.
        add: the sum of its result and another value of that shape; then forward takes the list of x
            and that value, and backward returns the gradients of both.
        after: the activation after these, before or after the pooling; after a sum one whose slope
            is known from what it makes.
        pool: the max pooling; its windows must not overlap and not be padded.
        pool_first: whether that comes right after `before`.
        padding: the zeros that are put around pictures before the convolution; none are written.
        rescaling: the rescaling before that; pictures may then be bytes.
        frozen: for inference alone, with a kernel that is laid out once; see network/frozen.py.
        into: for a part of a picture's map; see side_by_side.py.
        like: how it is convolved; None for the fastest way.
    """

    # whether dx may be written over x: then x is still in the cache, and nobody needs it any more
    owns_input = False
    # where what comes out has its place, if not in a buffer of its own; may be given if it fits
    slot: Slot | None = None

    def __init__(
        self,
        conv: Conv2D | DepthwiseConv2D,
        *,
        before: Layer | None = None,
        norm: BatchNormalization | None = None,
        add: Add | None = None,
        after: Layer | None = None,
        pool: MaxPooling2D | None = None,
        pool_first: bool = False,
        padding: ZeroPadding2D | None = None,
        rescaling: Rescaling | None = None,
        frozen: bool = False,
        into: Into | None = None,
        like: Convolution | None = None,
    ):
        self.frozen, self.into = frozen, into
        self.conv, self.norm, self.add, self.rescaling = conv, norm, add, rescaling
        self.before, self.after, self.padding = before, after, padding
        self.pool = pool if pool and pool.pool_size != (1, 1) else None
        self.pool_first = pool_first and self.pool is not None
        self.window = self.pool.pool_size if self.pool else (1, 1)
        super().__init__(
            [layer for layer in (rescaling, padding, conv, norm, add, pool) if layer is not None]
        )
        self.finishes = bool(norm or add or after)
        g = geometry(conv, padding)
        infers = way(g.in_windows(self.window), conv.dtype, like, trains=False)
        self.convolution = infers if frozen else way(g, conv.dtype, like)
        self.infers_alike = (infers.g, infers.form) == (g, self.convolution.form) or frozen
        self.for_inference: ConvBlock | None = None
        # With nothing after it (and no sum for a bias), the gradient of the convolution's output is
        # dy itself.
        follows = before or self.finishes or self.pool or conv.use_bias
        self.bare = not (follows or self.convolution.gathers)
        if self.bare:  # then no row kernel needs whole registers
            g = self.convolution.g
            self.convolution = way(g._replace(FP=g.F), conv.dtype, like, trains=not frozen)
        self.g = g = self.convolution.g
        self.channels = Channels(*np.zeros((len(Channels._fields), g.FP), conv.dtype))
        for name in ("sign", "scale", "factor", "unit"):
            getattr(self.channels, name)[:] = 1
        numbers = g.kernel_numbers
        self.dkernel = (
            np.zeros(numbers, conv.dtype)
            if g.F != g.FP
            else borrowed(conv, "grads", "kernel", numbers, conv.dtype).reshape(-1)
        )
        self.dbiases = np.zeros((CHUNKS, g.FP))
        # Activations of few multiplications are sooner computed again than written to memory and
        # read back.
        few = g.KH * g.KW * g.depth <= CHEAP
        by_rows = not (self.convolution.gathers or self.convolution.by_blocks)
        self.again = bool(self.pool) and few and by_rows and not self.pool_first
        # of what is pooled before it is normalised, backward reads the winners alone
        self.keeps = not (self.again or self.pool_first or self.bare)
        self.work = common(self)
        self.works: dict[tuple, tuple[Stages, Array]] = {}

    def forward(self, x: Any, *, training: bool = False) -> Array:
        return (self if training or self.infers_alike else self._inference())._pass(x, training)

    def _inference(self) -> "ConvBlock":
        """The step that infers in its own way, on the same layers."""
        if self.for_inference is None:
            self.for_inference = self.with_conv(self.conv, frozen=True)
        self._cache = ()
        self.for_inference.region, self.for_inference.slot = self.region, self.slot
        return self.for_inference

    def _pass(self, x: Any, training: bool) -> Array:
        conv, norm, addend = self.conv, self.norm, None
        if self.add is not None:
            x, addend = x
        own, from_bytes = self.buffers_of(len(x)), False
        if self.rescaling is not None:
            x, from_bytes = self._rescaled(x, own)
        x = (self.padding or conv).accept(x)
        if conv.use_bias:
            self.channels.bias[: self.g.F] = conv.params["bias"]
        of_batch = norm is not None and training and norm.uses_batch
        if norm is not None:
            own.epsilon[0] = norm.epsilon  # which may be changed at any time
            own.momentum[0] = norm.next_momentum() if of_batch else norm.momentum
        work = forward_work(self, len(x) == 1, training, of_batch, from_bytes, own.streams)
        weights = np.ascontiguousarray(conv.params["kernel"], conv.dtype)
        arrays = {"x": x, "weights": weights}
        if addend is not None:
            arrays["addend"] = np.ascontiguousarray(addend, conv.dtype)
        place = None if self.slot is None else self.slot.of(len(x))
        if place is not None:
            arrays["crop"] = spanned(place)
        self.region.add(own.job, own.prepare(work, **arrays))
        if norm is not None and of_batch:
            norm.warn_of_single_value(own.count)
        self._cache = (x, own, of_batch) if training else ()
        if place is not None:
            return place
        return own.finished if training and self.finishes else own.output

    def backward(self, dy: Array) -> Any:
        so_far, self.so_far = self.so_far, None
        if self.slot is not None:  # whose owner has checked it
            dy = spanned(dy)
        else:
            last, cache = self.pool or self.norm or self.conv, self._cache
            dy = last.accept_gradient(dy, bool(cache), len(cache[0]) if cache else 0)
        (x, own, of_batch), self._cache = self._cache, ()
        conv = self.conv
        # Pictures are read for the last time right before their dx is written, unless dkernel is
        # made after all dx.
        dx = x if self.owns_input and not self.convolution.by_slices else own.dx
        onto = so_far is not None and self.needs_input_grad
        work = backward_work(
            self, own.at_once, of_batch, bool(conv.trainable), self.needs_input_grad, onto
        )
        if onto:
            dx = so_far
        padded = conv.trainable and self.g.F != self.g.FP
        self.region.add(
            own.job, own.prepare(work, x=x, dy=dy, dx=dx), self._crop_gradient if padded else None
        )
        if not self.needs_input_grad:
            return None
        if self.rescaling is not None:
            self.region.run()
            dx = dx * conv.dtype.type(self.rescaling.scale)
        if self.add is None:
            return dx
        return [dx, own.finished if self.work.writes else dy]

    def _crop_gradient(self) -> None:
        """dkernel without what pads it, to the layer's grads."""
        self.conv.grads["kernel"].reshape(-1, self.g.F)[...] = self.dkernel.reshape(-1, self.g.FP)[
            :, : self.g.F
        ]

    def passes_on(self, x: Any) -> bool:
        return self.rescaling is None or x is not None and self.takes_bytes(x)

    def takes_bytes(self, x: Array) -> bool:
        fits = self.rescaling is not None and x[:1].size % self.work.lanes == 0
        return fits and x.dtype == np.uint8

    @property
    def output_size(self) -> tuple[int, int]:
        """Rows and columns of what comes out."""
        return self.g.OH // self.window[0], self.g.OW // self.window[1]

    def with_conv(self, conv: Conv2D | DepthwiseConv2D, **others: Any) -> "ConvBlock":
        """A step of that convolution, else like this one but for the arguments given."""
        names = "before norm add after pool pool_first padding rescaling frozen into".split()
        own = {name: getattr(self, name) for name in names}
        return ConvBlock(conv, **{**own, **others})

    @property
    def reads_output(self) -> bool:
        """Whether backward reads y: then the step behind must not write over it before."""
        return self.add is not None and self.work.writes

    @property
    def fits_slot(self) -> bool:
        """Whether it may be given a slot: what it makes there nobody else has to keep."""
        return self.finishes and not (self.add or self.work.writes or self.into)

    @property
    def gives_own(self) -> bool:
        return self.rescaling is None

    @property
    def adds_up(self) -> bool:
        return self.rescaling is None and self.convolution.adds_up

    @property
    def checked_as(self) -> type[Layer]:
        return type(self.conv)

    @property
    def settings(self) -> list[tuple[Layer, str]]:
        return [] if self.norm is None else [(self.norm, "epsilon")]

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

    def make_buffers(self, n: int) -> "Buffers":
        return Buffers(self, n)
