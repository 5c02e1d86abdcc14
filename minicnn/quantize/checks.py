"""What is asked of whole numbers before any of them is computed with, wherever they come from."""

from math import prod

import numpy as np

from minicnn.expect import is_integer
from minicnn.quantize import shapes
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.numbers import HIGH, LARGEST_SUM, LOW, Quantization
from minicnn.quantize.operations import (
    ACTIVATIONS,
    ENDINGS,
    FUSING,
    KEEPING,
    KINDS,
    WEIGHTED,
    Computation,
)
from minicnn.types import Shape

MOST_OPERATIONS = 10_000
LARGEST_VALUE = 2**26  # numbers of a sample


def check(computation: Computation, of_input: Quantization) -> None:
    """Raise ValueError for operations that could not be run, or would not be what they say."""
    operations = computation.operations
    if not 0 < len(operations) <= MOST_OPERATIONS or computation.ending not in ENDINGS:
        raise ValueError(
            f"a quantized network expected 1 to {MOST_OPERATIONS:,} operations and an ending among "
            f"{ENDINGS}, received {len(operations):,} and {computation.ending!r}"
        )
    names = computation.class_names
    if names is not None and len(names) != max(2, operations[-1].shape[-1]):
        raise ValueError(
            f"a quantized network of {operations[-1].shape[-1]} outputs expected as many class "
            f"names, received {len(names)}"
        )
    if len({one.name for one in operations}) < len(operations):
        raise ValueError("a quantized network expected operations of different names")
    _sample(computation.input_shape, "its input")
    _quantization(of_input, "its input")
    made = [of_input]
    for number, operation in enumerate(operations):
        _operation(computation, number, operation)
        _quantization(operation.makes, operation.name)
        _tied(operation, [made[n] for n in operation.reads])
        made.append(operation.makes)


def _operation(computation: Computation, number: int, operation: IntegerOperation) -> None:
    name = operation.name
    if operation.kind not in KINDS or operation.activation not in ACTIVATIONS:
        raise ValueError(f"{name!r} is {operation.kind!r} with {operation.activation!r}, unknown")
    if (operation.kind == "relu") > (operation.activation is not None) or (
        operation.activation is not None and operation.kind not in (*FUSING, "relu")
    ):
        raise ValueError(f"{name!r}, {operation.kind}, cannot end with {operation.activation!r}")
    if not all(is_integer(n, 0) and n <= number for n in operation.reads):
        raise ValueError(f"{name!r} reads {operation.reads}, of which {number + 1} are there")
    _sample(operation.shape, name)
    if (operation.kind in WEIGHTED) != (operation.kernel is not None):
        raise ValueError(f"{name!r}, {operation.kind}, has a kernel or none, expected the other")
    found = shapes.made_of(operation, [computation.shape(n) for n in operation.reads])
    if tuple(found) != tuple(operation.shape):
        raise ValueError(f"{name!r} makes {found}, and says {operation.shape}")
    if operation.kernel is not None:
        _weights(operation)


def _sample(shape: Shape, name: str) -> None:
    fits = 0 < len(shape) < 8 and all(is_integer(n) for n in shape)
    if not fits or prod(shape) > LARGEST_VALUE:
        raise ValueError(f"{name!r} expected samples of a size, received {shape!r:.60}")


def _quantization(of: Quantization, name: str) -> None:
    tiny = np.finfo(np.float32).tiny
    if not (np.isfinite(of.scale) and of.scale >= tiny and LOW <= of.zero_point <= HIGH):
        raise ValueError(f"{name!r} expected a scale above 0 and a zero point, received {of}")


def _weights(operation: IntegerOperation) -> None:
    kernel, bias, scale = operation.kernel, operation.bias, operation.kernel_scale
    filters = operation.shape[-1]
    for what, array, dtype in (("bias", bias, np.int32), ("kernel_scale", scale, np.float32)):
        if array is None or array.dtype != dtype or array.shape != (filters,):
            raise ValueError(f"{operation.name!r} expected {what} as {filters} of {dtype.__name__}")
    assert kernel is not None and bias is not None and scale is not None
    if kernel.dtype != np.int8 or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(f"{operation.name!r} expected a kernel of int8 and scales above 0")
    # (..., F), of which each filter's numbers are added up
    flat = kernel.reshape(-1, filters) if operation.kind != "dense" else kernel
    most = np.abs(flat.astype(np.int64)).sum(axis=0) * (HIGH - LOW) + np.abs(bias.astype(np.int64))
    if most.max() > LARGEST_SUM:
        raise ValueError(f"{operation.name!r} has sums that 32 bits do not hold")


def _tied(operation: IntegerOperation, of: list[Quantization]) -> None:
    if operation.kind in KEEPING and any(one != operation.makes for one in of):
        raise ValueError(
            f"{operation.name!r}, {operation.kind}, expected its values to have one scale"
        )
    if operation.kind in (*WEIGHTED, "global_average"):
        scale = operation.kernel_scale
        with np.errstate(all="ignore"):
            multiplier = of[0].scale / operation.makes.scale * (1 if scale is None else scale)
            exact = of[0].scale * (1 if scale is None else scale) / operation.makes.scale
        both = np.stack(np.broadcast_arrays(multiplier, exact))
        if not (np.isfinite(both) & (both > 0)).all():
            raise ValueError(f"{operation.name!r} has scales whose quotient float32 has not")
    if operation.kind == "add":
        ratios = [float(one.scale) / float(operation.makes.scale) for one in of]
        if not 2**-10 <= max(ratios) < 2**8:
            raise ValueError(f"{operation.name!r} adds values of scales that are too different")
