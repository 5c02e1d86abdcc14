"""The programs of a depthwise convolution against its definition, between pages of memory that
nobody may touch; and what the plan makes of the layers that have one.
"""

import itertools

import fence
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import layers
from minicnn.engine.conv import depthwise
from minicnn.engine.conv.geometry import Geometry, padded
from minicnn.engine.simd import ARGUMENTS
from minicnn.machine import emit

CHANNELS = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 24, 31, 32, 40])


def geometry(window, channels, dtype, whole):
    """Of a drawn window, with a layer's padding; whole: whether z has whole registers."""
    layer = layers.DepthwiseConv2D(
        window["size"], window["strides"], window["padding"], dilation_rate=window["dilation"]
    )
    layer.build((*window["x_shape"][1:3], channels))
    (H, W, C), (OH, OW, F) = layer.input_shape, layer.output_shape
    sizes = (*layer.kernel_size, *layer.strides, *layer.dilation_rate, *layer.window.before)
    FP = padded(F, emit.lanes(dtype)) if whole else F
    return Geometry(H, W, C, *sizes, OH, OW, F, FP)


def run(calls, a, b, c):
    """A program's calls, one after the other."""
    prototype = emit.Emitter(a.dtype.name, ARGUMENTS).prototype()
    places = [array.ctypes.data for array in (a, b, c)]
    for address, *starts, segments, depth, accumulate in calls.tolist():
        pa, pb, pc = (place + start * a.itemsize for place, start in zip(places, starts))
        prototype(address)(pa, 1, segments, depth, pb, pc, accumulate)


def expected(g, x, kernel, dy):
    """(y, dx, dkernel) by the definition, all in double precision."""
    y, dx, dkernel = (np.zeros(array.shape) for array in (dy, x, kernel))
    for i, j, kh, kw in itertools.product(*map(range, (g.OH, g.OW, g.KH, g.KW))):
        h, w = i * g.SH - g.top + kh * g.DH, j * g.SW - g.left + kw * g.DW
        if 0 <= h < g.H and 0 <= w < g.W:
            y[i, j] += x[h, w] * kernel[kh, kw]
            dx[h, w] += dy[i, j] * kernel[kh, kw]
            dkernel[kh, kw] += dy[i, j] * x[h, w]
    return y, dx, dkernel


@pytest.mark.skipif(not fence.POSSIBLE, reason="memory cannot be protected here")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(windows(dilated=True, largest=12), CHANNELS, st.booleans(), st.booleans(), seeds)
@settings(max_examples=60)
def test_the_three_products_of_small_integers_are_exact(
    dtype, window, channels, whole, at_end, seed
):
    """Also with numbers beyond the channels, which come out as 0; nothing beside an array is
    touched.
    """
    dtype, guard, rng = np.dtype(dtype), fence.Fence(at_end), np.random.default_rng(seed)
    g = geometry(window, channels, dtype, whole)

    def integers(*shape):
        return rng.integers(-9, 10, shape).astype(dtype)

    x, kernel, dy = integers(g.H, g.W, g.C), integers(g.KH, g.KW, g.C), integers(g.OH, g.OW, g.F)
    beyond = ((0, 0), (0, 0), (0, g.FP - g.F))
    x, b, dz = (guard.like(a) for a in (x, np.pad(kernel, beyond), np.pad(dy, beyond)))
    turned = guard.like(b[::-1, ::-1])
    z, dx = guard.empty(dz.shape, dtype), guard.empty(x.shape, dtype)  # full of NaN
    before = integers(g.KH, g.KW, g.FP)
    before[..., g.F :] = 0
    dkernel = guard.like(before)

    forward, bands = depthwise.forward(g, dtype, 2)
    for _, _, first, last in bands:
        run(forward[first:last], x, b, z)
    run(depthwise.input_gradient(g, dtype), dz, turned, dx)
    run(depthwise.weight_gradient(g, dtype), x, dz, dkernel)

    found = z[..., : g.F], dx, (dkernel - before)[..., : g.F]
    for made, wanted in zip(found, expected(g, x, kernel, dy), strict=True):
        np.testing.assert_array_equal(made, wanted)
    assert not z[..., g.F :].any() and not dkernel[..., g.F :].any()
    rows = [row for first, last, *_ in bands for row in range(first, last)]
    assert rows == list(range(g.OH))
    reference_taps = reference.taps((1, g.H, g.W, 1), (g.KH, g.KW), (g.SH, g.SW),
        window["padding"], (g.DH, g.DW))  # fmt: skip
    assert len(list(reference_taps)) == g.met_cells()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_maps_of_all_sizes_share_few_kernels(size, stride):
    """Each takes some 20 ms to compile."""
    window = {"size": (size, size), "strides": (stride, stride), "padding": "same"}
    g = geometry(window | {"x_shape": (1, 32, 32, 1), "dilation": (1, 1)}, 32, "float32", True)
    programs = (
        depthwise.forward(g, np.dtype("float32"), 4)[0],
        depthwise.input_gradient(g, np.dtype("float32")),
        depthwise.weight_gradient(g, np.dtype("float32")),
    )
    assert len({call[0] for program in programs for call in program.tolist()}) <= 8 + 3 * (size > 3)
