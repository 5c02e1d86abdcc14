"""A number that all are multiplied by becomes a part of the kernel that reads them:

    K (a x) = (a K) x

as Rescaling(1 / 255) does, which so costs nothing. Padding with 0 stays what it is.
"""

from collections import Counter
from dataclasses import replace

from minicnn.quantize.operations import WEIGHTED, Operation

Ranges = dict[int, tuple[float, float]]


def factors(operations: list[Operation], ranges: Ranges) -> dict[int, float]:
    """By value, the number that it is another value times of, where a kernel alone reads it."""
    users = Counter(n for one in operations for n in one.reads)
    found: dict[int, float] = {}
    for value, operation in enumerate(operations, 1):
        factor = _factor(operation)
        reader = next((one for one in operations if value in one.reads), None)
        alone = users[value] == 1 and reader is not None and reader.kind in WEIGHTED
        if factor is not None and alone and value not in ranges:
            found[value] = factor
    return found


def merged(operations: list[Operation], ranges: Ranges) -> tuple[list[Operation], Ranges]:
    """The operations without such factors, and the ranges by the numbers that values have then."""
    vanishing = factors(operations, ranges)
    left = {0: 1.0}  # by value: what is left to be multiplied by
    number = {0: 0}  # of what stands for each value now
    kept: list[Operation] = []
    for value, operation in enumerate(operations, 1):
        before = left[operation.reads[0]]
        if value in vanishing:
            left[value] = before * vanishing[value]
            number[value] = number[operation.reads[0]]
            continue
        if operation.kernel is not None and before != 1:
            operation = replace(operation, kernel=operation.kernel * before)
        kept.append(replace(operation, reads=tuple(number[n] for n in operation.reads)))
        left[value], number[value] = 1.0, len(kept)
    return kept, {number[value]: one for value, one in ranges.items()}


def _factor(operation: Operation) -> float | None:
    """The number that an operation multiplies all by; None for one that does anything else."""
    kernel, bias = operation.kernel, operation.bias
    if operation.kind != "depthwise_conv2d" or operation.activation is not None:
        return None
    if kernel is None or bias is None or kernel.shape[:2] != (1, 1) or kernel.shape[3] != 1:
        return None
    if operation.settings["strides"] != (1, 1) or bias.any() or kernel.min() != kernel.max():
        return None
    return float(kernel.flat[0])
