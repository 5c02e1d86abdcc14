"""The two ways to compute a convolution, as a block uses them: layouts of the kernel, programs, and scratch memory."""

import numpy as np
from numba.np.ufunc.parallel import get_thread_count

from minicnn.engine import direct, emit, winograd
from minicnn.engine.block_backward import together
from minicnn.engine.block_data import CHUNKS, Direct, Scratch, Sizes
from minicnn.engine.geometry import Geometry
from minicnn.engine.products import pack, pack_transposed, square, transpose
from minicnn.layers.base import Array

Plan = tuple[Sizes, Direct, winograd.Winograd, Scratch]

SMALL = 256  # pixels
NO_MARKS = np.zeros(0, np.int64)


class DirectConvolution:
    """The sums as they are written: direct.py."""

    winograd = False

    def __init__(self, g: Geometry, dtype: np.dtype):
        cells, self.g, self.dtype = g.KH * g.KW, g, dtype
        self.packed = np.zeros(cells * g.C * g.FP, dtype)
        self.packed_t = np.zeros(cells * g.FP * g.CP, dtype)
        self.by_blocks = direct.large(g, dtype)
        # In a small picture a number of dkernel is a short sum, which takes longer to load and store than to add up.
        # Then it is summed over many pictures at a time, if there are enough slices to share among threads.
        self.by_slices = g.OH * g.OW <= SMALL and g.KH * -(-g.FP // (2 * emit.lanes(dtype))) >= CHUNKS

    def load(self, kernel: Array) -> None:
        """Lay out the kernel (KH, KW, C, F) for the forward pass."""
        pack(kernel.reshape(-1, self.g.F), emit.lanes(self.dtype), self.packed)

    def load_transposed(self, kernel: Array) -> None:
        """Lay it out for the input gradient."""
        g = self.g
        lanes, address = emit.lanes(self.dtype), square(self.dtype.name)
        pack_transposed(address, lanes, kernel.reshape(-1), g.KH * g.KW, g.C, g.F, g.FP, self.packed_t)

    def plan(self, pictures: int, window: tuple[int, int]) -> Plan:  # noqa: ARG002
        """For chunks of at most so many pictures, and pooling windows."""
        g, dtype = self.g, self.dtype
        longest = direct.rows_of_band(g, g.OW * g.FP, dtype)
        together, blocks = 1, NO_MARKS
        if self.by_blocks:
            numbers = g.H * g.W * g.C + g.OH * g.OW * g.FP
            together = even_share(pictures, max(1, 2 * direct.CACHE // (numbers * dtype.itemsize)))
            longest = g.OH
        forward, bands = direct.forward(g, dtype, longest)
        inputs = direct.input_gradient(g, dtype)
        input_blocks = np.array([0, len(inputs)], np.int64)
        if self.by_blocks:
            forward, blocks = direct.by_blocks(forward, g.FP, emit.lanes(dtype))
            inputs, input_blocks = direct.by_blocks(inputs, g.CP, emit.lanes(dtype))
            bands = np.array([(0, g.OH, 0, 0)], np.int64)
        weights, slices = direct.weight_gradient(g.thinned() if self.by_slices else g, dtype, self.by_slices)
        programs = Direct(
            forward,
            bands,
            blocks,
            weights,
            inputs,
            input_blocks,
            scatters=(g.SH, g.SW) != (1, 1),
            slices=slices if self.by_slices else NO_MARKS,
        )
        s = sizes(g, window, pictures=together, columns=g.OW, z_rows=longest, dz_rows=g.OH)
        return s, programs, winograd.NOTHING, scratch(s, dtype, by_slices=self.by_slices)


class WinogradConvolution:
    """With fewer multiplications: winograd.py. What it keeps of a kernel is U = G g G^T."""

    winograd = True
    by_blocks = by_slices = False

    def __init__(self, g: Geometry, dtype: np.dtype):
        self.g, self.dtype = g, dtype
        self.packed = np.zeros(winograd.PRODUCTS * winograd.plane(g.C, g.F), dtype)
        self.turned = np.zeros(g.KH * g.KW * g.F * g.C, dtype)
        self.packed_t = np.zeros(winograd.PRODUCTS * winograd.plane(g.F, g.C), dtype)

    def load(self, kernel: Array) -> None:
        """Transform the kernel (3, 3, C, F) for the forward pass."""
        winograd.kernel_to_u(kernel.reshape(-1), self.g.C, self.g.F, self.packed)

    def load_transposed(self, kernel: Array) -> None:
        """Transform it for the input gradient."""
        g, lanes, address = self.g, emit.lanes(self.dtype), square(self.dtype.name)
        transpose(address, lanes, kernel.reshape(-1), g.KH * g.KW, g.C, g.F, self.turned)
        winograd.kernel_to_u(self.turned, g.F, g.C, self.packed_t)

    def plan(self, pictures: int, window: tuple[int, int]) -> Plan:
        """For chunks of at most so many pictures, and pooling windows."""
        g = self.g
        down, across, rows, columns = winograd.frame(g)
        together = even_share(pictures, -(-winograd.FEW_PATCHES // (down * across)))
        bands = np.array([(0, g.OH, 0, 0)], np.int64)
        none = winograd.NO_CALLS
        programs = Direct(none, bands, NO_MARKS, none, none, NO_MARKS, scatters=False, slices=NO_MARKS)
        height, width = winograd.OUT * down, winograd.OUT * across
        s = sizes(g, window, pictures=together, columns=width, z_rows=height, dz_rows=height)
        v, m = (winograd.PRODUCTS * winograd.plane(together * down * across, channels) for channels in (g.C, g.F))
        own = scratch(s, self.dtype, frame=rows * columns * g.C, v=v, m=m, u=self.packed.size)
        return s, programs, winograd.winograd(g, self.dtype, together), own


def convolution(g: Geometry, dtype: np.dtype) -> DirectConvolution | WinogradConvolution:
    """The faster way for this geometry."""
    return WinogradConvolution(g, dtype) if winograd.applies(g, dtype) else DirectConvolution(g, dtype)


def even_share(count: int, wanted: int) -> int:
    """How many of `count` to take at a time, at most `wanted`, so that the last time is not much shorter."""
    times = -(-count // wanted)
    return -(-count // times)


def sizes(g: Geometry, window: tuple[int, int], *, pictures: int, columns: int, z_rows: int, dz_rows: int) -> Sizes:
    """Sizes for this geometry and pool, and buffers of this form."""
    PH, PW = window
    return Sizes(
        *(g.H, g.W, g.C, g.CP, g.OH, g.OW, g.F, g.FP, PH, PW),
        *(g.OH // PH, g.OW // PW, *g.seen(), pictures, columns, z_rows, dz_rows),
    )


def scratch(
    s: Sizes, dtype: np.dtype, *, by_slices: bool = False, frame: int = 1, v: int = 1, m: int = 1, u: int = 1
) -> Scratch:
    """Memory for every thread; what a way of computing does not need has one number, or none."""
    row = s.columns * s.FP
    strip, z, dz = s.PH * s.OW * s.FP, s.pictures * s.z_rows * row, s.pictures * s.dz_rows * row
    wide = s.across * s.FP
    taken = together(s) if by_slices else 0
    block, spaced = taken * s.OH * s.OW * 2 * emit.lanes(dtype), taken * s.H * s.W * (s.C + direct.SPARE)
    return Scratch(
        *(
            np.zeros((get_thread_count(), size), dtype)
            for size in (strip, wide, block, spaced, z, dz, frame, frame, v, m, u)
        )
    )
