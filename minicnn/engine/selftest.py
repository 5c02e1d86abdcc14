"""Before the engine is trusted with a network it computes a small one, which NumPy can check.

Its kernels are machine code made on the spot. A source that is right can still be compiled wrongly:
one release of Numba did it, and the next may do it for a processor that nobody has tried.
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minicnn.engine.engine_step import EngineStep
from minicnn.engine.plan import Step, plan
from minicnn.errors import warn
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.dense import Dense
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.merging import Add, Concatenate, Multiply
from minicnn.layers.relu import ReLU
from minicnn.types import Array

Results = dict[str, Array]
DTYPES = "float32", "float64"


def trusted(steps: Iterable[Step]) -> bool:
    """Whether the engine may run these steps; warns when it may not.

    It is measured once per process and type.
    """
    kinds = {
        (step.checked_as, step.layers[0].dtype.name)
        for step in steps
        if isinstance(step, EngineStep)
    }
    return all(
        [_passes(kind, dtype) for kind in CHECKS for dtype in DTYPES if (kind, dtype) in kinds]
    )


@cache
def _passes(kind: type, dtype: str) -> bool:
    found = errors(kind, dtype)
    wrong = [
        f"{name} by {error:.0e}" for name, error in found.items() if not error <= tolerance(dtype)
    ]
    if wrong:
        warn(
            f"minicnn's engine computes {kind.__name__} in {dtype} wrongly on this machine "
            f"({', '.join(wrong)} of its largest value), so models run on the readable layers, "
            "slower but right: see `minicnn doctor`",
            RuntimeWarning,
        )
    return not wrong


def tolerance(dtype: str) -> float:
    """Half of the type's digits must be right: rounding costs a few, a wrong instruction all."""
    return float(np.sqrt(np.finfo(dtype).eps))


def errors(kind: type, dtype: str) -> dict[str, float]:
    """Of everything that a step for this kind of layer computes: the largest error, relative to the
    largest value.
    """
    by_engine, by_numpy = CHECKS[kind](dtype)
    return {
        name: float(np.abs(by_engine[name] - y).max() / np.abs(y).max())
        for name, y in by_numpy.items()
    }


def convolution(dtype: str) -> tuple[Results, Results]:
    """As block says."""
    return block(Conv2D(20, 3, padding="same", activation="relu"), 3, dtype)


def depthwise(dtype: str) -> tuple[Results, Results]:
    """As block says, with numbers beyond whole registers too."""
    return block(DepthwiseConv2D(3, padding="same", activation="relu"), 20, dtype)


def block(conv: Conv2D | DepthwiseConv2D, channels: int, dtype: str) -> tuple[Results, Results]:
    """What the engine and what NumPy make of convolution, ReLU, batch normalisation and max
    pooling.
    """
    norm, pool = BatchNormalization(), MaxPooling2D()
    x, dy, results = run([conv, norm, pool], (2, 4, 12, channels), dtype)
    kernel, bias, gamma, beta = (
        array.astype(np.float64) for array in (conv.params | norm.params).values()
    )
    by_channel = isinstance(conv, DepthwiseConv2D)
    if by_channel:  # a filter for each channel, with zeros for all others
        kernel = kernel * np.eye(channels)
    frame = ((0, 0), (1, 1), (1, 1), (0, 0))

    patches = sliding_window_view(np.pad(x, frame), (3, 3), axis=(1, 2))  # (N, OH, OW, C, KH, KW)
    a = np.maximum(np.einsum("nhwcij,ijcf->nhwf", patches, kernel) + bias, 0)
    mean, deviation = a.mean((0, 1, 2)), np.sqrt(a.var((0, 1, 2)) + norm.epsilon)
    a_hat = (a - mean) / deviation
    y = windows(gamma * a_hat + beta)  # (N, OH/2, OW/2, 4, F)
    db = unwindowed((np.arange(4)[:, None] == y.argmax(axis=3, keepdims=True)) * dy[:, :, :, None])
    dbeta, dgamma = db.sum((0, 1, 2)), (db * a_hat).sum((0, 1, 2))
    count = a[..., 0].size
    dz = (a > 0) * gamma / deviation * (db - dbeta / count - a_hat * dgamma / count)
    dx = np.einsum(
        "nhwfij,ijcf->nhwc",
        sliding_window_view(np.pad(dz, frame), (3, 3), (1, 2)),
        kernel[::-1, ::-1],
    )
    dkernel = np.einsum("nhwcij,nhwf->ijcf", patches, dz)
    if by_channel:
        dkernel = np.einsum("ijcc->ijc", dkernel)[..., None]

    moving_deviation = np.sqrt(norm.state["moving_variance"].astype(np.float64) + norm.epsilon)
    inference = windows(gamma * (a - norm.state["moving_mean"]) / moving_deviation + beta).max(
        axis=3
    )
    gradients = {"kernel": dkernel, "bias": dz.sum((0, 1, 2)), "gamma": dgamma, "beta": dbeta}
    return results, {"y": y.max(axis=3), "inference": inference, "dx": dx} | gradients


def windows(b: Array) -> Array:
    """(N, H, W, F) as (N, H/2, W/2, 4, F): the cells of each 2x2 window, row by row."""
    N, H, W, F = b.shape
    return b.reshape(N, H // 2, 2, W // 2, 2, F).swapaxes(2, 3).reshape(N, H // 2, W // 2, 4, F)


def unwindowed(cells: Array) -> Array:
    """The inverse of windows."""
    N, OH, OW, _, F = cells.shape
    return cells.reshape(N, OH, OW, 2, 2, F).swapaxes(2, 3).reshape(N, 2 * OH, 2 * OW, F)


def dense(dtype: str) -> tuple[Results, Results]:
    """What the engine and what NumPy make of a dense layer with ReLU."""
    layer = Dense(20, activation="relu")
    x, dy, results = run([layer], (16, 24), dtype)
    kernel, bias = (array.astype(np.float64) for array in layer.params.values())
    y = np.maximum(x @ kernel + bias, 0)
    dz = dy * (y > 0)
    return results, {
        "y": y,
        "inference": y,
        "dx": dz @ kernel.T,
        "kernel": x.T @ dz,
        "bias": dz.sum(0),
    }


def pooling(
    kind: type[MaxPooling2D] | type[AveragePooling2D], dtype: str
) -> tuple[Results, Results]:
    """What the engine and what NumPy make of windows that overlap, and are cut off at edges."""
    x, dy, results = run([kind(3, strides=2, padding="same")], (2, 5, 6, 21), dtype)
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for i, j in np.ndindex(y.shape[1:3]):
        cells = np.s_[:, max(2 * i - 1, 0) : 2 * i + 2, 2 * j : 2 * j + 3]
        y[:, i, j], shares = pooled(kind is MaxPooling2D, x[cells])
        dx[cells] += shares * dy[:, i : i + 1, j : j + 1]
    return results, {"y": y, "inference": y, "dx": dx}


def global_pooling(
    kind: type[GlobalMaxPooling2D] | type[GlobalAveragePooling2D], dtype: str
) -> tuple[Results, Results]:
    """What the engine and what NumPy make of whole pictures."""
    x, dy, results = run([kind()], (2, 5, 6, 21), dtype)
    y, shares = pooled(kind is GlobalMaxPooling2D, x)
    return results, {"y": y, "inference": y, "dx": shares * dy[:, None, None]}


def pooled(largest: bool, cells: Array) -> tuple[Array, Array]:
    """The largest or the mean of (N, H, W, C), and what each cell has of it, (N, H, W, C)."""
    if largest:
        return cells.max((1, 2)), cells == cells.max((1, 2), keepdims=True)
    return cells.mean((1, 2), np.float64), np.full(cells.shape, 1 / cells[0, ..., 0].size)


def normalization(dtype: str) -> tuple[Results, Results]:
    """What the engine and what NumPy make of batch normalisation and ReLU, behind nothing."""
    norm = BatchNormalization()
    x, dy, results = run([norm, ReLU()], (3, 4, 5, 32), dtype)
    gamma, beta = (array.astype(np.float64) for array in norm.params.values())
    x_hat = (x - x.mean((0, 1, 2))) / (deviation := np.sqrt(x.var((0, 1, 2)) + norm.epsilon))
    y = np.maximum(gamma * x_hat + beta, 0)
    db = dy * (y > 0)
    dbeta, dgamma = db.sum((0, 1, 2)), (db * x_hat).sum((0, 1, 2))
    count = x[..., 0].size
    dx = gamma / deviation * (db - dbeta / count - x_hat * dgamma / count)
    return results, {"y": y, "dx": dx, "gamma": dgamma, "beta": dbeta}


def addition(dtype: str) -> tuple[Results, Results]:
    """What the engine and what NumPy make of a sum with ReLU."""
    xs, dy, results = run_several([Add(), ReLU()], [(4, 5, 7)] * 3, dtype)
    y = np.maximum(sum(xs), 0)
    dx = dy * (y > 0)
    return results, {"y": y, "inference": y} | {f"dx {n}": dx for n in range(3)}


def multiplication(dtype: str) -> tuple[Results, Results]:
    """What the engine and what NumPy make of a product, and of channels that are scaled."""
    (a, b), dy, results = run_several([Multiply()], [(4, 5, 7)] * 2, dtype)
    expected = {"y": a * b, "inference": a * b, "dx 0": dy * b, "dx 1": dy * a}
    (a, b), dy, scaled = run_several([Multiply()], [(4, 5, 20), (4, 1, 20)], dtype)
    results |= {f"scaled {name}": array for name, array in scaled.items()}
    expected |= {"scaled y": a * b, "scaled inference": a * b, "scaled dx 0": dy * b}
    return results, expected | {"scaled dx 1": (dy * a).sum(1, keepdims=True)}


def concatenation(dtype: str) -> tuple[Results, Results]:
    """What the engine and what NumPy make of channels side by side."""
    (a, b), dy, results = run_several([Concatenate()], [(4, 5, 7), (4, 5, 20)], dtype)
    y = np.concatenate([a, b], axis=-1)
    return results, {"y": y, "inference": y, "dx 0": dy[..., :7], "dx 1": dy[..., 7:]}


def run_several(
    layers: list[Layer], shapes: list[tuple[int, ...]], dtype: str
) -> tuple[list[Array], Array, Results]:
    """run, for a layer of several inputs."""
    rng = np.random.default_rng(0)
    output_shape: Any = [shape[1:] for shape in shapes]
    for layer in layers:
        output_shape = layer.build(output_shape, rng, dtype)
    xs = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    dy = rng.standard_normal((len(xs[0]), *output_shape)).astype(dtype)
    [step] = plan(layers)
    given: Any = xs
    results: Results = {"y": step.forward(given, training=True).copy()}
    gradients: Any = step.backward(dy)
    results |= {f"dx {n}": dx for n, dx in enumerate(gradients)}
    return xs, dy, results | {"inference": step.forward(given)}


def run(layers: list[Layer], shape: tuple[int, ...], dtype: str) -> tuple[Array, Array, Results]:
    """x and dy, drawn, and everything that the engine's step for these layers makes of them."""
    rng = np.random.default_rng(0)
    output_shape = shape[1:]
    for layer in layers:
        output_shape = layer.build(output_shape, rng, dtype)
        for param in layer.params.values():
            param[...] = rng.standard_normal(param.shape)
    x, dy = (
        rng.standard_normal((shape[0], *rest)).astype(dtype) for rest in (shape[1:], output_shape)
    )
    [step] = plan(layers)
    results: dict[str, Any] = {"y": step.forward(x, training=True).copy(), "dx": step.backward(dy)}
    gradients = {name: grad for layer in layers for name, grad in layer.grads.items()}
    return x, dy, results | gradients | {"inference": step.forward(x)}


CHECKS: dict[type, Callable[[str], tuple[Results, Results]]] = {
    Conv2D: convolution,
    DepthwiseConv2D: depthwise,
    Dense: dense,
    BatchNormalization: normalization,
    MaxPooling2D: partial(pooling, MaxPooling2D),
    AveragePooling2D: partial(pooling, AveragePooling2D),
    GlobalMaxPooling2D: partial(global_pooling, GlobalMaxPooling2D),
    GlobalAveragePooling2D: partial(global_pooling, GlobalAveragePooling2D),
    Add: addition,
    Multiply: multiplication,
    Concatenate: concatenation,
}
