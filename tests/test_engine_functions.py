"""Activations in registers (engine/functions.py), in the very kernels that the engine runs, against
their definitions in numbers of 64 more bits: on a dense range, and on all that is at its edges.
"""

import copy
import math
from functools import cache

import numpy as np
import pytest

from minicnn import layers
from minicnn.engine import row_gradients, row_kernels
from minicnn.engine.functions import FORMULAS, function_of
from minicnn.engine.row_gradients import Way
from minicnn.machine import processor

Wide = np.longdouble
LAYERS = {
    "relu": layers.ReLU(),
    "clipped": layers.ReLU(6.0),
    "leaky": layers.LeakyReLU(0.25),
    "sigmoid": layers.Activation("sigmoid"),
    "silu": layers.Activation("silu"),
    "hard_sigmoid": layers.Activation("hard_sigmoid"),
    "hard_silu": layers.Activation("hard_silu"),
    "gelu": layers.GELU(),
    "gelu_tanh": layers.GELU(approximate=True),
}
# the largest errors of values and slopes, in units of the type's epsilon at the size of the number,
# or of 1 where that is smaller
BARS = {
    "relu": (0, 0),
    "clipped": (0, 0),
    "leaky": (0.5, 0),
    "sigmoid": (1, 1),
    "silu": (1.5, 20),
    "hard_sigmoid": (0.5, 0.5),
    "hard_silu": (1, 1),
    "gelu": (3, 12),
    "gelu_tanh": (1.5, 50),
}


def logistic(x):
    return 1 / (1 + np.exp(-x))


def normal(x):
    """The share of a normal distribution below x, in double."""
    return np.array([math.erfc(-float(one) / math.sqrt(2)) / 2 for one in x])


def tanh_terms(x):
    """P(x) of gelu_tanh, and x P'(x); where these are 0 or 1, x beyond 50 is as good as 50."""
    x, a, b = np.clip(x, -50, 50), Wide(0.044715), np.sqrt(8 / Wide(math.pi))
    s = logistic(b * (x + a * x**3))
    return s, x * s * (1 - s) * b * (1 + 3 * a * x**2)


# f(x) and f'(x) where they are finite
DEFINITIONS = {
    "relu": lambda x: (np.maximum(x, 0), x > 0),
    "clipped": lambda x: (np.clip(x, 0, 6), (x > 0) & (x < 6)),
    "leaky": lambda x: (np.where(x > 0, x, x / 4), np.where(x > 0, 1, 0.25)),
    "sigmoid": lambda x: (logistic(x), logistic(x) * logistic(-x)),
    "silu": lambda x: (
        x * logistic(x),
        logistic(x) + x * logistic(x) * logistic(-x),
    ),
    "hard_sigmoid": lambda x: (np.clip(x / 6 + 0.5, 0, 1), np.where(abs(x) < 3, Wide(1) / 6, 0)),
    "hard_silu": lambda x: (
        x * np.clip(x / 6 + 0.5, 0, 1),
        np.clip(x / 6 + 0.5, 0, 1) + np.where(abs(x) < 3, x / 6, 0),
    ),
    "gelu": lambda x: (
        x * normal(x),
        normal(x) + x * np.exp(-x * x / 2) / np.sqrt(2 * Wide(math.pi)),
    ),
    "gelu_tanh": lambda x: (x * tanh_terms(x)[0], sum(tanh_terms(x))),
}


@cache
def numbers(dtype):
    """(pixels, lanes): 0 and its neighbours, all sizes that there are, and what is not finite."""
    limits = np.finfo(dtype)
    far = 110 if dtype == "float32" else 760  # where exp is infinite, or 0
    least, most = np.log2(Wide(limits.smallest_subnormal)), np.log2(Wide(limits.max))
    sizes = np.minimum(2 ** np.linspace(least, most, 3000), Wide(limits.max))
    edges = [0.0, -0.0, 1, -1, 3, -3, 6, limits.tiny, limits.max, -limits.max]
    with np.errstate(over="ignore"):  # the next of the largest is infinite
        edges = np.concatenate([np.nextafter(edges, end, dtype=dtype) for end in (-9e9, 9e9)])
    parts = [
        np.linspace(-25, 25, 10001),
        np.linspace(-far, far, 5001),
        sizes,
        -sizes,
        edges,
        [0.0, -0.0, 3, -3, 6, limits.max, -limits.max, np.inf, -np.inf, np.nan],
    ]
    x = np.concatenate([np.asarray(part, dtype) for part in parts])
    lanes = processor.lanes(np.dtype(dtype))
    return np.resize(x, (-(-len(x) // lanes), lanes))


def built(name, dtype):
    layer = copy.deepcopy(LAYERS[name])
    layer.build((processor.lanes(np.dtype(dtype)),), np.random.default_rng(0), np.dtype(dtype))
    return layer, function_of(layer)


def run(kernel, arguments, **operands):
    """The kernel made for those arguments, on arrays and integers."""
    emitter = kernel.emit(*arguments)
    given = [operands[name] for name, _ in emitter.operands]
    given = [one.ctypes.data if isinstance(one, np.ndarray) else one for one in given]
    emitter.prototype()(kernel(*arguments))(*given)


def values(kernel, function, x):
    """f(x) by `activate` or `finish`, which are told to do nothing else."""
    y, zeros, ones = np.full_like(x, np.nan), np.zeros_like(x[0]), np.ones_like(x[0])
    same = {"pixels": len(x), "channels": x.shape[1], "center": zeros, "y": y}
    arguments = (x.dtype.name, function, False)
    if kernel is row_kernels.activate:
        run(kernel, arguments, z=x, bias=zeros, deviations=zeros, squares=zeros, **same)
    else:
        run(kernel, arguments, x=x, addend=0, scale=ones, shift=zeros, **same)
    return y


def slopes(kernel, function, x, adds=False, norms=False):
    """f'(x), as what becomes of a dy of ones, by `sums` or `gradient`; norms: by way of a
    normalisation that changes nothing.
    """
    dx, zeros, ones = np.full_like(x, np.nan), np.zeros_like(x[0]), np.ones_like(x[0])
    same = {"dy": np.ones_like(x), "channels": x.shape[1], "total": np.zeros_like(x[0])}
    same |= {"center": zeros, "scale": ones, "shift": zeros}
    if kernel is row_gradients.sums:
        if adds:  # then it reads what came out
            dx[...] = values(row_kernels.finish, function, x)
        more = {"x": x, "y": dx, "pixels": len(x), "inverse": ones, "product": np.zeros_like(x[0])}
        run(kernel, (x.dtype.name, function, adds, True), **more, **same)
    else:
        more = {"a": x, "best": x, "dz": dx, "winner": 0, "cell": 0, "windows": len(x)}
        more |= {"dropped": 0, "unit": ones, "slope": zeros, "offset": zeros, "factor": ones}
        run(kernel, (x.dtype.name, Way(1, False, False, norms, None, function)), **more, **same)
    return dx


def largest_error(found, expected, epsilon):
    """In units of epsilon at the size of the number, or at 1."""
    expected = np.asarray(expected, Wide)
    return (abs(found - expected) / np.maximum(1, abs(expected))).max() / epsilon


def test_all_formulas_are_tested():
    assert LAYERS.keys() == DEFINITIONS.keys() == BARS.keys() == FORMULAS.keys()
    assert all(function_of(layer).name == name for name, layer in LAYERS.items())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_slopes_are_those_of_the_definition(name, dtype):
    _, function = built(name, dtype)
    x = numbers(dtype)
    finite = np.isfinite(x)
    epsilon = np.finfo(dtype).eps
    with np.errstate(over="ignore", under="ignore"):
        y, slope = DEFINITIONS[name](x[finite].astype(Wide))
    for kernel in (row_kernels.activate, row_kernels.finish):
        error = largest_error(values(kernel, function, x)[finite], y, epsilon)
        assert error <= BARS[name][0], (kernel.__name__, float(error))
    for kernel in (row_gradients.sums, row_gradients.gradient):
        error = largest_error(slopes(kernel, function, x)[finite], slope, epsilon)
        assert error <= BARS[name][1], (kernel.__name__, float(error))
    through_a_norm = slopes(row_gradients.gradient, function, x[finite.all(axis=1)], norms=True)
    np.testing.assert_array_equal(
        through_a_norm, slopes(row_gradients.gradient, function, x[finite.all(axis=1)])
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_not_finite_is_as_from_the_layer(name, dtype):
    layer, function = built(name, dtype)
    x = np.resize(np.array([np.inf, -np.inf, np.nan], dtype), (6, numbers(dtype).shape[1]))
    with np.errstate(all="ignore"):
        y = layer.forward(x, training=True).copy()
        dx = layer.backward(np.ones_like(x))
    for kernel in (row_kernels.activate, row_kernels.finish):
        np.testing.assert_array_equal(values(kernel, function, x), y)
    for kernel in (row_gradients.sums, row_gradients.gradient):
        np.testing.assert_array_equal(slopes(kernel, function, x), dx)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FORMULAS)
def test_the_slope_of_a_cheap_one_is_known_from_what_it_makes(name, dtype):
    _, function = built(name, dtype)
    if not function.is_cheap:
        return
    x = numbers(dtype)
    x = x[np.isfinite(x).all(axis=1)]
    np.testing.assert_array_equal(
        slopes(row_gradients.sums, function, x, adds=True), slopes(row_gradients.sums, function, x)
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FORMULAS)
def test_monotone_ones_never_fall(name, dtype):
    """Pooling may then come before: also where neighbours differ by less than it is exact."""
    _, function = built(name, dtype)
    x = numbers(dtype)
    x = np.sort(x[np.isfinite(x)])
    x = np.stack([x] * numbers(dtype).shape[1], axis=1)
    falls = np.diff(values(row_kernels.activate, function, x)[:, 0]).min()
    if function.is_monotone:
        assert falls >= -np.finfo(dtype).eps
    else:
        assert falls < -np.finfo(dtype).eps
