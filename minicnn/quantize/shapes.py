"""What shape an operation makes of others: what is checked before anything is computed."""

from collections.abc import Callable
from math import prod
from typing import Any

from minicnn.expect import is_integer
from minicnn.quantize.arithmetic import window
from minicnn.quantize.operations import Operation
from minicnn.types import Array, Shape

Taken = list[Shape]
LARGEST_WINDOW = 2**16  # rows or columns


def made_of(operation: Operation, shapes: Taken) -> Shape:
    """The shape of a sample of what an operation makes of samples of those shapes.

    Raises ValueError for what does not fit, or is no whole number.
    """
    if not shapes or (len(shapes) > 1) != (operation.kind in ("add", "concatenate")):
        raise ValueError(f"{operation.name!r} takes {len(shapes)} values")
    return SHAPES[operation.kind](operation, shapes)


def _pair(operation: Operation, name: str) -> tuple[int, int]:
    found = operation.settings.get(name)
    if (
        not isinstance(found, tuple)
        or len(found) != 2
        or not all(is_integer(n) and n <= LARGEST_WINDOW for n in found)
    ):
        raise ValueError(f"{operation.name!r} expected {name} as two numbers, received {found!r}")
    return found


def _picture(operation: Operation, shape: Shape) -> Shape:
    if len(shape) != 3:
        raise ValueError(f"{operation.name!r} expected pictures, received samples of {shape}")
    return shape


def _slid(operation: Operation, shape: Shape) -> tuple[int, int]:
    """The positions of its window."""
    if operation.settings.get("padding") not in ("same", "valid"):
        raise ValueError(f"{operation.name!r} expected padding 'same' or 'valid'")
    _pair(operation, "strides")
    _pair(operation, "dilation_rate" if operation.kernel is not None else "pool_size")
    return window(operation, _picture(operation, shape)).output


def _kernel(operation: Operation, axes: int) -> Array:
    kernel = operation.kernel
    if kernel is None or kernel.ndim != axes or not kernel.size:
        raise ValueError(f"{operation.name!r} expected a kernel of {axes} axes")
    return kernel


def _conv2d(operation: Operation, shapes: Taken) -> Shape:
    _, _, C, F = _kernel(operation, 4).shape
    G = operation.settings.get("groups")
    channels = _picture(operation, shapes[0])[-1]
    if not is_integer(G) or C * G != channels or F % G:
        raise ValueError(f"{operation.name!r} has {C} channels in {G} groups, received {channels}")
    return (*_slid(operation, shapes[0]), F)


def _depthwise(operation: Operation, shapes: Taken) -> Shape:
    _, _, C, M = _kernel(operation, 4).shape
    if _picture(operation, shapes[0])[-1] != C:
        raise ValueError(f"{operation.name!r} has {C} channels, received {shapes[0]}")
    return (*_slid(operation, shapes[0]), C * M)


def _dense(operation: Operation, shapes: Taken) -> Shape:
    D, F = _kernel(operation, 2).shape
    if shapes[0] != (D,):
        raise ValueError(f"{operation.name!r} expected vectors of {D}, received {shapes[0]}")
    return (F,)


def _add(operation: Operation, shapes: Taken) -> Shape:
    if len(shapes) != 2 or shapes[0] != shapes[1]:
        raise ValueError(f"{operation.name!r} expected two values of one shape, received {shapes}")
    return shapes[0]


def _of_all(operation: Operation, shapes: Taken) -> Shape:
    C = _picture(operation, shapes[0])[-1]
    if operation.shape not in ((C,), (1, 1, C)):
        raise ValueError(f"{operation.name!r} makes {operation.shape} of {shapes[0]}")
    return operation.shape


def _pooled(operation: Operation, shapes: Taken) -> Shape:
    return (*_slid(operation, shapes[0]), shapes[0][-1])


def _padded(operation: Operation, shapes: Taken) -> Shape:
    frame: Any = operation.settings.get("frame")
    sides = [n for side in frame or () for n in side]
    if len(sides) != 4 or not all(is_integer(n, 0) and n <= LARGEST_WINDOW for n in sides):
        raise ValueError(f"{operation.name!r} expected a frame of four numbers, received {frame!r}")
    H, W, C = _picture(operation, shapes[0])
    return H + sides[0] + sides[1], W + sides[2] + sides[3], C


def _reshaped(operation: Operation, shapes: Taken) -> Shape:
    if prod(operation.shape) != prod(shapes[0]):
        raise ValueError(f"{operation.name!r} makes {operation.shape} of {shapes[0]}")
    return operation.shape


def _joined(operation: Operation, shapes: Taken) -> Shape:
    axis: Any = operation.settings.get("axis")
    rank = len(shapes[0])
    if not is_integer(axis) or axis > rank or any(len(shape) != rank for shape in shapes):
        raise ValueError(f"{operation.name!r} joins {shapes} along axis {axis}")
    place = axis - 1
    others = {(*shape[:place], *shape[axis:]) for shape in shapes}
    if len(others) > 1:
        raise ValueError(f"{operation.name!r} joins {shapes} along axis {axis}")
    return (*shapes[0][:place], sum(shape[place] for shape in shapes), *shapes[0][axis:])


def _same(_: Operation, shapes: Taken) -> Shape:
    return shapes[0]


SHAPES: dict[str, Callable[[Operation, Taken], Shape]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise,
    "dense": _dense,
    "add": _add,
    "global_average": _of_all,
    "global_max": _of_all,
    "max_pooling2d": _pooled,
    "average_pooling2d": _pooled,
    "zero_padding2d": _padded,
    "reshape": _reshaped,
    "concatenate": _joined,
    "relu": _same,
}
