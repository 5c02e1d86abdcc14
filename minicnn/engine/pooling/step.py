"""Two steps of the plan: pooling over windows, and over whole pictures.

    y = the largest, or the mean, of a window's cells;   dx = dy at the cell that won, or shared out

windows.py and pictures.py have what the threads do.
"""

from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from minicnn.engine.conv.layout import NONE
from minicnn.engine.pooling import pictures, windows
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.base import Layer
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.machine.record import Operands, Record
from minicnn.machine.region import SERIAL, Region, Stages
from minicnn.machine.shares import shares
from minicnn.machine.workspace import aligned
from minicnn.types import Array

# Numbers of x that one thread has done sooner than others are there to help: some microseconds.
SMALL = 32 * 1024

Pool = MaxPooling2D | AveragePooling2D | GlobalMaxPooling2D | GlobalAveragePooling2D


class PoolStep:
    """Runs a built MaxPooling2D or AveragePooling2D; owns only buffers.

    Args:
        pool: the layer.
        frozen: for inference alone; see network/frozen.py.
    """

    needs_input_grad = True
    passes: ModuleType = windows  # its layout, its kernels, and the task

    def __init__(self, pool: Pool, frozen: bool = False):
        self.pool, self.frozen = pool, frozen
        self.layers: list[Layer] = [pool]
        self.layout: Any = self.passes.layout(pool)
        self.region = Region()
        self.buffers: dict[int, Buffers] = {}
        self._cache: tuple = ()

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.pool.accept(x)
        own = self._buffers(len(x))
        own.kernels[:] = self.passes.kernels(self.pool, training)
        own.operands.put(x=x)
        self.region.add(own.job, own.forward)
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
        self.region.add(own.job, own.backward)
        return own.dx

    def _buffers(self, n: int) -> "Buffers":
        if n not in self.buffers:
            if len(self.buffers) == 2:  # the batch size and the last, smaller batch
                self.buffers.pop(next(iter(self.buffers)))
            self.buffers[n] = Buffers(self, n)
        return self.buffers[n]


class GlobalPoolStep(PoolStep):
    """Runs a built GlobalMaxPooling2D or GlobalAveragePooling2D; owns only buffers.

    Args:
        pool: the layer.
        frozen: for inference alone; see network/frozen.py.
    """

    passes = pictures


class Buffers:
    """What a step writes for n pictures, allocated once, and the record for its parallel regions.

    Attributes:
        y, dx: what comes out, forward and backward.
        kernels: where the record has the kernels' addresses.
        forward, backward: the stages.
    """

    def __init__(self, step: PoolStep, n: int):
        pool, dtype = step.pool, step.pool.dtype

        def numbers(shape: tuple[int, ...], of: np.dtype = dtype) -> Array:
            size = n * prod(shape)
            return aligned(size, of)[:size].reshape(n, *shape)

        winner, passes = step.passes.winners(pool), step.passes
        self.y = numbers(pool.output_shape)
        self.dx = NONE if step.frozen else numbers(pool.input_shape)
        trains = winner is not None and not step.frozen
        layout = step.layout._replace(
            N=n,
            y=self.y,
            dx=self.dx,
            winner=numbers(pool.output_shape, winner) if trains else NONE,
        )
        self.record = Record(layout=layout, shares=shares())
        x_size, y_size = n * prod(pool.input_shape), self.y.size
        self.operands = Operands(self.record, "layout", x=(x_size, dtype), dy=(y_size, dtype))
        self.kernels = self.record.place("layout")[passes.KERNELS]
        self.job = passes.task.on(self.record, dtype)
        alone = SERIAL if x_size <= SMALL else 0
        self.forward, self.backward = (
            Stages(alone + stage) for stage in (passes.FORWARD, passes.BACKWARD)
        )
