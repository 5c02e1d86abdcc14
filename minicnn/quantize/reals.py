"""Operations in real numbers: what the whole ones stand for, and what calibration looks at."""

from collections.abc import Iterator

import numpy as np

from minicnn.quantize.arithmetic import moved, pooled_mean, sums
from minicnn.quantize.operations import WEIGHTED, Computation, Operation
from minicnn.types import Array


def values(computation: Computation, x: Array) -> Iterator[Array]:
    """Every value, in order, x (N, ...) first; in x's type."""
    made = [x]
    yield x
    for operation in computation.operations:
        made.append(_made(operation, [made[n] for n in operation.reads]))
        yield made[-1]


def _made(operation: Operation, xs: list[Array]) -> Array:
    x = xs[0]
    if operation.kind in WEIGHTED:
        y = sums(operation, x) + operation.bias
    elif operation.kind == "add":
        y = x + xs[1]
    elif operation.kind == "global_average":
        y = x.mean(axis=(1, 2)).reshape(len(x), *operation.shape)
    elif operation.kind == "average_pooling2d":
        y = pooled_mean(operation, x)
    elif operation.kind == "relu":
        y = x
    else:
        y = moved(operation, xs)
    return activated(y.astype(x.dtype, copy=False), operation.activation)


def activated(y: Array, activation: str | None) -> Array:
    """y behind that activation."""
    if activation is None:
        return y
    return np.clip(y, 0, 6) if activation == "relu6" else np.maximum(y, 0)
