"""Drawn operations of whole numbers, for tests of their machine code."""

import numpy as np
from hypothesis import strategies as st

from minicnn.quantize import shapes
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import WEIGHTED, Computation

DRAWN = (
    *("conv2d", "conv2d", *WEIGHTED, "add", "max_pooling2d", "average_pooling2d"),
    *("global_average", "global_max"),
)
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
EXTREMES = [(-128, -128), (127, 127), (-128, 127)]
KERNELS = [(-127, 127), (-127, 127), (-127, -127), (127, 127), (-128, 127)]


@st.composite
def quantizations(draw):
    scale = draw(st.floats(2**-10, 0.125, width=32))
    return Quantization(np.float32(scale), draw(st.sampled_from([-128, -1, 0, 3, 127])))


def weighted(draw, kind, kernel, told, makes, number=0):
    """An operation with drawn weights, which reads the value of that number."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = draw(st.sampled_from(KERNELS))
    filters = kernel[2] * kernel[3] if kind == "depthwise_conv2d" else kernel[-1]
    return IntegerOperation(
        kind, str(number), (number,), (), draw(st.sampled_from([None, "relu", "relu6"])), told,
        rng.integers(low, high + 1, kernel).astype(np.int8),
        rng.integers(-9999, 9999, filters).astype(np.int32),
        rng.uniform(1e-4, 0.1, filters).astype(np.float32), makes,
    )  # fmt: skip


def norm(draw, C, makes, number):
    """A normalisation as it is where nothing takes it in."""
    told = {"strides": (1, 1), "padding": "valid", "dilation_rate": (1, 1)}
    return weighted(draw, "depthwise_conv2d", (1, 1, C, 1), told, makes, number)


@st.composite
def computations(draw):
    """(computation, quantization of its input): an operation of any kind that has a form, and now
    and then what may run in its pass, a normalisation and max pooling.
    """
    kind = draw(st.sampled_from(DRAWN))
    of = draw(quantizations())
    makes = of if "pooling" in kind or kind == "global_max" else draw(quantizations())
    C = draw(st.sampled_from([1, 2, 3, 4, 8, 16, 17, 33]))
    # a row of more pixels than a tile has, now and then
    picture = (draw(st.integers(1, 13)), draw(st.integers(1, 9) | st.integers(10, 34)), C)
    told = {"strides": draw(strides), "padding": draw(st.sampled_from(["same", "valid"]))}
    size = tuple(min(draw(st.integers(1, 5)), n) for n in picture[:2])
    fits = all((k - 1) * 2 < n for k, n in zip(size, picture, strict=False))
    dilation = (2, 2) if fits and draw(st.booleans()) else (1, 1)
    F = draw(st.sampled_from([1, 3, 8, 15, 16, 17, 32, 37, 64]))
    if kind == "dense":
        picture = (draw(st.integers(1, 70)),)
        first = weighted(draw, kind, (*picture, F), {}, makes)
    elif kind == "conv2d":
        G = draw(st.sampled_from([g for g in (1, 1, 2, 3, 11, 16) if C % g == 0]))
        told |= {"groups": G, "dilation_rate": dilation}
        first = weighted(draw, kind, (*size, C // G, F * G), told, makes)
    elif kind == "depthwise_conv2d":
        told["dilation_rate"] = dilation
        first = weighted(draw, kind, (*size, C, draw(st.integers(1, 3))), told, makes)
    else:
        told |= {"pool_size": size} if "pooling" in kind else {}
        first = IntegerOperation(kind, "0", (0,), (C,), None, told, makes=makes)
    operations = [first]
    if kind == "add":  # what comes in and something of another scale
        first.name, first.reads = "1", (0, 1)
        operations = [norm(draw, C, draw(quantizations()), 0), first]
        operations[0].shape = picture
    first.shape = shapes.made_of(first, [picture] * len(first.reads))
    if kind in ("conv2d", "depthwise_conv2d"):
        if draw(st.booleans()):
            operations.append(norm(draw, first.shape[-1], draw(quantizations()), 1))
            operations[1].shape = first.shape
        if draw(st.booleans()):
            last = operations[-1]
            size = tuple(min(draw(st.integers(1, 3)), n) for n in last.shape[:2])
            told = {"strides": size, "padding": "valid", "pool_size": size}
            reads = (len(operations),)
            pool = IntegerOperation("max_pooling2d", "2", reads, (), None, told, makes=last.makes)
            pool.shape = shapes.made_of(pool, [last.shape])
            operations.append(pool)
    return Computation("drawn", picture, operations), of


def numbers(computation, seed, count):
    """Drawn whole numbers, or the lowest or highest only."""
    low, high = EXTREMES[seed % 3]
    rng = np.random.default_rng(seed)
    return rng.integers(low, high + 1, (count, *computation.input_shape)).astype(np.int8)
