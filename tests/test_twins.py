"""The kernels' twins in NumPy have the bits of the compiled loops, whatever they are given."""

import ast
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import seeds, windows

import minicnn.kernels
from minicnn.kernels import (
    batch_norm,
    cross_entropy,
    depthwise,
    gelu,
    im2col,
    pooling,
    resample,
)
from minicnn.kernels.adam import adam
from minicnn.kernels.twins.sums import sum_of_rows
from minicnn.machine import jit

KERNELS = Path(minicnn.kernels.__file__).parent
ODD = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, -1.0])
dtypes = st.sampled_from([np.float32, np.float64])
loops = pytest.mark.skipif(not jit.ENABLED, reason="needs compiled kernels")
some = settings(max_examples=40)


def functions(path):
    """name: (arguments, decorators) of the public functions of a file."""
    return {
        node.name: (
            [one.arg for one in node.args.args],
            list(map(ast.unparse, node.decorator_list)),
        )
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


@pytest.mark.parametrize("path", sorted(KERNELS.glob("*.py")), ids=lambda path: path.name)
def test_every_kernel_has_a_twin_with_its_arguments(path):
    """But for those of whole numbers, which quantize/integers.py defines in NumPy."""
    if path.name in ("__init__.py", "whole.py"):
        return
    wanted = {
        name: arguments
        for name, (arguments, decorators) in functions(path).items()
        if set(decorators) & {"jit", "parallel_jit"}
    }
    twins = functions(KERNELS / "twins" / path.name)
    assert wanted and {name: arguments for name, (arguments, _) in twins.items()} == wanted


def test_kernels_of_whole_numbers_are_for_the_engine_alone():
    package = KERNELS.parent
    users = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "import whole" in path.read_text("utf-8")
    }
    assert users == {"quantize/forms.py"}


def numbers(rng, shape, dtype, odd=False):
    """Numbers of many sizes; odd mixes in what is infinite, no number, or a zero of either sign."""
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 5, shape)
    if odd:
        x = np.where(rng.random(shape) < 0.2, rng.choice(ODD, shape), x)
    return x.astype(dtype)


def assert_same_bits(one, two):
    """Also the signs of zeros; of what is no number only the places."""
    one, two = np.asarray(one), np.asarray(two)
    assert (one.dtype, one.shape) == (two.dtype, two.shape)
    no_number = np.isnan(one)
    np.testing.assert_array_equal(no_number, np.isnan(two))
    whole = np.dtype(f"i{one.dtype.itemsize}")
    np.testing.assert_array_equal(
        np.where(no_number, 0, one.view(whole)), np.where(no_number, 0, two.view(whole))
    )


def check(kernel, given, made):
    """Both write the same to what they are to make, and leave alone what they are given."""
    twin, results = jit._twin(kernel), []
    for function in (kernel, twin):
        arrays = [one.copy() for one in made]
        before = [one.copy() if isinstance(one, np.ndarray) else one for one in given]
        returned = function(*given, *arrays)
        for one, two in zip(given, before, strict=True):
            np.testing.assert_array_equal(one, two)
        results.append([*arrays, np.float64(0 if returned is None else returned)])
    for one, two in zip(*results, strict=True):
        assert_same_bits(one, two)


def geometry(window):
    """(OH, OW), (top, left) of a window."""
    (OH, top), (OW, left) = reference.geometry(
        window["x_shape"][1:3],
        window["size"],
        window["strides"],
        window["padding"],
        window["dilation"],
    )
    return (OH, OW), (top, left)


@loops
@given(windows(dilated=True), dtypes, st.booleans(), seeds)
@some
def test_im2col_and_depthwise_convolution(window, dtype, odd, seed):
    rng = np.random.default_rng(seed)
    (N, H, W, C), size = window["x_shape"], window["size"]
    (OH, OW), before = geometry(window)
    told = window["strides"], before, window["dilation"]
    x, dy = numbers(rng, (N, H, W, C), dtype, odd), numbers(rng, (N, OH, OW, C), dtype, odd)
    kernel = numbers(rng, (*size, C), dtype, odd)
    patches = numbers(rng, (N, OH, OW, *size, C), dtype, odd)
    check(im2col.im2col, (x, *told), [np.full_like(patches, 9)])
    check(im2col.col2im, (patches, *told), [np.full_like(x, 9)])
    check(depthwise.depthwise, (x, kernel, *told), [np.full_like(dy, 9)])
    check(depthwise.depthwise_to_input, (dy, kernel, *told), [np.full_like(x, 9)])
    check(depthwise.depthwise_to_kernel, (x, dy, *told), [np.full((N, *size, C), 9.0)])


@loops
@given(windows(), dtypes, st.booleans(), seeds)
@some
def test_pooling(window, dtype, odd, seed):
    rng = np.random.default_rng(seed)
    (OH, OW), before = geometry(window)
    told = window["size"], window["strides"], before
    x = numbers(rng, window["x_shape"], dtype, odd)
    if seed % 2:  # many are equal
        x = np.sign(x)
    dy = numbers(rng, (len(x), OH, OW, x.shape[3]), dtype, odd)
    y, argmax = np.empty_like(dy), np.empty(dy.shape, np.int32)
    check(pooling.max_pool, (x, *told), [np.full_like(dy, 9), np.full_like(argmax, 9)])
    pooling.max_pool(x, *told, y, argmax)
    check(pooling.max_unpool, (dy, argmax), [np.full_like(x, 9)])
    check(pooling.average_pool, (x, *told), [np.full_like(dy, 9)])
    check(pooling.average_unpool, (dy, *told), [np.full_like(x, 9)])


@loops
@given(st.integers(0, 60), st.integers(1, 9), dtypes, st.booleans(), seeds)
@some
def test_moments_and_sums_of_channels(rows, channels, dtype, odd, seed):
    check_channels(rows, channels, dtype, odd, seed)


@loops
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(30_000, 1), (30_000, 2), (20_001, 17), (3, 9000), (1, 1)])
def test_long_sums_keep_their_order(shape, dtype):
    """Of side by side numbers, and of more than NumPy takes at a time."""
    check_channels(*shape, dtype, False, 0)


def check_channels(rows, channels, dtype, odd, seed):
    rng = np.random.default_rng(seed)
    x, dy = (numbers(rng, (rows, channels), dtype, odd) for _ in range(2))
    sums = [np.full(channels, 9.0) for _ in range(2)]
    check(batch_norm.channel_moments, (x,), sums)
    check(batch_norm.channel_sums, (dy, x), sums)
    mean, inv_std = numbers(rng, channels, np.float64, odd), rng.random(channels)
    check(batch_norm.normalize, (x, mean, inv_std), [np.full_like(x, 9)])


def test_a_sum_of_rows_is_that_of_a_loop():
    """Where there is no compiler either; and zeros of the wrong sign do not come out of it."""
    rng = np.random.default_rng(0)
    for shape in [(500, 1), (500, 3), (0, 2), (0, 1)]:
        x = numbers(rng, shape, np.float64)
        total = np.zeros(shape[1])
        for row in x:
            total += row
        assert_same_bits(sum_of_rows(x), total)
    assert not np.signbit(sum_of_rows(np.full((3, 1), -0.0))).any()
    assert not np.signbit(sum_of_rows(np.full((3, 2), -0.0))).any()


@loops
@given(st.integers(0, 20), st.integers(1, 30), dtypes, st.booleans(), st.booleans(), seeds)
@some
def test_softmax_and_cross_entropy(samples, classes, dtype, odd, weighted, seed):
    rng = np.random.default_rng(seed)
    logits = numbers(rng, (samples, classes), dtype, odd)
    targets = rng.random((samples, classes))
    weights = rng.random(samples if weighted else 0)
    check(cross_entropy.softmax, (logits,), [np.full_like(logits, 9)])
    check(
        cross_entropy.softmax_cross_entropy,
        (logits, targets, weights),
        [np.full_like(logits, 9)],
    )


@loops
@given(st.integers(0, 200), dtypes, st.booleans(), seeds)
@some
def test_erfc_and_adam(size, dtype, odd, seed):
    rng = np.random.default_rng(seed)
    x = numbers(rng, size, dtype, odd)
    check(gelu.erfc, (x,), [np.full_like(x, 9)])
    arrays = [numbers(rng, size, dtype, odd) for _ in range(4)]
    arrays[3] = np.abs(arrays[3])
    if seed % 2:  # moments that are about to vanish
        arrays[2], arrays[3] = arrays[2] * dtype(1e-30), arrays[3] * dtype(1e-30)
    rates = np.array([0.01, 0.1, 0.001, 1e-7], dtype)
    results = []
    for update in (adam, jit._twin(adam)):
        made = [one.copy() for one in arrays]
        update(*made, *rates)
        results.append(made)
    for one, two in zip(*results, strict=True):
        assert_same_bits(one, two)


@loops
@given(
    st.sampled_from([(np.uint8, np.float32), (np.float32, np.float32), (np.float64, np.float64)]),
    st.tuples(*[st.integers(1, 6)] * 2),
    st.tuples(*[st.integers(1, 6)] * 2),
    st.integers(1, 4),
    st.integers(0, 4),
    st.booleans(),
    seeds,
)
@some
def test_resampling(types, picture, drawn, channels, fill, bilinear, seed):
    """Turned, stretched, shifted far beyond the edge, and by whole pixels."""
    rng = np.random.default_rng(seed)
    taken, made = types
    x = (255 * rng.random((2, *picture, channels))).astype(taken)
    matrices = np.tile(np.eye(3), (2, 1, 1))
    matrices[:, :2] += rng.standard_normal((2, 2, 3)) * [0.5, 0.5, 10]
    if seed % 3 == 0:
        matrices = np.rint(matrices)
    y = np.full((2, *drawn, channels), 9, made)
    check(resample.resample, (x, matrices, fill, made(3.7), bilinear), [y])
    dy = numbers(rng, y.shape, made)
    check(resample.unresample, (dy, matrices, fill, bilinear), [np.full(x.shape, 9, made)])


def test_a_twin_is_silent_and_is_found_by_name():
    def softmax(x, y):  # noqa: ARG001  only its name counts
        raise AssertionError("the loop")

    softmax.__module__ = "minicnn.kernels.cross_entropy"
    y = np.empty((1, 2))
    jit._twin(softmax)(np.array([[np.inf, 0.0]]), y)
    assert np.isnan(y).all()
    with pytest.raises(ModuleNotFoundError):
        import_module("minicnn.kernels.twins.whole")
