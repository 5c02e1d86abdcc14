"""Weights of whole numbers as the engine's kernels take them: see engine/integer_sets.py.

The zero point of what comes in, and what is added to make taps of it, go into the bias: the sum of
(q - z) * w is the sum of (q + offset) * w, less (z + offset) times the sum of w.
"""

from collections.abc import Sequence

import numpy as np

from minicnn.engine import integer_sets as sets
from minicnn.engine.integer_passes import Packed
from minicnn.engine.integer_sets import Instructions
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.numbers import Quantization
from minicnn.types import Array


def packed_product(
    isa: Instructions,
    kernel: Array,
    operations: Sequence[IntegerOperation],
    of: Quantization,
    signs: Array,
) -> Packed:
    """A product's kernel (G, lines, K, F), and how its sums end: in one operation, or in two.

    K is filled up to whole lanes, F to whole panels. signs (G*F,) are -1 for filters that are to be
    negated.
    """
    G, lines, K, F = kernel.shape
    steps, panels = -(-K // isa.taps), -(-F // isa.width)
    signed = kernel.astype(np.int64) * signs.reshape(G, 1, 1, F)
    b = np.zeros((G, lines, steps * isa.taps, panels * isa.width), isa.weight)
    b[:, :, :K, :F] = signed
    b = b.reshape(G, lines, steps, isa.taps, panels, isa.width).transpose(0, 4, 1, 2, 5, 3)
    totals = kernel.sum(axis=(1, 2), dtype=np.int64).reshape(-1)
    ends = _ends(isa, operations, of, totals, signs)
    return Packed(np.ascontiguousarray(b), _panels(ends, G, isa.width))


def packed_windows(
    isa: Instructions, operations: Sequence[IntegerOperation], of: Quantization
) -> Packed:
    """The same of a depthwise kernel (KH, KW, C, M): b (1, panels, lines, KW, lanes, taps)."""
    kernel = operations[0].kernel
    assert kernel is not None
    KH, KW = kernel.shape[:2]
    flat = kernel.reshape(KH, KW, -1)
    lines, panels = -(-KH // isa.taps), -(-flat.shape[2] // isa.lanes)
    b = np.zeros((lines * isa.taps, KW, panels * isa.lanes), isa.weight)
    b[:KH, :, : flat.shape[2]] = flat
    b = b.reshape(lines, isa.taps, KW, panels, isa.lanes).transpose(3, 0, 2, 4, 1)
    totals = flat.sum(axis=(0, 1), dtype=np.int64)
    ends = _ends(isa, operations, of, totals, np.ones(len(totals), np.int64))
    return Packed(np.ascontiguousarray(b)[None], _panels(ends, 1, isa.lanes))


def _ends(
    isa: Instructions,
    operations: Sequence[IntegerOperation],
    of: Quantization,
    totals: Array,
    signs: Array,
) -> Array:
    """int32 (stages * 6, F), see integer_sets.STAGE; totals (F,) are the sums of each filter."""
    rows = []
    for stage, operation in enumerate(operations):
        assert operation.bias is not None and operation.kernel_scale is not None
        ends = np.zeros((sets.STAGE, len(totals)), np.int32)
        multiplier = of.scale * operation.kernel_scale / operation.makes.scale
        moved = totals * (of.zero_point + isa.offset)
        if stage:
            assert operation.kernel is not None
            signs = np.ones_like(signs)
            ends[sets.WEIGHT] = operation.kernel.reshape(-1)
            moved = ends[sets.WEIGHT].astype(np.int64) * of.zero_point
        low, high = operation.makes.limits(operation.activation)
        zero = operation.makes.zero_point
        # sums that fit may pass 32 bits on their way, and come back
        ends[sets.BIAS] = (signs * (operation.bias - moved)).astype(np.int32)
        for row, reals in (
            (sets.FACTOR, multiplier * signs),
            (sets.LOW, low - zero),
            (sets.HIGH, high - zero),
        ):
            ends[row].view(np.float32)[...] = reals
        ends[sets.ZERO] = zero
        rows.append(ends)
        of = operation.makes
    return np.concatenate(rows)


def _panels(ends: Array, groups: int, width: int) -> Array:
    """Rows (n, G*F) as (G, panels, n, width)."""
    n, filters = ends.shape
    F = filters // groups
    panels = -(-F // width)
    filled = np.zeros((n, groups, panels * width), ends.dtype)
    filled[..., :F] = ends.reshape(n, groups, F)
    by_panel = filled.reshape(n, groups, panels, width).transpose(1, 2, 0, 3)
    return np.ascontiguousarray(by_panel)
