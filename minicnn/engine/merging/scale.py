"""One step of the plan: every channel of a map times a number of its own, as squeeze-and-excite
does.

    y = x * scale;   dx = dy * scale,   dscale = sum of dy * x over the pixels
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numba import carray

from minicnn.engine.conv.layout import CHUNKS, NONE, share
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.merging import kernels
from minicnn.layers.base import Layer
from minicnn.layers.merging import Multiply
from minicnn.machine.call import DOUBLE, at, caller, view
from minicnn.machine.jit import jit_part
from minicnn.machine.record import Operands, Record
from minicnn.machine.region import SERIAL, Stages, Task
from minicnn.machine.shares import each_chunk, shares
from minicnn.machine.workspace import maps
from minicnn.types import Array, Shape

BLOCK = 2048  # numbers of x that stay in the first-level cache
FEWEST, MOST = 16, 64  # pixels of a block, which are summed in single precision
FORWARD, BACKWARD = range(2)
# [of more samples, of a single one, which is one thread's work]
FORWARD_STAGES = Stages(FORWARD), Stages(SERIAL + FORWARD)
BACKWARD_STAGES = Stages(BACKWARD), Stages(SERIAL + BACKWARD)
call_scale, call_gradient = caller(kernels.Scale), caller(kernels.ScaleGradient)


class Layout(NamedTuple):
    """N samples of `pixels` pixels of C channels, `block` of them at a time; addresses of kernels;
    x, y, dy and dx (N, pixels, C); scale and dscale (N, C).

    part (CHUNKS, C) and, in double precision, total (CHUNKS, C): sums of some pixels, and of those
    before them.
    """

    N: int
    pixels: int
    C: int
    block: int
    forward: int
    backward: int
    x: Array
    scale: Array
    y: Array
    dy: Array
    dx: Array
    dscale: Array
    part: Array
    total: Array


def is_scale(layer: Layer) -> bool:
    """Whether it multiplies two inputs of which one has nothing but channels, as many as the other,
    which is repeated for all pixels.
    """
    if type(layer) is not Multiply or len(layer.input_shape) != 2:
        return False
    full, small = sorted(layer.input_shape, key=prod, reverse=True)
    return full == layer.output_shape != small and small == (1,) * (len(small) - 1) + full[-1:]


class ScaleStep(EngineStep):
    """Runs a built Multiply of maps and of a number per channel, in any order.

    Args:
        multiply: the layer; see is_scale.
        frozen: for inference alone; see network/frozen.py.
    """

    def __init__(self, multiply: Multiply, frozen: bool = False):
        self.multiply, self.frozen = multiply, frozen
        super().__init__([multiply])
        self.maps = multiply.input_shape.index(multiply.output_shape)  # their place in the list
        self.small: Shape = multiply.input_shape[1 - self.maps]

    def forward(self, x: Any, *, training: bool = False) -> Array:
        xs = self.multiply.accept(x)
        x, scale = xs[self.maps], xs[1 - self.maps]
        own = self.buffers_of(len(x))
        own.operands.put(x=x, scale=scale)
        self.region.add(own.job, FORWARD_STAGES[len(x) == 1])
        self._cache = (x, scale, own) if training else ()
        return own.y

    def backward(self, dy: Array) -> list[Array]:
        dy = self.multiply.accept_gradient(
            dy, bool(self._cache), len(self._cache[0]) if self._cache else 0
        )
        (x, scale, own), self._cache = self._cache, ()
        own.operands.put(x=x, scale=scale, dy=dy)
        self.region.add(own.job, BACKWARD_STAGES[len(x) == 1])
        return [own.dscale, own.dx] if self.maps else [own.dx, own.dscale]

    def make_buffers(self, n: int) -> "Buffers":
        return Buffers(self, n)


class Buffers:
    """What a ScaleStep writes for n samples, and the record for its parallel regions."""

    def __init__(self, step: ScaleStep, n: int):
        shape, dtype = step.multiply.output_shape, step.multiply.dtype
        C, trained = shape[-1], 0 if step.frozen else n
        self.y, self.dx = maps((n, *shape), dtype), maps((trained, *shape), dtype)
        self.dscale = np.zeros((trained, *step.small), dtype)
        layout = Layout(
            N=n,
            pixels=prod(shape[:-1]),
            C=C,
            block=min(max(BLOCK // C, FEWEST), MOST),
            forward=kernels.scale(dtype.name),
            backward=kernels.scale_gradient(dtype.name),
            x=NONE,
            scale=NONE,
            y=self.y,
            dy=NONE,
            dx=self.dx,
            dscale=self.dscale,
            part=np.zeros((CHUNKS, C), dtype),
            total=np.zeros((CHUNKS, C)),
        )
        self.record = Record(layout=layout, shares=shares())
        self.operands = Operands(
            self.record,
            "layout",
            x=(self.y.size, dtype),
            scale=(n * C, dtype),
            dy=(self.y.size, dtype),
        )
        self.job = scaled.on(self.record, dtype)


@jit_part
def scale_sample(t, n, like):
    """y of sample n."""
    for pixel in range(0, t.pixels, t.block):
        start = (n * t.pixels + pixel) * t.C
        call_scale(
            t.forward,
            kernels.Scale(
                x=at(t.x, start, like),
                scale=at(t.scale, n * t.C, like),
                y=at(t.y, start, like),
                pixels=min(t.block, t.pixels - pixel),
                channels=t.C,
            ),
        )


@jit_part
def gradient_sample(t, n, k, like):
    """dx and dscale of sample n, which is in chunk k."""
    part, total = view(t.part, CHUNKS * t.C, like), view(t.total, CHUNKS * t.C, DOUBLE)
    dscale, first = view(t.dscale, t.N * t.C, like), k * t.C
    for c in range(t.C):
        total[first + c] = 0
    for pixel in range(0, t.pixels, t.block):
        start = (n * t.pixels + pixel) * t.C
        call_gradient(
            t.backward,
            kernels.ScaleGradient(
                x=at(t.x, start, like),
                scale=at(t.scale, n * t.C, like),
                dy=at(t.dy, start, like),
                dx=at(t.dx, start, like),
                dscale=at(t.part, first, like),
                pixels=min(t.block, t.pixels - pixel),
                channels=t.C,
            ),
        )
        for c in range(t.C):
            total[first + c] += part[first + c]
    for c in range(t.C):
        dscale[n * t.C + c] = total[first + c]


@Task
def scaled(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    for k in each_chunk(r.shares, CHUNKS, t, workers):
        for n in range(share(r.layout.N, k), share(r.layout.N, k + 1)):
            if stage == FORWARD:
                scale_sample(r.layout, n, numbers)
            else:
                gradient_sample(r.layout, n, k, numbers)
