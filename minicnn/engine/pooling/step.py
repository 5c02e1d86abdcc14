"""Two steps of the plan: pooling over windows, and over whole pictures.

    y = the largest, or the mean, of a window's cells;   dx = dy at the cell that won, or shared out

windows.py and pictures.py have what the threads do.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minicnn.engine.conv.layout import NONE
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.pooling import picture_kernels, pictures, runs, window_kernels, windows
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.machine.record import Operands, Record
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.machine.shares import shares
from minicnn.machine.workspace import aligned
from minicnn.types import Array

# Numbers of x that one thread has done sooner than others are there to help: some microseconds.
SMALL = 32 * 1024
WRITTEN_OUT = 16  # cells of a window at most: see window_kernels.py


class Pooling(EngineStep):
    """Runs a built pooling layer; owns only buffers.

    Args:
        pool: the layer.
        frozen: for inference alone; see network/frozen.py.

    Attributes:
        task, ahead, back: what threads do, and its stages, forward and backward.
        winner: the type of the winners' places, if the largest is what is found.
        shares: whether backward makes the share first that a cell has of dy.
    """

    task: Task
    ahead: Sequence[int]
    back: Sequence[int]
    winner: np.dtype | None
    shares = False
    gives_own = True

    def __init__(self, pool: Any, frozen: bool = False):
        self.pool, self.frozen = pool, frozen
        super().__init__([pool])

    def parts(self) -> dict[str, Any]:
        """Of the record, "layout" and others, without what is said or made per batch, and without
        kernels.
        """
        raise NotImplementedError

    def kernels(self, training: bool) -> dict[tuple[str, str], int]:
        """Their addresses, by part and field of the record; those of backward only in training."""
        raise NotImplementedError

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.pool.accept(x)
        own = self.buffers_of(len(x))
        if own.training is not training:
            own.put(self.kernels(training), training)
        own.operands.put(x=x)
        self.region.add(own.job, own.ahead)
        self._cache = (own,) if training else ()
        return own.y

    def backward(self, dy: Array) -> Array | None:
        dy = self.pool.accept_gradient(
            dy, bool(self._cache), len(self._cache[0].y) if self._cache else 0
        )
        (own,), self._cache = self._cache, ()
        if not self.needs_input_grad:
            return None
        own.operands.put(dy=dy)
        self.region.add(own.job, own.back)
        return own.dx

    def make_buffers(self, n: int) -> "Buffers":
        return Buffers(self, n)


class PoolStep(Pooling):
    """Runs a built MaxPooling2D or AveragePooling2D."""

    task, ahead = windows.task, (windows.FORWARD,)

    def __init__(self, pool: MaxPooling2D | AveragePooling2D, frozen: bool = False):
        super().__init__(pool, frozen)
        self.directions = {"forward": runs.forward(pool), "back": runs.backward(pool)}
        self.shares = isinstance(pool, AveragePooling2D)
        self.winner = None if self.shares else np.dtype(np.uint8)
        self.back = (windows.SHARE, windows.BACKWARD) if self.shares else (windows.BACKWARD,)

    def parts(self) -> dict[str, Any]:
        pool = self.pool
        (H, W, C), (OH, OW, _), (PH, PW) = pool.input_shape, pool.output_shape, pool.pool_size
        SH, top = pool.strides[0], pool.window.before[0]
        layout = windows.Layout(0, H, W, C, PH, PW, SH, top, OH, OW)
        return self.directions | {"layout": layout}

    def kernels(self, training: bool) -> dict[tuple[str, str], int]:
        name, largest, found = self.pool.dtype.name, self.winner is not None, {}
        for part in self.directions if training else ("forward",):
            d = self.directions[part]
            whole = (d.height, d.width) if d.height * d.width <= WRITTEN_OUT else (0, 0)
            for field, size in (("whole", whole), ("cut", (0, 0) if d.cuts else whole)):
                if part == "back":
                    found[part, field] = window_kernels.gather(name, *size, largest)
                elif largest:
                    found[part, field] = window_kernels.largest(name, *size, training)
                else:
                    found[part, field] = window_kernels.mean(name, *size)
        if self.shares and training:
            found["layout", "divide"] = window_kernels.divide(name)
        return found


class GlobalPoolStep(Pooling):
    """Runs a built GlobalMaxPooling2D or GlobalAveragePooling2D."""

    task, ahead, back = pictures.task, (pictures.FORWARD,), (pictures.BACKWARD,)

    def __init__(self, pool: GlobalMaxPooling2D | GlobalAveragePooling2D, frozen: bool = False):
        super().__init__(pool, frozen)
        self.winner = pool.dtype if isinstance(pool, GlobalMaxPooling2D) else None

    def parts(self) -> dict[str, Any]:
        H, W, C = self.pool.input_shape
        return {"layout": pictures.Layout(0, H * W, C)}

    def kernels(self, training: bool) -> dict[tuple[str, str], int]:
        name = self.pool.dtype.name
        if self.winner is not None:
            return {("layout", "forward"): picture_kernels.largest(name, training)}
        back = {("layout", "back"): picture_kernels.mean_back(name)} if training else {}
        return {("layout", "forward"): picture_kernels.mean(name)} | back


class Buffers:
    """What a step writes for n pictures, allocated once, and the record for its parallel regions.

    Attributes:
        y, dx: what comes out, forward and backward.
        ahead, back: the stages.
        training: what the kernels are for; None for nothing yet.
    """

    def __init__(self, step: Pooling, n: int):
        pool, dtype, trains = step.pool, step.pool.dtype, not step.frozen

        def numbers(shape: tuple[int, ...], of: np.dtype | None, wanted: bool = True) -> Array:
            if of is None or not wanted:
                return NONE
            size = n * prod(shape)
            return aligned(size, of)[:size].reshape(n, *shape)

        self.y = numbers(pool.output_shape, dtype)
        self.dx = numbers(pool.input_shape, dtype, trains)
        arrays = {"winner": numbers(pool.output_shape, step.winner, trains)}
        if step.shares:
            arrays["share"] = numbers(pool.output_shape, dtype, trains)
        parts = step.parts()
        parts["layout"] = parts["layout"]._replace(N=n, y=self.y, dx=self.dx, **arrays)
        self.record = Record(**parts, shares=shares())
        x_size = n * prod(pool.input_shape)
        self.operands = Operands(self.record, "layout", x=(x_size, dtype), dy=(self.y.size, dtype))
        self.training: bool | None = None
        self.job = step.task.on(self.record, dtype)
        alone = SERIAL if x_size <= SMALL else 0
        self.ahead, self.back = (
            Stages(*[alone + stage for stage in stages]) for stages in (step.ahead, step.back)
        )

    def put(self, kernels: dict[tuple[str, str], int], training: bool) -> None:
        """Let these be the kernels, addresses by part and field."""
        self.training = training
        for (part, field), address in kernels.items():
            self.record.memory[part][field] = address
