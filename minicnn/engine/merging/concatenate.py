"""One step of the plan: arrays side by side along an axis.

What lies before that axis makes rows; of each row of y so many numbers are a row of each input.
"""

from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numba import carray

from minicnn.engine import row_moves
from minicnn.engine.conv.layout import CHUNKS, NONE, share
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.row_moves import Copy
from minicnn.engine.slot import Slot
from minicnn.layers.merging import Concatenate
from minicnn.machine.call import at, caller, word
from minicnn.machine.jit import jit_part
from minicnn.machine.record import Addresses, Operands, Record
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.machine.shares import each_chunk, shares
from minicnn.machine.workspace import maps
from minicnn.types import Array

BLOCK = 4096  # numbers of y that stay in the first-level cache while all inputs' rows are copied
JOIN, SPLIT = range(2)
# [of more samples, of a single one, which is one thread's work]
JOIN_STAGES = Stages(JOIN), Stages(SERIAL + JOIN)
SPLIT_STAGES = Stages(SPLIT), Stages(SERIAL + SPLIT)
call_copy = caller(Copy)


class Layout(NamedTuple):
    """N samples of `rows` rows of `width` numbers in y and dy, of which `inputs` arrays x and dx
    have sizes[i] each: their addresses, and where in a row they begin; the copying kernel's, and
    how many rows are copied at once.
    """

    N: int
    rows: int
    width: int
    inputs: int
    block: int
    copy: int
    sizes: Array
    places: Array
    x: Array
    dx: Array
    y: Array
    dy: Array


class ConcatenateStep(EngineStep):
    """Runs a built Concatenate, along any axis.

    Args:
        concatenate: the layer.
        frozen: for inference alone; see network/frozen.py.

    Attributes:
        slotted: the numbers of the inputs that are written to y at once, see `slot`.
    """

    def __init__(self, concatenate: Concatenate, frozen: bool = False):
        self.concatenate, self.frozen = concatenate, frozen
        super().__init__([concatenate])
        place = concatenate.place(len(concatenate.output_shape))
        shapes = [shape[place:] for shape in concatenate.input_shape]
        self.sizes = np.array([prod(shape) for shape in shapes], np.int64)
        width = int(self.sizes.sum())
        self.has_slots, self.slotted = place == len(concatenate.output_shape) - 1 == 2, set[int]()
        self.ends = np.cumsum([0, *self.sizes]).tolist()
        self.layout = Layout(
            N=0,
            rows=prod(concatenate.output_shape[:place]),
            width=width,
            inputs=len(shapes),
            block=max(1, BLOCK // width),
            copy=row_moves.copy(concatenate.dtype.name),
            sizes=self.sizes,
            places=NONE,
            x=NONE,
            dx=NONE,
            y=NONE,
            dy=NONE,
        )

    def slot(self, i: int) -> Slot:
        """The place in y of input i, of channels: from now on it is written there before forward
        is called with it, and backward gives its gradient as a view of dy.
        """
        self.slotted.add(i)
        return Slot(lambda n: self.buffers_of(n).y, self.ends[-1], *self.ends[i : i + 2])

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.concatenate.listed(x)
        self.concatenate.check_input([x.shape for x in xs])
        own = self.buffers_of(len(xs[0]))
        copied = [x for i, x in enumerate(xs) if i not in self.slotted]
        own.x.put([np.ascontiguousarray(x, own.y.dtype) for x in copied])
        if copied:
            self.region.add(own.job, JOIN_STAGES[len(own.y) == 1])
        self._cache = (own,) if training else ()
        return own.y

    def backward(self, dy: Array) -> list[Array]:
        dy = self.concatenate.accept_gradient(
            dy, bool(self._cache), len(self._cache[0].y) if self._cache else 0
        )
        (own,), self._cache = self._cache, ()
        own.operands.put(dy=dy)
        if own.dx:
            self.region.add(own.job, SPLIT_STAGES[len(own.y) == 1])
        copies = iter(own.dx)
        return [
            dy[..., first:after] if i in self.slotted else next(copies)
            for i, (first, after) in enumerate(pairwise(self.ends))
        ]

    def make_buffers(self, n: int) -> "Buffers":
        return Buffers(self, n)


class Buffers:
    """What a ConcatenateStep writes for n samples, and the record for its parallel regions."""

    def __init__(self, step: ConcatenateStep, n: int):
        layer, dtype = step.concatenate, step.concatenate.dtype
        self.y = maps((n, *layer.output_shape), dtype)
        copied = [i for i in range(len(step.sizes)) if i not in step.slotted]
        shapes = [layer.input_shape[i] for i in copied]
        self.dx = [maps((n, *shape), dtype) for shape in ([] if step.frozen else shapes)]
        sizes = [n * prod(shape) for shape in shapes]
        self.x, self.back = Addresses(sizes, dtype), Addresses(sizes, dtype)
        self.back.put(self.dx)
        layout = step.layout._replace(
            N=n,
            inputs=len(copied),
            sizes=step.sizes[copied],
            places=np.array([step.ends[i] for i in copied], np.int64),
            x=self.x.table,
            dx=self.back.table,
            y=self.y,
        )
        self.record = Record(layout=layout, shares=shares())
        self.operands = Operands(self.record, "layout", dy=(self.y.size, dtype))
        self.job = concatenated.on(self.record, dtype)


@jit_part
def copy_chunk(t, k, stage, like):
    """Join, or split, the samples of chunk k."""
    end = t.rows * share(t.N, k + 1)
    for row in range(t.rows * share(t.N, k), end, t.block):
        count = min(t.block, end - row)
        for i in range(t.inputs):
            size, place = word(t.sizes, i), row * t.width + word(t.places, i)
            if stage == JOIN:
                x, y = at(word(t.x, i), row * size, like), at(t.y, place, like)
                rows = Copy(x=x, x_row=size, y=y, y_row=t.width, rows=count, size=size)
            else:
                dy, dx = at(t.dy, place, like), at(word(t.dx, i), row * size, like)
                rows = Copy(x=dy, x_row=t.width, y=dx, y_row=size, rows=count, size=size)
            call_copy(t.copy, rows)


@Task
def concatenated(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    for k in each_chunk(r.shares, CHUNKS, t, workers):
        copy_chunk(r.layout, k, stage, numbers)
