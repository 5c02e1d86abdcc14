"""A convolution of one picture by several threads, each of which makes some of its filters.

A batch is cut by picture. A single picture could be cut by rows; by filters is better: each thread
reads its own part of the kernel, which stays in its own second-level cache from one picture to the
next, and there are more numbers in kernels than in maps.

Each part is a ConvBlock of its own with fewer filters, and one thread runs it as if it were alone.
What is done here is to slice weights, and to let the parts write to one map.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import carray

from minicnn.engine.conv.step import ConvBlock, Into
from minicnn.engine.engine_step import EngineStep
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.machine.call import word
from minicnn.machine.record import Record
from minicnn.machine.region import SERIAL, Region, Stages, Task, call_task
from minicnn.machine.workspace import maps
from minicnn.types import Array

WORTH = 250_000  # multiplications of a part, to be worth waiting for the others: some microseconds


class Parts(NamedTuple):
    """A task, and places of records for it (size,)."""

    task: int
    size: int
    records: Array


@Task
def side_by_side(records, like, stage, t, workers):  # noqa: ARG001
    """What thread t does of a stage: all of its parts, each as if there were no other thread."""
    p = carray(records, 1)[0].parts
    for k in range(p.size * t // workers, p.size * (t + 1) // workers):
        call_task(p.task, word(p.records, k), stage, 0, 1)


class SideBySide(EngineStep):
    """Runs what a frozen ConvBlock does, for a single picture.

    Args:
        block: whose layers are sliced.
        count: parts.
    """

    needs_input_grad = False

    def __init__(self, block: ConvBlock, count: int):
        super().__init__(block.layers)
        self.block = block
        conv, norm = block.conv, block.norm
        assert isinstance(conv, Conv2D)  # see part_count
        (down, across), F = block.output_size, conv.filters
        self.y = maps((1, down, across, F), conv.dtype)
        self.together = Region()  # which collects the parts' jobs
        self.parts: list[tuple[slice, ConvBlock]] = []
        for k in range(count):
            own = slice(F * k // count, F * (k + 1) // count)
            part = block.of_layers(
                narrow_conv(conv, own.stop - own.start),
                None if norm is None else narrow_norm(norm, own.stop - own.start),
                Into(self.y.reshape(-1)[own.start :], F, k),
            )
            part.region = self.together
            self.parts.append((own, part))

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """y (1, down, across, F) for x (1, H, W, C)."""
        assert not training and len(x) == 1
        with self.together:
            for own, part in self.parts:
                copy_slice(self.block.conv, part.conv, own)
                if self.block.norm is not None and part.norm is not None:
                    copy_slice(self.block.norm, part.norm, own)
                    part.norm.epsilon = self.block.norm.epsilon
                part.forward(x)
            jobs = list(self.together.jobs)
            self.together.forget()
        places = np.array([job.place for job, _ in jobs], np.int64)
        (job, stages), dtype = jobs[0], self.block.conv.dtype
        self.record = Record(parts=Parts(job.entry, len(jobs), places))
        numbers = [stage % SERIAL for stage in stages.numbers.tolist()]
        self.stages = Stages(*numbers, weights=stages.weights)
        self.job = side_by_side.on(self.record, dtype)
        self.region.add(self.job, self.stages)
        return self.y

    def backward(self, dy: Array) -> Array | None:
        """Never asked for."""
        raise NotImplementedError("a frozen convolution is for inference alone")

    @property
    def settings(self) -> tuple[float, ...]:
        return self.block.settings

    def takes_bytes(self, x: Array) -> bool:
        return self.block.takes_bytes(x)

    def passes_on(self, x: Any) -> bool:
        return self.block.passes_on(x)


def shared(block: ConvBlock, threads: int) -> ConvBlock | SideBySide:
    """What runs the block with that many threads for each picture."""
    parts = part_count(block, threads)
    return SideBySide(block, parts) if parts > 1 else block


def part_count(block: ConvBlock, threads: int) -> int:
    """How many threads share a picture: as many as get whole registers of filters, and enough to
    do.
    """
    g = block.g
    if block.add is not None or g.groups > 1:  # a part in groups would read some channels only
        return 1
    most = min(threads, g.met_cells() * g.C * g.F // WORTH)
    counts = [n for n in range(2, most + 1) if g.F % (n * block.work.lanes) == 0]
    return max(counts, default=1)


def narrow_conv(conv: Conv2D, filters: int) -> Conv2D:
    """The layer with so many filters, and other weights."""
    narrow = Conv2D(
        filters,
        conv.kernel_size,
        strides=conv.strides,
        padding=conv.padding,
        dilation_rate=conv.dilation_rate,
        use_bias=conv.use_bias,
        kernel_initializer="zeros",
    )
    narrow.build(conv.input_shape, dtype=conv.dtype)
    return narrow


def narrow_norm(norm: BatchNormalization, channels: int) -> BatchNormalization:
    """The layer for so many channels, with other weights."""
    narrow = BatchNormalization(epsilon=norm.epsilon, center=norm.center, scale=norm.scale)
    narrow.build((*norm.input_shape[:-1], channels), dtype=norm.dtype)
    return narrow


def copy_slice(whole: Layer, part: Layer, own: slice) -> None:
    """These filters' weights to the layer that has only them."""
    for name, array in part.variables_by_name.items():
        array[...] = whole.variables_by_name[name][..., own]
