"""A convolution of one picture by several threads, each of which makes a part of the map.

A batch is cut by picture, a single picture by rows or by filters (parts.py). Each part is a
ConvBlock of its own, and one thread runs it as if it were alone. What is done here is to let the
parts run side by side, and write to one map.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import carray

from minicnn.engine.conv.parts import (
    Part,
    by_filters,
    by_rows,
    count_by_filters,
    cuts_by_rows,
    kernel_numbers,
)
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.engine_step import EngineStep
from minicnn.layers.base import Layer
from minicnn.machine.call import word
from minicnn.machine.record import Record
from minicnn.machine.region import SERIAL, Region, Stages, Task, call_task
from minicnn.machine.workspace import maps
from minicnn.types import Array


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
        block: whose layers are cut.
        parts: what it is cut into.
        y: (1, down, across, F), to which they write.
    """

    needs_input_grad = False

    def __init__(self, block: ConvBlock, parts: list[Part], y: Array):
        super().__init__(block.layers)
        self.block, self.parts, self.y = block, parts, y
        self.together = Region()  # which collects the parts' jobs
        for part in parts:
            part.block.region = self.together

    def forward(self, x: Any, *, training: bool = False) -> Array:
        """y (1, down, across, F) for x (1, H, W, C), or for the list of x and an addend."""
        x, addend = x if self.block.add is not None else (x, None)
        assert not training and len(x) == 1
        with self.together:
            for part in self.parts:
                part.copy_weights(self.block)
                rows = x[:, part.reads]
                part.block.forward(rows if addend is None else [rows, addend[:, part.makes]])
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
    def settings(self) -> list[tuple[Layer, str]]:
        return self.block.settings

    def takes_bytes(self, x: Array) -> bool:
        return all(part.block.takes_bytes(x[:, part.reads]) for part in self.parts)

    def passes_on(self, x: Any) -> bool:
        return self.block.rescaling is None or x is not None and self.takes_bytes(x)


def shared(block: ConvBlock, threads: int) -> ConvBlock | SideBySide:
    """What runs the block with that many threads for each picture.

    By rows each thread reads the whole kernel, by filters the whole picture: so it is by rows where
    the kernel is smaller, or where filters cannot be cut.
    """
    cuts, count = cuts_by_rows(block, threads), count_by_filters(block, threads)
    if len(cuts) == 2 and count == 1:
        return block
    (down, across), g = block.output_size, block.g
    y = maps((1, down, across, g.F), block.conv.dtype)
    rows = len(cuts) > 2 and (count == 1 or kernel_numbers(block) < g.H * g.W * g.C)
    return SideBySide(block, by_rows(block, cuts, y) if rows else by_filters(block, count, y), y)
