"""One 3x3 convolution in five ways, from seven loops to Winograd's: why the engine is fast.

    python examples/engine_ladder.py                       # the documented network's second block
    python examples/engine_ladder.py --shape 32 32 3 32    # rows, columns, channels, filters

The work is one block of a network in training: a convolution, and behind it ReLU, batch
normalisation and 2x2 max pooling. Each rung of the ladder does one thing better than the rung below
it. Each is compared with the first one's sums in double precision, and then timed on one thread.
docs/engine.md tells it with pictures, minicnn/engine/README.md says which file does what.

Axes: N pictures of H x W pixels with C channels; F filters of 3x3; OH x OW outputs, no padding.
Source: rungs that are each checked and then timed are Andrej Karpathy's, llm.c, dev/cuda.
"""

# %% One thread, for NumPy's matrix product too, whose libraries read this when they are loaded
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("VECLIB_MAXIMUM_THREADS", "1")

# %% Imports; they also work in a fresh clone of which nothing is installed
import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numba import njit

try:
    import minicnn
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import minicnn
from minicnn import layers
from minicnn.engine.conv.geometry import geometry
from minicnn.engine.conv.ways import DirectConvolution
from minicnn.engine.patterns import PATTERNS
from minicnn.engine.plan import Step, plan
from minicnn.engine.products import Left, Program, Right, run
from minicnn.kernels.im2col import im2col
from minicnn.machine import peak, processor
from minicnn.machine.call import at
from minicnn.machine.record import address

TOLERANCE = 1e-5  # of the largest value: what the engine promises in float32


# %% What all rungs have to do
class Task(NamedTuple):
    """A batch x (N, H, W, C), and the block's layers, built; the first is the convolution."""

    x: np.ndarray
    block: list

    def kernel(self) -> np.ndarray:
        """(3, 3, C, F)."""
        return self.block[0].params["kernel"]

    def empty_z(self) -> np.ndarray:
        """(N, OH, OW, F) for the convolution's result."""
        return np.empty((len(self.x), *self.block[0].output_shape), self.x.dtype)

    def flops(self) -> int:
        """Operations of the convolution as it is written, two per multiply-add."""
        return 2 * 9 * self.x.shape[-1] * self.empty_z().size

    def rest(self, z: np.ndarray) -> np.ndarray:
        """What follows it, layer by layer: each reads and writes all of it."""
        for layer in self.block[1:]:
            z = layer.forward(z, training=True)
        return z


class Rung(NamedTuple):
    """convolve() gives the convolution's result, whole() that of the block."""

    name: str
    convolve: Callable[[], np.ndarray]
    whole: Callable[[], np.ndarray]


def task_of(batch: int, shape: tuple[int, int, int, int], dtype: type = np.float32) -> Task:
    """A task with drawn pictures and weights, the same in every type."""
    rng = np.random.default_rng(0)
    *picture, filters = shape
    x = rng.standard_normal((batch, *picture), np.float32).astype(dtype)
    behind = layers.ReLU(), layers.BatchNormalization(), layers.MaxPooling2D()
    block = [layers.Conv2D(filters, 3, use_bias=False), *behind]
    passed = tuple(picture)
    for layer in block:
        passed = layer.build(passed, rng, dtype)
        for array in layer.params.values():  # also gammas below 0, which turn the order around
            array[...] = rng.standard_normal(array.shape, np.float32)
    return Task(x, block)


# %% Rung 1: seven loops. This is the definition; there is nothing to understand, and it is slow.
# Every addition waits three or four cycles for the one before it, and it is of one number, where a
# processor with AVX-512 could begin two of 16 numbers in every cycle.
@njit
def seven_loops(x, kernel, z):
    """z[n, i, j, f] = the sum over kh, kw, c of x[n, i + kh, j + kw, c] * kernel[kh, kw, c, f]."""
    N, OH, OW, F = z.shape
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for f in range(F):
                    total = x.dtype.type(0)
                    for kh in range(3):
                        for kw in range(3):
                            for c in range(x.shape[3]):
                                total += x[n, i + kh, j + kw, c] * kernel[kh, kw, c, f]
                    z[n, i, j, f] = total


def loops(task: Task) -> Rung:
    z = task.empty_z()

    def convolve() -> np.ndarray:
        seven_loops(task.x, task.kernel(), z)
        return z

    return Rung("seven loops", convolve, lambda: task.rest(convolve()))


# %% Rung 2: im2col. Every patch of 3x3xC numbers becomes a row of a matrix P; then the convolution
# is one matrix product, and somebody has made those fast already. The price is P, nine times x.
# Source: Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks for
# document processing". The readable layer, minicnn/layers/conv2d.py, does it like this.
def matrix_product(task: Task) -> Rung:
    z, C = task.empty_z(), task.x.shape[-1]
    P = np.empty((*z.shape[:3], 3, 3, C), z.dtype)

    def convolve() -> np.ndarray:
        im2col(task.x, (1, 1), (0, 0), (1, 1), P)
        F = z.shape[-1]
        np.matmul(P.reshape(-1, 9 * C), task.kernel().reshape(-1, F), out=z.reshape(-1, F))
        return z

    return Rung("im2col + product", convolve, lambda: task.rest(convolve()))


# %% Rung 3: the addressed tile. In x, the 3 * C numbers below a row of the kernel lie side by side.
# So row (i, j) of P need not be copied: it begins (i * W + j) * C numbers after x does, and goes on
# W * C numbers further for each row of the kernel (a segment). Such a product is cut into tiles,
# which keep 14 x 2 registers of the result from beginning to end (AVX-512; fewer where there are
# fewer), so that every number that is loaded is used many times.
# Source: Goto & van de Geijn 2008, "Anatomy of high-performance matrix multiplication"; Georganas
# et al. 2018, arXiv:1808.05567. The tile is in minicnn/engine/simd.py, lists of them products.py.
@njit
def run_for_all(calls, count, like, images, x, picture, kernel, z, result):
    """The calls of a program for every image; x, kernel and z are addresses."""
    for n in range(images):
        run(calls, 0, count, like, at(x, n * picture, like), kernel, at(z, n * result, like))


def addressed(task: Task) -> Rung:
    x, z = task.x, task.empty_z()
    N, _, W, C = x.shape
    _, OH, OW, F = z.shape
    program = Program(x.dtype, F)
    program.multiply(
        (OH, OW),
        Left(outer=W * C, inner=C, segment=W * C, step=1),
        3,  # segments, the rows of the kernel, of
        3 * C,  # numbers each
        Right(rows=9 * C, packed=True, segment=3 * C),
        (OW * F, F),  # from one row and from one pixel of z to the next
    )
    calls, width = program.table(), 2 * program.lanes

    def convolve() -> np.ndarray:
        B = task.kernel().reshape(9 * C, F)  # in columns two registers wide, one after the other
        packed = np.concatenate([B[:, f : f + width].reshape(-1) for f in range(0, F, width)])
        places = address(x), x[0].size, address(packed), address(z), z[0].size
        run_for_all(address(calls), len(calls), x, N, *places)
        return z

    return Rung("addressed tile", convolve, lambda: task.rest(convolve()))


# %% Rung 4: the fused row. The convolution is fast now, but what follows reads and writes all of z
# three times: here that takes half as long again, in the network's first block five times as long
# as the convolution. So a row of z gets its ReLU and is summed up for mean and variance while it is
# in the first-level cache. Windows are pooled before mean and variance are known, since to
# normalise keeps the order of numbers (or turns it around, where gamma is below 0). A quarter of
# the numbers is left to normalise.
# Source: minicnn/engine/conv/step.py, where the order of work is explained.
def engine(task: Task, name: str, make: Callable[[list], Step]) -> Rung:
    """The engine's step for the convolution alone, and that for the block."""
    alone, block = make(task.block[:1]), make(task.block)
    return Rung(
        name,
        lambda: alone.forward(task.x, training=True),
        lambda: block.forward(task.x, training=True),
    )


def fused(task: Task) -> Rung:
    pattern = PATTERNS[0]  # a convolution, and any of activation, normalisation and pooling
    as_written = DirectConvolution(geometry(task.block[0]), task.x.dtype)

    def directly(block: list) -> Step:
        return pattern.step(**pattern.match(block), like=as_written)

    return engine(task, "fused row", directly)


# %% Rung 5: Winograd's way. All rungs so far do the same multiplications, and the last ones nearly
# as fast as the processor can. To gain more, do fewer: outputs that are neighbours share products.
# For 5x5 outputs of a 3x3 kernel 49 multiplications replace 225, for some additions.
# Source: Lavin & Gray 2015, arXiv:1509.09308. minicnn/engine/conv/winograd.py chooses the form, or
# none: with few channels the additions would cost more than is saved.
def winograd(task: Task) -> Rung | None:
    form = getattr(plan(task.block)[0].convolution, "form", None)
    if form is None:
        return None
    name = f"Winograd F({form.out}x{form.out}, 3x3)"
    return engine(task, name, lambda block: plan(block)[0])


# %% The clock, and the table
def fastest(call: Callable[[], object], seconds: float) -> float:
    """Seconds of the quickest of the calls that fill the time, but the first, which compiles."""
    call()
    times, end = [], perf_counter() + seconds
    while not times or perf_counter() < end:
        begun = perf_counter()
        call()
        times.append(perf_counter() - begun)
    return min(times)


def largest_error(y: np.ndarray, exact: np.ndarray) -> float:
    """The largest difference, relative to the largest value."""
    return float(np.abs(y - exact).max() / np.abs(exact).max())


def climb(batch: int, shape: tuple[int, int, int, int], seconds: float) -> None:
    """Check and time every rung, and print a line for each.

    Raises ValueError for a rung that is farther than TOLERANCE from the definition.
    """
    minicnn.set_threads(1)
    task, exactly = task_of(batch, shape), loops(task_of(batch, shape, np.float64))
    exact_z, exact_y = exactly.convolve().copy(), exactly.whole()
    best = max(peak.measure("float32")[0] for _ in range(5))
    isa, flops = processor.instruction_set(), task.flops()
    sizes = [" x ".join(map(str, a.shape[1:])) for a in (task.x, exact_z, exact_y)]
    print(f"{batch} pictures, {' -> '.join(sizes)}: {flops / 1e9:.3g} GFLOP as written")
    print(f"one thread, {isa.name}, tile of {isa.rows} x 2, peak {best / 1e9:.0f} GFLOP/s\n")
    print(f"{'':25}{'convolution alone':^27}{'the whole block':^27}{'largest':>9}")
    columns = f"{'ms':>9}{'GFLOP/s':>9}{'of peak':>9}"
    print(f"{'rung':25}{columns}{columns}{'error':>9}")
    for number, make in enumerate((loops, matrix_product, addressed, fused, winograd), 1):
        rung = make(task)
        if rung is None:
            print(f"{number} Winograd: the engine does not take this way for such a shape")
            continue
        of_z = largest_error(rung.convolve(), exact_z)  # before whole() writes to the same memory
        of_y = largest_error(rung.whole(), exact_y)
        if not (of_z <= TOLERANCE and of_y <= TOLERANCE):
            raise ValueError(
                f"rung {number}, {rung.name}, expected what the seven loops compute to "
                f"{TOLERANCE:.0e} of the largest value, received {of_z:.0e} and {of_y:.0e} beside"
            )
        cells = ""
        for call in (rung.convolve, rung.whole):
            time = fastest(call, seconds)
            cells += f"{time * 1e3:9.2f}{flops / time / 1e9:9.1f}{flops / time / best:9.1%}"
        print(f"{number} {rung.name:23}{cells}{max(of_z, of_y):9.0e}")


# %% What can be chosen on the command line
def main() -> None:
    shown = argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=shown)
    shape = {"nargs": 4, "type": int, "default": (15, 15, 32, 64), "metavar": tuple("HWCF")}
    parser.add_argument("--shape", **shape, help="rows, columns, channels of a picture; filters")
    parser.add_argument("--batch", type=int, default=64, help="pictures")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long to time each")
    options = parser.parse_args()
    H, W, *others = options.shape
    if min(H, W) < 4 or min(*others, options.batch) < 1:
        parser.error(
            "--shape expects at least 4 rows and columns, 1 channel and 1 filter, --batch 1: "
            f"received {' '.join(map(str, options.shape))} and {options.batch}"
        )
    climb(options.batch, tuple(options.shape), options.seconds)


if __name__ == "__main__":
    main()
