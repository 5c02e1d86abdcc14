"""What cuts parts out, and puts frames around: along any axis but that of the samples."""

from math import prod
from typing import Any

import numpy as np

from minicnn.layers.interpolation import Places
from minicnn.layers.node import Node
from minicnn.saving.onnx.from_onnx.layouts import axes_of, axis_of, pictures, plain, reshaped
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.values import Value

LONGEST = 2**20  # numbers of a frame, along an axis


def _as_columns(
    reader: Reader, operator: Operator, x: Value, axis: int, kind: str, sides: tuple[int, int]
) -> Value:
    """Cropping2D or ZeroPadding2D along any axis: of pictures directly, or else with that axis as
    the columns of pictures.
    """
    if axis == x.batch:
        operator.refuse("works along the axis of the samples")
    place, shape = x.place(axis) - 1, x.tensor.sample_shape
    argument = "cropping" if kind == "Cropping2D" else "padding"
    change = sum(sides) if kind == "ZeroPadding2D" else -sum(sides)
    dims = tuple(n + change if one == axis else n for one, n in enumerate(x.dims))

    def layer(tensor: Node, frame: Any) -> Node:
        return reader.layer(kind, operator, tensor, **{argument: frame})

    if len(shape) == 3 and place < 2:
        tensor = layer(x.tensor, (sides, (0, 0)) if place == 0 else ((0, 0), sides))
    else:
        wide = (prod(shape[:place]), shape[place], prod(shape[place + 1 :]))
        tensor = reader.layer("Reshape", operator, x.tensor, target_shape=wide)
        tensor = layer(tensor, ((0, 0), sides))
        target = [*shape[:place], shape[place] + change, *shape[place + 1 :]]
        tensor = reader.layer("Reshape", operator, tensor, target_shape=target)
    return x.like(tensor, dims=dims, positive=x.positive)


def cropped(reader: Reader, operator: Operator, x: Value, axis: int, start: int, end: int) -> Value:
    """x from start to end along an axis of ONNX."""
    size = x.dims[axis]
    if not 0 <= start < end <= size:
        operator.refuse(f"cuts {start} to {end} out of {size}, which leaves nothing")
    if (start, end) == (0, size):
        return x
    x = plain(reader, operator, x)
    return _as_columns(reader, operator, x, axis, "Cropping2D", (start, size - end))


def pad(reader: Reader, operator: Operator) -> None:
    """ZeroPadding2D; negative pads cut off, other numbers than 0 are put around what is moved."""
    x = plain(reader, operator, reader.value(operator))
    operator.expect("mode", "constant")
    pads = reader.integers(operator, 1, "pads")
    pads = operator.get("pads", operator.get("paddings", [])) if pads is None else pads
    given = reader.optional(operator, 2, "constant_value")
    number = operator.get("value", 0.0) if given is None else float(given.reshape(-1)[0])
    axes = reader.integers(operator, 3, "axes")
    operator.ignore("pads", "paddings", "value")
    found = list(range(x.rank)) if axes is None else [axis_of(x, n, operator) for n in axes]
    if len(pads) != 2 * len(found) or not all(abs(n) <= LONGEST for n in pads):
        operator.refuse(f"expected two pads for each of {len(found)} axes, received {pads}")
    if not np.isfinite(number):
        operator.refuse(f"pads with {number}, which no layer can")
    y = x
    for axis, before, after in zip(found, pads, pads[len(found) :], strict=False):
        y = cropped(
            reader, operator, y, axis, max(-before, 0), y.dims[axis] - max(-after, 0)
        ) if min(before, after) < 0 else y  # fmt: skip
    frame = [
        (axis, max(a, 0), max(b, 0))
        for axis, a, b in zip(found, pads, pads[len(found) :], strict=False)
    ]
    if any(a or b for _, a, b in frame):
        if number:
            y = _moved(reader, operator, y, -number)
        y = _framed(reader, operator, y, frame)
        if number:
            y = _moved(reader, operator, y, number)
    reader.put(operator, y)


def _moved(reader: Reader, operator: Operator, x: Value, number: float) -> Value:
    return x.like(reader.layer("Rescaling", operator, x.tensor, scale=1.0, offset=number))


def _framed(
    reader: Reader, operator: Operator, x: Value, frame: list[tuple[int, int, int]]
) -> Value:
    """Rows and columns of pictures at once, other axes one after the other."""
    sides = {x.place(axis): (a, b) for axis, a, b in frame if a or b}
    if x.rank == 4 and set(sides) <= {1, 2}:
        both = tuple(sides.get(place, (0, 0)) for place in (1, 2))
        tensor = reader.layer("ZeroPadding2D", operator, x.tensor, padding=both)
        dims = list(x.dims)
        for place, (a, b) in sides.items():
            dims[x.perm[place]] += a + b
        return x.like(tensor, dims=tuple(dims), positive=x.positive)
    for place, (a, b) in sides.items():
        x = _as_columns(reader, operator, x, x.perm[place], "ZeroPadding2D", (a, b))
    return x


def slice_(reader: Reader, operator: Operator) -> None:
    """A part, in steps of 1."""
    x = reader.value(operator)
    if operator.version < 10:
        starts, ends = operator.get("starts", []), operator.get("ends", [])
        axes, steps = operator.get("axes"), None
    else:
        starts, ends = (reader.integers(operator, n, "limits") for n in (1, 2))
        axes, steps = (reader.integers(operator, n, "axes, steps") for n in (3, 4))
    if starts is None or ends is None:
        operator.refuse("has no starts and ends")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps):
        operator.refuse("expected as many starts, ends, axes and steps")
    axes_of(x, axes, operator)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        axis = axis_of(x, axis, operator)
        if step != 1:
            operator.refuse(f"expected steps of 1, received {step}")
        size = x.dims[axis]
        start, end = (min(max(n + size if n < 0 else n, 0), size) for n in (start, end))
        x = cropped(reader, operator, x, axis, start, end)
    reader.put(operator, x)


def _nearest(reader: Reader, operator: Operator, x: Value, axis: int, size: int) -> Value:
    """Resizing of rows, or of columns."""
    x = pictures(reader, operator, x)
    dims = tuple(size if one == axis else n for one, n in enumerate(x.dims))
    tensor = reader.layer(
        "Resizing", operator, x.tensor, height=dims[2], width=dims[3], interpolation="nearest"
    )
    return x.like(tensor, dims=dims, positive=x.positive)


def gather(reader: Reader, operator: Operator) -> None:
    """Indices that follow one another, or a single one."""
    x = reader.value(operator)
    axis = axis_of(x, operator.get("axis", 0), operator)
    indices = reader.constant(operator, 1, "indices")
    if indices.ndim > 1 or not 0 < indices.size <= 2**15 or indices.dtype.kind not in "iu":
        operator.refuse(f"expected a few indices, received {indices.shape}")
    found = [int(n) % x.dims[axis] for n in indices.reshape(-1)]
    if x.rank == 4 and axis in (2, 3) and indices.ndim == 1:
        nearest = Places.of(len(found), x.dims[axis], "nearest")
        if found == nearest.low.tolist():
            reader.put(operator, _nearest(reader, operator, x, axis, len(found)))
            return
    if found != list(range(found[0], found[0] + len(found))):
        operator.refuse("takes indices that do not follow one another")
    y = cropped(reader, operator, x, axis, found[0], found[-1] + 1)
    if indices.ndim == 0:
        y = reshaped(reader, operator, y, (*y.dims[:axis], *y.dims[axis + 1 :]))
    reader.put(operator, y)


def split(reader: Reader, operator: Operator) -> None:
    """Parts, each cut out."""
    x = reader.value(operator)
    axis = axis_of(x, operator.get("axis", 0), operator)
    sizes = reader.integers(operator, 1, "split")
    sizes = operator.get("split") if sizes is None else sizes
    count = len(operator.outputs)
    if (told := operator.get("num_outputs", count)) != count:
        operator.refuse(f"has {count} outputs, expected num_outputs={count}, received {told}")
    operator.ignore("split")
    size = x.dims[axis]
    if sizes is None:
        part = -(-size // max(count, 1))
        sizes = [min(part, size - n * part) for n in range(count)]
    if len(sizes) != count or sum(sizes) != size or min(sizes) < 1:
        operator.refuse(f"cuts {size} into {sizes}")
    ends = np.cumsum(sizes).tolist()
    parts = [
        cropped(reader, operator, x, axis, end - n, end) for n, end in zip(sizes, ends, strict=True)
    ]
    reader.put(operator, *parts)


CUTTING: dict[str, Any] = {
    "Pad": pad,
    "Slice": slice_,
    "Gather": gather,
    "Split": split,
}
