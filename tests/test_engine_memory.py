"""The engine writes to its buffers and nowhere else, and reads nothing that it has not made."""

import copy
from unittest import mock

import numpy as np
from engine_cases import assert_close, blocks, both_engines, fits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import seeds

from minicnn import Sequential, layers
from minicnn.engine.conv import buffers, layout, ways
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.plan import plan

GUARD, MARGIN, SENTINEL = 64, 1 << 18, 0x5A


class Guarded:
    """Arrays between two guard bands of 64 sentinel bytes, and a workspace with bands between its
    buffers.
    """

    def __init__(self):
        self.bands, self.blank, self.gaps, self.blank_gaps = [], [], [], []

    def like(self, array):
        memory = np.full(array.nbytes + 2 * GUARD, SENTINEL, np.uint8)
        self.bands += [memory[:GUARD], memory[GUARD + array.nbytes :]]
        inside = memory[GUARD : GUARD + array.nbytes].view(array.dtype).reshape(array.shape)
        inside[...] = array
        return inside

    def scratch(self, threads, dtype, blank, own, shared):
        """layout.scratch; notes what it leaves free between two buffers."""
        places = layout.scratch(threads, dtype, blank, own, shared)
        ends = []
        for first, sizes in [(t * places.stride, blank | own) for t in range(threads)] + [
            (0, shared)
        ]:
            for name, numbers in sizes.items():
                start = first + getattr(places, name)
                ends.append((start, start + numbers * dtype.itemsize, name in blank))
        starts = [start for start, _, _ in ends[1:]] + [places.size]
        for (_, used, in_blank), end in zip(ends, starts, strict=True):
            assert end - used >= layout.LINE
            (self.blank_gaps if in_blank else self.gaps).append(slice(used, end))
        return places

    def workspace(self, size):
        """Memory with those gaps as guard bands, and full of NaN: nothing may be read that the pass
        has not made.
        """
        memory = np.full(MARGIN + size + MARGIN, SENTINEL, np.uint8)
        self.bands += [memory[:MARGIN], memory[MARGIN + size :]]
        memory = memory[MARGIN : MARGIN + size]
        memory[:] = 0xFF
        for gap in self.gaps:
            memory[gap] = SENTINEL
        self.bands += [memory[gap] for gap in self.gaps]
        self.blank += [memory[gap] for gap in self.blank_gaps]
        return memory

    def intact(self):
        zeros_or_untouched = all(
            (band == band[0]).all() and band[0] in (0, 0xFF) for band in self.blank
        )
        return all((band == SENTINEL).all() for band in self.bands) and zeros_or_untouched


@given(blocks(), st.sampled_from(["float32", "float64"]), seeds)
@settings(max_examples=100)
def test_nothing_is_written_beside_a_buffer(drawn, dtype, seed):
    (batch, *shape), stack = drawn
    assume(fits(stack, tuple(shape)))
    model = Sequential([layers.Input(tuple(shape)), *copy.deepcopy(stack)], seed=seed, dtype=dtype)
    guarded = Guarded()
    fused = [step for step in plan(model.layers) if isinstance(step, ConvBlock)]
    assume(fused)
    block = fused[0]
    with mock.patch.object(ways, "scratch", guarded.scratch):
        record = block.buffers_of(batch + 1).record
    for name in ("data", "channels", "batch"):
        part = record.parts[name]
        arrays = {
            field: guarded.like(value)
            for field, value in part._asdict().items()
            if isinstance(value, np.ndarray)
        }
        record.put(name, part._replace(**arrays))
    rng = np.random.default_rng(seed)
    with mock.patch.object(buffers, "workspace", guarded.workspace):
        y = block.forward(
            guarded.like(
                rng.standard_normal((batch + 1, *block.layers[0].input_shape)).astype(dtype)
            ),
            training=True,
        )
        assert guarded.intact()
        dx = block.backward(rng.standard_normal(y.shape).astype(dtype))
    assert guarded.intact()
    made = [y, dx, *(grad for layer in block.layers for grad in layer.grads.values())]
    assert all(np.isfinite(array).all() for array in made)
    written = record.parts["data"].y
    # the passes did write to these very arrays
    assert record.place("data", "y")[0] == written.ctypes.data


def test_dx_is_written_over_x_only_where_nobody_needs_x():
    convs = [
        layers.Conv2D(16, 3, padding="same", activation="relu", name=f"c{i}") for i in range(3)
    ]
    stack = [convs[0], convs[1], layers.BatchNormalization(), convs[2]]
    models = both_engines(stack, (8, 8, 16), "float64", 0)
    x = np.random.default_rng(1).standard_normal((4, 8, 8, 16))
    steps = models[1].execution_for(x).steps
    # the ReLU of c0 needs what c1 reads
    assert [step.owns_input for step in steps] == [
        False,
        False,
        True,
    ]
    given = x.copy()
    y = steps[0].forward(given, training=True)
    for step in steps[1:]:
        y = step.forward(y, training=True)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    dx = {step: (dy := step.backward(dy)) for step in reversed(steps)}
    assert np.shares_memory(dx[steps[2]], steps[1].buffers[4].finished)
    assert np.array_equal(given, x)  # the user's pictures stay as they are
    models[0].forward(x, training=True)
    expected = models[0].backward(np.random.default_rng(2).standard_normal(y.shape))
    assert_close(dx[steps[0]], expected, 1e-12, "dx")
