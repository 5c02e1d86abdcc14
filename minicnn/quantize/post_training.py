"""From a trained network to whole numbers."""

from dataclasses import replace
from typing import Any

import numpy as np

from minicnn.expect import is_integer, numbers
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.quantize import ties
from minicnn.quantize.calibration import calibrated
from minicnn.quantize.folding import folded
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.model import QuantizedModel
from minicnn.quantize.numbers import LARGEST_KERNEL, Quantization, of_kernel, of_range
from minicnn.quantize.operations import Computation, Operation
from minicnn.types import Array


@known_arguments
def quantized(
    model: Network,
    x: Any = None,
    observer: str = "min_max",
    largest_kernel: int = LARGEST_KERNEL,
) -> QuantizedModel:
    """The network in whole numbers of 8 bits; the network itself stays as it is.

    Args:
        model: trained, in the words of layers.py.
        x: a few hundred pictures (n, H, W, C) such as it was trained on, without their labels: how
            large values become is measured on them. None for a network of `quantize.aware`, which
            knows.
        observer: "min_max", "percentile" or "mean_squared_error", see calibration.py.
        largest_kernel: 63, with which every processor computes the same, or up to 127, which is
            twice as fine and for LiteRT alone; see numbers.py.

    Raises ValueError for a layer that whole numbers cannot do, which it names with what to do, for
    pictures that do not fit, and where x is missing.

    >>> model = Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"),
    ...     layers.Flatten(), layers.Dense(2, activation="softmax")], seed=0)
    >>> quantize.quantized(model, np.random.default_rng(0).random((64, 8, 8, 3)))
    <QuantizedModel 'sequential': 3 operations, 402 parameters>
    """
    if not is_integer(largest_kernel) or largest_kernel > 127:
        raise ValueError(
            f"quantization expected largest_kernel from 1 to 127, received {largest_kernel!r}"
        )
    computation, known = folded(model)
    ranges = known if x is None else measured(computation, x, observer) | known
    return with_ranges(computation, of_all(computation, ranges), largest_kernel)


def measured(computation: Computation, x: Any, observer: str) -> dict[int, tuple[float, float]]:
    """The ranges that pictures show. Raises ValueError for pictures that do not fit."""
    x = np.asarray(numbers(x, "x", "quantization"), np.float32)
    if x.shape[1:] != computation.input_shape or not len(x):
        expected = ", ".join(map(str, computation.input_shape))
        raise ValueError(
            f"quantization expected pictures x of shape (n, {expected}), a few hundred of those "
            f"that {computation.name!r} was trained on, received {x.shape}"
        )
    return calibrated(computation, x, observer)


def of_all(computation: Computation, ranges: dict[int, tuple[float, float]]) -> ties.Ranges:
    """The range of each value. Raises ValueError where nobody knows one's."""
    first = ties.groups(computation)
    missing = set(first) - {first[value] for value in ranges}
    if missing:
        raise ValueError(
            f"quantization expected pictures x on which the values of {computation.name!r} are "
            f"measured, received none, and {len(missing)} of its ranges are not known: give a few "
            "hundred pictures such as it was trained on"
        )
    return ties.shared(computation, ranges)


def with_ranges(computation: Computation, ranges: ties.Ranges, largest: int) -> QuantizedModel:
    """The network in whole numbers whose values have those ranges."""
    of = [of_range(*one) for one in ranges]
    operations = [
        _whole(one, of[one.reads[0]], makes, largest)
        for one, makes in zip(computation.operations, of[1:], strict=True)
    ]
    return QuantizedModel(replace(computation, operations=operations), of[0])


def _whole(
    operation: Operation, of_input: Quantization, makes: Quantization, largest: int
) -> IntegerOperation:
    kernel, scale, bias = operation.kernel, None, operation.bias
    if kernel is not None and bias is not None:
        flat: Array = kernel  # (..., F), whatever F counts
        if operation.kind == "depthwise_conv2d":
            flat = kernel.reshape(*kernel.shape[:2], -1)
        q, scale, bias = of_kernel(flat, bias, of_input, largest)
        kernel = q.reshape(kernel.shape)
    return IntegerOperation(
        operation.kind,
        operation.name,
        operation.reads,
        operation.shape,
        operation.activation,
        operation.settings,
        kernel,
        bias,
        scale,
        makes,
    )
