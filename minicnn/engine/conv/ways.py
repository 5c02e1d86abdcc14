"""The ways to compute a convolution, as a block uses them: programs and their memory."""

from typing import NamedTuple

import numpy as np
from numba.np.ufunc.parallel import get_thread_count

from minicnn.engine.conv import depthwise, direct, winograd
from minicnn.engine.conv.geometry import Geometry
from minicnn.engine.conv.layout import CHUNKS, NONE, Programs, Scratch, Sizes, programs, scratch
from minicnn.engine.conv.weights import together
from minicnn.engine.conv.winograd_form import Form
from minicnn.machine import processor

SMALL = 256  # pixels


class Plan(NamedTuple):
    """How a batch is convolved.

    kernel: numbers of the kernel as the forward program reads it.
    """

    sizes: Sizes
    programs: Programs
    winograd: winograd.Winograd
    scratch: Scratch
    kernel: int


class DirectConvolution:
    """The sums as they are written: direct.py.

    Attributes:
        adds_up: whether dx may be added to what is there.
    """

    winograd = stores_past = False
    form = None

    def __init__(self, g: Geometry, dtype: np.dtype):
        self.g, self.dtype = g, dtype
        self.gathers = direct.tiny(g)  # z is made in scratch memory, from pictures copied there
        self.by_blocks = direct.large(g, dtype)
        self.adds_up = not self.gathers
        # In a small picture a number of dkernel is a short sum. Where so many do not stay in the
        # cache from picture to picture, it takes longer to load and store than to add up: then it
        # is summed over many pictures at a time, if there are enough slices to share among threads.
        self.by_slices = (
            g.groups == 1
            and self.by_blocks  # the kernel is large
            and g.OH * g.OW <= SMALL
            and (g.seen() == (1, 1) or (g.top, g.left) == (0, 0))
            and g.KH * -(-g.FP // (2 * processor.lanes(dtype))) >= CHUNKS
        )

    def plan(self, n: int, window: tuple[int, int], trains: bool = True) -> Plan:
        """For batches of n pictures, and pooling windows; for backward too, if it trains."""
        pictures = chunk(n)
        g, dtype, lanes = self.g, self.dtype, processor.lanes(self.dtype)
        few, z_rows, blocks = 1, direct.rows_of_band(g, g.OW * g.FP, dtype), NONE
        several = self.gathers or self.by_blocks
        if several:
            numbers = g.H * g.W * g.C + g.OH * g.OW * g.FP
            few, z_rows = (
                even_share(pictures, max(1, 2 * direct.CACHE // (numbers * dtype.itemsize))),
                g.OH,
            )
        side_by_side = few if self.gathers else 1
        forward, bands = direct.forward(g, dtype, z_rows, side_by_side)
        if several:
            bands = np.array([(0, g.OH, 0, 0)], np.int64)
            forward, blocks = direct.by_blocks(forward, g.FP, lanes)
        s = sizes(g, window, pictures=few, columns=g.OW, z_rows=z_rows, dz_rows=g.OH)
        kernel, copied = g.kernel_numbers, self.gathers * few * g.H * g.W * g.C
        if not trains:
            return Plan(
                s,
                programs(forward=forward, bands=bands, blocks=blocks, gathers=self.gathers),
                winograd.Winograd(),
                memory(s, dtype, {}, {"v": copied}, {}, 0),
                kernel,
            )
        inputs = direct.input_gradient(g, dtype, side_by_side)
        input_blocks = np.array([0, len(inputs)], np.int64)
        if several:
            inputs, input_blocks = direct.by_blocks(inputs, g.C, lanes)
        weights, slices = direct.weight_gradient(
            g.thinned() if self.by_slices else g, dtype, self.by_slices
        )
        one = g.OH * g.OW * g.FP
        taken = together(s) if self.by_slices else 0
        spaced, block = taken * g.H * g.W * (g.C + direct.SPARE), taken * g.OH * g.OW * 2 * lanes
        return Plan(
            s,
            programs(
                forward=forward,
                bands=bands,
                blocks=blocks,
                weights=weights,
                inputs=inputs,
                input_blocks=input_blocks,
                slices=slices,
                at_once=self.by_slices,
                scatters=(g.SH, g.SW) != (1, 1),
                gathers=self.gathers,
            ),
            winograd.Winograd(),
            memory(
                s,
                dtype,
                {},
                {
                    "dz": few * one,
                    "spaced": spaced,
                    "block": block,
                    "v": copied,
                },
                {
                    "kernel": kernel,
                    "kernel_t": g.transposed().kernel_numbers,
                    "all_dz": self.by_slices * (n + few) * one,
                },
                0 if self.by_slices else CHUNKS,
            ),
            kernel,
        )


class WinogradConvolution:
    """With fewer multiplications: winograd.py. Its kernel is U = G g G^T."""

    winograd = gathers = True  # z is made in scratch memory, from patches
    by_blocks = by_slices = adds_up = stores_past = False

    def __init__(self, g: Geometry, form: Form, dtype: np.dtype):
        self.g, self.form, self.dtype = g, form, dtype

    def plan(self, n: int, window: tuple[int, int], trains: bool = True) -> Plan:
        """For batches of n pictures, and pooling windows; for backward too, if it trains."""
        g, form = self.g, self.form
        down, across, rows, columns = winograd.frame(g, form)
        few = even_share(chunk(n), -(-winograd.FEW_PATCHES // (down * across)))
        height, width = form.out * down, form.out * across
        s = sizes(g, window, pictures=few, columns=width, z_rows=height, dz_rows=height)
        v, m = (
            form.products * winograd.plane(few * down * across, channels) for channels in (g.C, g.F)
        )
        u, ut = (form.products * winograd.plane(*channels) for channels in ((g.C, g.F), (g.F, g.C)))
        frame = rows * columns * g.C
        # Rounded up to a power of two, so that batches of all sizes share a few kernels.
        kept = 1 << (n - 1).bit_length() if trains and winograd.at_once(g, form, n) else few
        all_v, all_m = (
            form.products * winograd.plane(kept * down * across, channels)
            for channels in (g.C, g.F)
        )
        if not trains:
            own = memory(s, self.dtype, {"frame": frame}, {"v": v, "m": m}, {}, 0)
            way, tables = winograd.winograd(g, form, self.dtype, few, kept, trains=False)
            return Plan(s, tables, way, own, u)
        at_once = kept > few
        beyond = few * down * across * g.F  # the last pictures may be fewer than the program reads
        own = memory(
            s,
            self.dtype,
            # around a picture and beside dz there are zeros
            {
                "frame": frame,
                "dz": few * height * width * g.FP,
            },
            {"halo": frame, "v": v, "m": m} | ({} if at_once else {"u": u}),
            {"kernel": u, "turned": g.KH * g.KW * g.F * g.C, "kernel_t": ut}
            | ({"all_v": all_v, "all_m": all_m + beyond, "du": u} if at_once else {}),
            0 if at_once else CHUNKS,
        )
        way, tables = winograd.winograd(g, form, self.dtype, few, kept)
        return Plan(s, tables, way, own, u)


class DepthwiseConvolution:
    """Of every channel by itself, or in narrow groups, as sums of shifted rows: depthwise.py."""

    stores_past = True  # its program can itself store z past the cache
    winograd = gathers = by_blocks = by_slices = adds_up = False
    form = None

    def __init__(self, g: Geometry, dtype: np.dtype):
        self.g, self.dtype = g, dtype

    def plan(
        self,
        n: int,  # noqa: ARG002
        window: tuple[int, int],
        trains: bool = True,
        streams: bool = False,
    ) -> Plan:
        """For batches of n pictures, and pooling windows; for backward too, if it trains; whether
        z `streams` past the cache.
        """
        g, dtype = self.g, self.dtype
        z_rows = direct.rows_of_band(g, g.OW * g.FP, dtype)
        forward, bands = depthwise.forward(g, dtype, z_rows, streams)
        s = sizes(g, window, pictures=1, columns=g.OW, z_rows=z_rows, dz_rows=g.OH)
        if not trains:
            tables, own = programs(forward=forward, bands=bands), memory(s, dtype, {}, {}, {}, 0)
            return Plan(s, tables, winograd.Winograd(), own, g.kernel_numbers)
        inputs = depthwise.input_gradient(g, dtype)
        tables = programs(
            forward=forward,
            bands=bands,
            weights=depthwise.weight_gradient(g, dtype),
            inputs=inputs,
            input_blocks=np.array([0, len(inputs)], np.int64),
        )
        shared = {"kernel": g.kernel_numbers, "kernel_t": g.kernel_numbers}
        own = memory(s, dtype, {}, {"dz": g.OH * g.OW * g.FP}, shared, CHUNKS)
        return Plan(s, tables, winograd.Winograd(), own, g.kernel_numbers)


Convolution = DirectConvolution | WinogradConvolution | DepthwiseConvolution


def way(
    g: Geometry, dtype: np.dtype, like: Convolution | None = None, trains: bool = True
) -> Convolution:
    """The faster way for this geometry, in training or not, or another geometry's way."""
    if g.groups > 1:
        narrow = depthwise.fits(g, processor.lanes(dtype))
        return (DepthwiseConvolution if narrow else DirectConvolution)(g, dtype)
    if like is None:
        form = winograd.best_form(g, dtype, trains)
    else:
        form = like.form
    return DirectConvolution(g, dtype) if form is None else WinogradConvolution(g, form, dtype)


def chunk(n: int) -> int:
    """Pictures of the largest chunk."""
    return -(-n // CHUNKS)


def even_share(count: int, wanted: int) -> int:
    """How many of `count` to take at a time, at most `wanted`, so that the last time is not much
    shorter.
    """
    times = -(-count // wanted)
    return -(-count // times)


def sizes(
    g: Geometry, window: tuple[int, int], *, pictures: int, columns: int, z_rows: int, dz_rows: int
) -> Sizes:
    """Sizes for this geometry and pool, and buffers of this form."""
    PH, PW = window
    return Sizes(
        *(g.H, g.W, g.C, g.OH, g.OW, g.F, g.FP, PH, PW),
        *(
            g.OH // PH,
            g.OW // PW,
            g.KH * g.KW,
            g.depth,
            *g.seen(),
            pictures,
            columns,
            z_rows,
            dz_rows,
        ),
    )


def memory(
    s: Sizes,
    dtype: np.dtype,
    blank: dict[str, int],
    own: dict[str, int],
    shared: dict[str, int],
    parts: int,
) -> Scratch:
    """Scratch memory with so many numbers in these buffers, in the ones that every way needs, and
    `parts` dkernels.
    """
    always = {"strip": s.PH * s.OW * s.FP, "z": s.pictures * s.z_rows * s.columns * s.FP}
    channels = dict.fromkeys(("center", "deviations", "squares"), s.FP)
    return scratch(
        get_thread_count(),
        dtype,
        {"wide": s.across * s.FP} | blank,  # beside its F channels there are zeros
        own | always | channels,
        shared | {"dkernels": parts * s.cells * s.depth * s.FP},
    )
