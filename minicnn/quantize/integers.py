"""Operations in whole numbers: see numbers.py for the definition. Nothing here is approximate.

This is what is meant, in NumPy; native.py makes the same bits faster, where it can.

conv2d, depthwise_conv2d, dense     the sum of (q_x - z_x) * q_w and the bias, requantized
global_average                      the sum of (q_x - z_x), by s_x / s_y / count, requantized
add          A (q_a - z_a) + B (q_b - z_b), where A and B are s_a / s_y and s_b / s_y in steps
             of 2**-shift, the larger of which has 21 bits; shifted right, half upwards
average_pooling2d   the sum of q_x by the number of real cells, rounded, half away from zero
all others   what they do of real numbers, for the order of numbers is that of the whole ones
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import frexp

import numpy as np

from minicnn.quantize.arithmetic import cells, moved, pooled_mean, sums
from minicnn.quantize.numbers import HIGH, LOW, Quantization, requantized
from minicnn.quantize.operations import WEIGHTED, Computation, Operation
from minicnn.types import Array

ADDED_BITS = 20  # behind the point of the larger factor of an addition


@dataclass
class IntegerOperation(Operation):
    """An operation whose kernel is int8 and whose bias is int32.

    Attributes:
        kernel_scale: (F,) of those of WEIGHTED, F counting c*M + m for a depthwise kernel.
        makes: the quantization of what it makes.
    """

    kernel_scale: Array | None = None
    makes: Quantization = Quantization(np.float32(1), 0)


def values(computation: Computation, of_input: Quantization, q: Array) -> Iterator[Array]:
    """Every value, in order, the input's whole numbers q (N, ...) first; int8."""
    numbers, quantizations = [q], [of_input]
    yield q
    for operation in computation.operations:
        xs = [numbers[n] for n in operation.reads]
        numbers.append(made(operation, xs, [quantizations[n] for n in operation.reads]))
        quantizations.append(operation.makes)
        yield numbers[-1]


def made(operation: IntegerOperation, qs: list[Array], of: list[Quantization]) -> Array:
    """What one operation makes of whole numbers of those quantizations, int8."""
    if operation.kind in WEIGHTED:
        return _weighted(operation, qs[0], of[0])
    if operation.kind == "global_average":
        return _global_average(operation, qs[0], of[0])
    if operation.kind == "add":
        return _added(operation, qs, of)
    low, high = operation.makes.limits(operation.activation)
    if operation.kind == "relu":
        return np.clip(qs[0], low, high).astype(np.int8)
    if operation.kind == "average_pooling2d":
        return _pooled(operation, qs[0])
    # the frame is 0.0, which the zero point stands for
    zero = operation.makes.zero_point if operation.kind == "zero_padding2d" else 0
    shifted = [q.astype(np.float32) - np.float32(zero) for q in qs]
    return (moved(operation, shifted) + np.float32(zero)).astype(np.int8)


def exact_type(operation: Operation) -> type:
    """float32, if it has all sums of an operation as they are, else float64."""
    assert operation.kernel is not None
    kernel = operation.kernel.astype(np.int64)
    over = (0, 1) if operation.kind == "depthwise_conv2d" else tuple(range(kernel.ndim - 1))
    largest = (HIGH - LOW) * int(np.abs(kernel).sum(axis=over).max(initial=0))
    return np.float32 if largest < 2**24 else np.float64


def _weighted(operation: IntegerOperation, q: Array, of: Quantization) -> Array:
    assert operation.bias is not None and operation.kernel_scale is not None
    x: Array = q.astype(exact_type(operation))
    x -= x.dtype.type(of.zero_point)
    total = sums(operation, x).astype(np.float64) + operation.bias
    multiplier = of.scale * operation.kernel_scale / operation.makes.scale
    return requantized(total, multiplier, operation.makes, operation.activation)


def _global_average(operation: IntegerOperation, q: Array, of: Quantization) -> Array:
    count = q.shape[1] * q.shape[2]
    total = q.sum(axis=(1, 2), dtype=np.int64) - count * of.zero_point
    multiplier = of.scale / operation.makes.scale / np.float32(count)
    mean = requantized(total, multiplier, operation.makes, operation.activation)
    return mean.reshape(len(q), *operation.shape)


def factors(operation: IntegerOperation, of: list[Quantization]) -> tuple[list[int], int]:
    """What an addition multiplies its values by, as whole numbers, and the shift behind it."""
    reals = [one.scale / operation.makes.scale for one in of]
    shift = ADDED_BITS + 1 - frexp(max(reals))[1]
    return [int(np.rint(np.ldexp(np.float64(real), shift))) for real in reals], shift


def _added(operation: IntegerOperation, qs: list[Array], of: list[Quantization]) -> Array:
    wholes, shift = factors(operation, of)
    # half, before what is behind the point is cut off
    total = np.full(qs[0].shape, np.int64(1) << np.int64(shift - 1))
    for q, whole, one in zip(qs, wholes, of, strict=True):
        total = total + np.int64(whole) * (q.astype(np.int64) - one.zero_point)
    low, high = operation.makes.limits(operation.activation)
    shifted = (total >> np.int64(shift)) + operation.makes.zero_point
    return np.clip(shifted, low, high).astype(np.int8)


def _pooled(operation: IntegerOperation, q: Array) -> Array:
    count = cells(operation, q.shape[1:])
    # the mean in float64 is next to a quotient of whole numbers, and the product is rounded to one
    total = np.rint(pooled_mean(operation, q.astype(np.float64)) * count).astype(np.int64)
    half = np.where(total >= 0, count // 2, -(count // 2))
    return np.clip(np.fix((total + half) / count), LOW, HIGH).astype(np.int8)
