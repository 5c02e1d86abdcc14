"""The programs of a depthwise convolution, or one in narrow groups, against the definition, between
pages of memory that nobody may touch; and what the plan makes of the layers that have one.
"""

import copy
import itertools
import os
import subprocess
import sys

import fence
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

from minicnn import Model, Sequential, layers
from minicnn.engine.conv import depthwise, depthwise_kernels
from minicnn.engine.conv.geometry import Geometry, padded
from minicnn.engine.plan import plan
from minicnn.engine.simd import Tile
from minicnn.machine import emit, processor
from minicnn.network.steps import steps

CHANNELS = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 24, 31, 32, 40])
DEPTHS = st.sampled_from([1, 1, 2, 4, 8])  # of groups


def geometry(window, channels, dtype, whole, depth=1):
    """Of a drawn window, with a layer's padding, in groups of `depth` channels; whole: whether z
    has whole registers.
    """
    layer = layers.DepthwiseConv2D(
        window["size"], window["strides"], window["padding"], dilation_rate=window["dilation"]
    )
    layer.build((*window["x_shape"][1:3], channels))
    (H, W, C), (OH, OW, F) = layer.input_shape, layer.output_shape
    sizes = (*layer.kernel_size, *layer.strides, *layer.dilation_rate, *layer.window.before)
    FP = padded(F, processor.lanes(dtype)) if whole else F
    return Geometry(H, W, C, *sizes, OH, OW, F, FP, depth, C // depth)


def run(calls, a, b, c):
    """A program's calls, one after the other."""
    prototype = emit.Emitter(a.dtype.name, Tile).prototype()
    places = [array.ctypes.data for array in (a, b, c)]
    for address, *starts, segments, depth, accumulate in calls.tolist():
        at = [p + start * a.itemsize for p, start in zip(places, starts, strict=True)]
        prototype(address)(at[0], 1, segments, depth, at[1], at[2], accumulate)


def expected(g, x, kernel, dy):
    """(y, dx, dkernel) by the definition, all in double precision."""
    y, dx, dkernel = (np.zeros(array.shape) for array in (dy, x, kernel))
    channel = np.arange(g.C)
    for i, j, kh, kw in itertools.product(*map(range, (g.OH, g.OW, g.KH, g.KW))):
        h, w = i * g.SH - g.top + kh * g.DH, j * g.SW - g.left + kw * g.DW
        if 0 <= h < g.H and 0 <= w < g.W:
            for k in range(g.depth):
                met = channel // g.depth * g.depth + k  # channel k of each filter's group
                y[i, j] += x[h, w, met] * kernel[kh, kw, k]
                np.add.at(dx[h, w], met, dy[i, j] * kernel[kh, kw, k])
                dkernel[kh, kw, k] += dy[i, j] * x[h, w, met]
    return y, dx, dkernel


@pytest.mark.skipif(not fence.POSSIBLE, reason="memory cannot be protected here")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(windows(dilated=True, largest=12), CHANNELS, DEPTHS, st.booleans(), st.booleans(), seeds)
@settings(max_examples=60)
def test_the_three_products_of_small_integers_are_exact(
    dtype, window, channels, depth, whole, at_end, seed
):
    """Also with numbers beyond the channels, which come out as 0; nothing beside an array is
    touched.
    """
    dtype, guard, rng = np.dtype(dtype), fence.Fence(at_end), np.random.default_rng(seed)
    depth = min(depth, processor.lanes(dtype) // 2)
    g = geometry(window, -(-channels // depth) * depth, dtype, whole, depth)
    assert depthwise.fits(g, processor.lanes(dtype))

    def integers(*shape):
        return rng.integers(-9, 10, shape).astype(dtype)

    x, kernel, dy = (
        integers(g.H, g.W, g.C),
        integers(g.KH, g.KW, depth, g.C),
        integers(g.OH, g.OW, g.F),
    )
    beyond = (0, g.FP - g.F)
    padded_kernel = np.pad(kernel, ((0, 0), (0, 0), (0, 0), beyond))
    x, b, dz = (guard.like(a) for a in (x, padded_kernel, np.pad(dy, ((0, 0), (0, 0), beyond))))
    groups = kernel.reshape(g.KH, g.KW, depth, g.groups, depth)  # cells, channel, group, filter
    turned = guard.like(groups[::-1, ::-1].swapaxes(2, 4).reshape(kernel.shape))
    z, dx = guard.empty(dz.shape, dtype), guard.empty(x.shape, dtype)  # full of NaN
    before = integers(g.KH, g.KW, depth, g.FP)
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
    """Each takes some 20 ms to compile. With few registers the middle of a row is in blocks of two
    lengths, in each of the three.
    """
    window = {"size": (size, size), "strides": (stride, stride), "padding": "same"}
    g = geometry(window | {"x_shape": (1, 32, 32, 1), "dilation": (1, 1)}, 32, "float32", True)
    programs = (
        depthwise.forward(g, np.dtype("float32"), 4)[0],
        depthwise.input_gradient(g, np.dtype("float32")),
        depthwise.weight_gradient(g, np.dtype("float32")),
    )
    most = 8 + 3 * (size > 3) + 3 * (depthwise_kernels.registers() < 16)
    assert len({call[0] for program in programs for call in program.tolist()}) <= most


def blocks(kind, dtype="float32", channels=19):
    """A convolution of that kind with all that a block may have, in a model of its own."""
    conv = kind(3, padding="same") if kind is layers.DepthwiseConv2D else kind(21, 3)
    stack = [conv, layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()]
    model = Sequential([layers.Input((11, 10, channels)), *stack], seed=3, dtype=dtype)
    model.engine = "fast"
    return model


KINDS = pytest.mark.parametrize("kind", [layers.DepthwiseConv2D, layers.SeparableConv2D])


@KINDS
def test_a_pictures_bits_do_not_depend_on_those_beside_it(kind):
    model = blocks(kind)
    x = np.random.default_rng(0).standard_normal((9, 11, 10, 19)).astype(np.float32)
    together = model.forward(x)
    for n in (1, 2, 5):
        for _ in range(3):  # the last two by a frozen program
            assert np.array_equal(model.forward(x[:n]), together[:n])


@KINDS
def test_a_frozen_program_follows_the_weights_and_sees_bytes(kind):
    conv = kind(3) if kind is layers.DepthwiseConv2D else kind(5, 3)
    stack = [layers.Rescaling(1 / 255), conv, layers.BatchNormalization(), layers.ReLU()]
    models = [Sequential([layers.Input((8, 8, 16)), *copy.deepcopy(stack)], seed=0) for _ in "ab"]
    models[0].engine, models[1].engine = "reference", "fast"
    x = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 16), np.uint8)
    for scale in (1, 3):
        for model in models:
            for param in model.layers[1].params.values():
                param[...] = scale * np.random.default_rng(2).standard_normal(param.shape)
        for _ in range(3):
            y = [model.forward(x) for model in models]
            np.testing.assert_allclose(y[1], y[0], rtol=1e-4, atol=1e-4)
    frozen = models[1]._execution().frozen.programs
    assert any(program is not None and program.possible for program in frozen.values())


@KINDS
@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("to_input", [True, False])
def test_a_backward_writes_what_is_asked_for(kind, trainable, to_input):
    conv, slow = (kind(3) if kind is layers.DepthwiseConv2D else kind(5, 3) for _ in "ab")
    for layer in (conv, slow):
        layer.build((7, 6, 8), np.random.default_rng(0), np.float64)
        layer.trainable = trainable
        layer.grads = {name: np.full(grad.shape, 7.0) for name, grad in layer.grads.items()}
    (step,) = plan([conv])
    step.needs_input_grad = slow.needs_input_grad = to_input
    x, dy = (np.random.default_rng(1).standard_normal((3, *shape))
        for shape in (conv.input_shape, conv.output_shape))  # fmt: skip
    np.testing.assert_allclose(step.forward(x, training=True), slow.forward(x, training=True))
    dx = step.backward(dy), slow.backward(dy)
    assert (dx[0] is None) == (not to_input)
    if to_input:
        np.testing.assert_allclose(*dx, atol=1e-12)
    for name, grad in slow.grads.items():
        np.testing.assert_allclose(conv.grads[name], grad, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kind", ["DepthwiseConv2D", "SeparableConv2D"])
def test_a_kernel_of_several_for_each_channel_stays_with_the_layer(kind):
    more = {"depth_multiplier": 2, "padding": "same", "activation": "relu"}
    layer = layers.DepthwiseConv2D(3, **more)
    if kind == "SeparableConv2D":
        layer = layers.SeparableConv2D(4, 3, **more)
    layer.build((5, 5, 3))
    assert [type(step).__name__ for step in plan([layer])] == [kind]


def test_one_step_is_all_that_follows_a_separable_convolution():
    stack = [layers.SeparableConv2D(4, 3, activation="relu"), layers.BatchNormalization()]
    model = Sequential([layers.Input((9, 8, 3)), *stack, layers.MaxPooling2D()])
    assert [type(step).__name__ for step in plan(model.layers)] == ["SeparableBlock"]
    assert [(one.runs_as, one.layers) for one in steps(model)] == [
        ("SeparableBlock", ["separable_conv2d", "batch_normalization", "max_pooling2d"])
    ]


@KINDS
def test_a_residual_sum_is_added_in_the_same_step(kind):
    def model(engine):
        inputs = layers.Input((6, 7, 16))
        conv = {"DepthwiseConv2D": (3,), "SeparableConv2D": (16, 3)}[kind.__name__]
        y = layers.Activation("relu")(inputs)
        z = layers.BatchNormalization(epsilon=0.1)(kind(*conv, padding="same")(y))
        made = Model(inputs, layers.ReLU()(layers.Add()([z, y])), seed=0, dtype="float64")
        made.engine = engine
        return made

    models = [model(engine) for engine in ("reference", "fast")]
    assert len(models[1]._execution().steps) == 2
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((2, 5, 6, 7, 16))
    y = [one.forward(x, training=True) for one in models]
    np.testing.assert_allclose(*y, atol=1e-12)
    np.testing.assert_allclose(*[one.backward(dy) for one in models], atol=1e-12)
    for (name, _, grad), (_, _, fast) in zip(*[one.parameters() for one in models], strict=True):
        np.testing.assert_allclose(fast, grad, atol=1e-11, err_msg=name)


THREADS = """
import hashlib, sys
import numpy as np
from minicnn import Model, Sequential, layers
stack = [layers.SeparableConv2D(40, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
stack += [layers.DepthwiseConv2D(5, strides=2, activation="relu"), layers.MaxPooling2D()]
stack += [layers.Flatten(), layers.Dense(3, activation="softmax")]
model = Sequential([layers.Input((16, 15, 7)), *stack], seed=0)
model.compile("adam", "sparse_categorical_crossentropy")
rng = np.random.default_rng(0)
for _ in range(3):
    model.train_on_batch(rng.standard_normal((13, 16, 15, 7)), rng.integers(0, 3, 13))
print(hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest())
"""


def test_the_weights_do_not_depend_on_the_number_of_threads():
    hashes = set()
    for threads in ("1", "2"):
        environment = os.environ | {"NUMBA_NUM_THREADS": threads, "MINICNN_ENGINE": "fast"}
        done = subprocess.run(
            [sys.executable, "-c", THREADS], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout)
    assert len(hashes) == 1
