"""One step of the plan: a normalisation and an activation behind it, either of which may be
missing, that follow no convolution.

    b = gamma (x - mean) / deviation + beta;   y = after(b)

So it is before the convolutions of networks whose shortcuts are added up first, and behind every
branch that ends in a sum.
"""

from typing import Any

import numpy as np

from minicnn.engine import row_gradients, row_kernels, row_moves
from minicnn.engine.alone.passes import alone, backward_stages, forward_stages
from minicnn.engine.conv.buffers import statistics
from minicnn.engine.conv.layout import CHUNKS, NONE, Data, Sizes, Work, scratch
from minicnn.engine.conv.norm import Channels
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.functions import function_of
from minicnn.engine.row_gradients import Way
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.machine import processor
from minicnn.machine.record import Operands, Record, address
from minicnn.machine.region import Stages
from minicnn.machine.shares import shares
from minicnn.machine.threads import state
from minicnn.machine.workspace import maps, workspace
from minicnn.types import Array


class NormStep(EngineStep):
    """Runs a built BatchNormalization, an activation, or one after the other; borrows their arrays
    and owns only buffers.

    Args:
        norm: whose channels fill whole registers.
        after: the activation.
        frozen: for inference alone; see network/frozen.py.
    """

    def __init__(
        self,
        *,
        norm: BatchNormalization | None = None,
        after: Layer | None = None,
        frozen: bool = False,
    ):
        self.norm, self.after, self.frozen = norm, after, frozen
        super().__init__([layer for layer in (norm, after) if layer is not None])
        self.dtype, self.shape = self.layers[0].dtype, self.layers[0].input_shape
        name, function = self.dtype.name, function_of(after)
        writes = function is not None and not function.is_cheap
        way_back = Way(1, False, False, norm is not None, None, None if writes else function)
        self.work = Work(
            winograd=False,
            lanes=processor.lanes(self.dtype),
            measure=row_kernels.activate(name, None, True) if norm else 0,
            finish=row_kernels.finish(name, function, False),
            sums=row_gradients.sums(name, function, False, writes) if norm or writes else 0,
            gradient=row_gradients.gradient(name, way_back),
            copy=row_moves.copy(name),
            norms=norm is not None,
            writes=writes,
        )
        self.channels = Channels(*np.zeros((len(Channels._fields), self.shape[-1]), self.dtype))
        for one in ("sign", "scale", "factor", "unit"):
            getattr(self.channels, one)[:] = 1

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """y (N, ..., C) for x of that shape."""
        x, norm = self.layers[0].accept(x), self.norm
        own = self.buffers_of(len(x))
        of_batch = norm is not None and training and norm.uses_batch
        if norm is not None:
            own.epsilon[0] = norm.epsilon  # which may be changed at any time
            own.momentum[0] = norm.next_momentum() if of_batch else norm.momentum
        work = self.work._replace(moments=of_batch)
        stages = own.prepare(work, forward_stages(work, len(x) == 1), winners=x)
        self.region.add(own.job, stages)
        if norm is not None and of_batch:
            norm.warn_of_single_value(own.count)
        self._cache = (x, own, of_batch) if training else ()
        return own.y

    def backward(self, dy: Array) -> Array | None:
        """dx (N, ..., C) for dy of that shape."""
        size = len(self._cache[0]) if self._cache else 0
        dy = self.layers[-1].accept_gradient(dy, bool(self._cache), size)
        (x, own, of_batch), self._cache = self._cache, ()
        work = self.work._replace(moments=of_batch, inputs=self.needs_input_grad)
        self.region.add(own.job, own.prepare(work, backward_stages(work), winners=x, dy=dy))
        return own.dx if self.needs_input_grad else None

    @property
    def checked_as(self) -> type[Layer]:
        return BatchNormalization  # whose test goes through an activation too

    @property
    def settings(self) -> list[tuple[Layer, str]]:
        return [] if self.norm is None else [(self.norm, "epsilon")]

    def make_buffers(self, n: int) -> "Buffers":
        return Buffers(self, n)


class Buffers:
    """What a NormStep writes for n samples, allocated once, and the record for its parallel
    regions.

    Attributes:
        y, dx: (n, ..., C).
        count: values of a channel.
    """

    def __init__(self, step: NormStep, n: int):
        *axes, C = step.shape
        dtype, down, across = step.dtype, (axes or [1])[0], int(np.prod(axes[1:]))
        self.y = maps((n, *step.shape), dtype)
        self.dx = maps((0 if step.frozen else n, *step.shape), dtype)
        pictures = np.diff([n * k // CHUNKS for k in range(CHUNKS + 1)])
        self.count = n * down * across
        sizes = dict.fromkeys(Sizes._fields, 1) | dict(zip("HWC", (down, across, C), strict=True))
        sizes |= {"OH": down, "OW": across, "F": C, "FP": C, "down": down, "across": across}
        arrays: dict[str, Any] = dict.fromkeys(Data._fields, NONE) | {"y": self.y, "dx": self.dx}
        channels = dict.fromkeys(("center", "deviations", "squares"), C)
        own = scratch(state()["available"], dtype, {}, channels, {})
        self.record = Record(
            sizes=Sizes(**sizes),
            scratch=own,
            shares=shares(),
            work=step.work,
            data=Data(**(arrays | {"n": n, "pitch": C, "dy_pitch": C, "dkernel_size": 0})),
            channels=step.channels,
            batch=statistics(step.norm, pictures * (down * across), C, C, dtype),
        )
        whole = (self.count * C, dtype)
        self.operands = Operands(self.record, "data", winners=whole, dy=whole)
        self.work, self.memory_at = (
            self.record.place("work"),
            self.record.place("scratch", "memory"),
        )
        self.size = own.size
        self.momentum, self.epsilon = (
            self.record.memory["batch"][name] for name in ("momentum", "epsilon")
        )
        self.job = alone.on(self.record, dtype)

    def prepare(self, work: Work, stages: Stages, **arrays: Array) -> Stages:
        """The stages, for this work, on these arrays and on those of the last call."""
        self.work[:] = work
        self.operands.put(**arrays)
        self.memory = workspace(self.size)
        self.memory_at[0] = address(self.memory)
        return stages
