"""What moves numbers, takes means of them, and draws pictures in another size."""

from math import prod
from typing import Any

from minicnn.layers.interpolation import Places
from minicnn.layers.node import Node
from minicnn.saving.tflite.from_tflite.convolutions import pictures
from minicnn.saving.tflite.from_tflite.operator import Operator
from minicnn.saving.tflite.from_tflite.reader import Reader
from minicnn.types import Shape


def reshaped(reader: Reader, operator: Operator, x: Node, shape: Shape) -> Node:
    """x as samples of that shape."""
    if shape == x.sample_shape:
        return x
    if prod(shape) != prod(x.sample_shape) or not shape:
        operator.refuse(f"makes samples of {shape} out of {x.sample_shape}")
    if len(shape) == 1:
        return reader.layer("Flatten", operator, x)
    return reader.layer("Reshape", operator, x, target_shape=shape)


def reshape(reader: Reader, operator: Operator) -> Node:
    """Flatten, Reshape, of all but the first axis, which must stay the samples."""
    x = reader.value(operator)
    if len(operator.inputs) > 1:
        target = reader.integers(operator, 1, "shape")
    else:
        target = [int(n) for n in operator.expect_options("ReshapeOptions").get("new_shape", [])]
    numbers = prod(reader.dims(x))
    if target.count(-1) == 1:
        rest = -prod(target)
        if rest < 1 or numbers % rest:
            operator.refuse(f"makes {target} out of {x.shape}")
        target[target.index(-1)] = numbers // rest
    if not target or min(target) < 1 or target[0] != reader.batch:
        operator.refuse(f"makes {target} out of {x.shape}, expected samples along the first axis")
    return reshaped(reader, operator, x, tuple(target[1:]))


def squeeze(reader: Reader, operator: Operator) -> Node:
    """Reshape without some axes of size 1."""
    x = reader.value(operator)
    told = operator.expect_options("SqueezeOptions").get("squeeze_dims", [])
    axes = {int(n) % x.ndim for n in told} or {
        axis for axis, n in enumerate(x.sample_shape, 1) if n == 1
    }
    if 0 in axes or any(x.sample_shape[axis - 1] != 1 for axis in axes):
        operator.refuse(f"takes the axes {sorted(axes)} out of {x.shape}")
    rest = tuple(n for axis, n in enumerate(x.sample_shape, 1) if axis not in axes)
    return reshaped(reader, operator, x, rest)


def expand_dims(reader: Reader, operator: Operator) -> Node:
    """Reshape with one more axis of size 1."""
    x = reader.value(operator)
    axes = reader.integers(operator, 1, "axis")
    if len(axes) != 1 or not -x.ndim - 1 <= axes[0] <= x.ndim or not axes[0] % (x.ndim + 1):
        operator.refuse(f"puts an axis at {axes} of {x.shape}")
    place = axes[0] % (x.ndim + 1) - 1
    shape = x.sample_shape
    return reshaped(reader, operator, x, (*shape[:place], 1, *shape[place:]))


def transpose(reader: Reader, operator: Operator) -> Node:
    """Permute."""
    x = reader.value(operator)
    perm = reader.integers(operator, 1, "order of axes")
    if sorted(perm) != list(range(x.ndim)) or perm[0] != 0:
        operator.refuse(f"has the order {perm} for {x.shape}, expected the samples to stay first")
    return reader.layer("Permute", operator, x, dims=tuple(perm[1:]))


def pad(reader: Reader, operator: Operator) -> Node:
    """ZeroPadding2D of rows and columns."""
    x, sides = pictures(reader, operator), reader.integers(operator, 1, "padding")
    pairs = list(zip(sides[::2], sides[1::2], strict=False))
    if len(pairs) != 4 or any(pairs[axis] != (0, 0) for axis in (0, 3)) or min(sides) < 0:
        operator.refuse(f"pads {pairs}, expected rows and columns alone")
    return reader.layer("ZeroPadding2D", operator, x, padding=(pairs[1], pairs[2]))


def cropped(reader: Reader, operator: Operator, x: Node, limits: list[tuple[int, int]]) -> Node:
    """Cropping2D to these limits of each axis, N too, of which rows and columns are cut."""
    dims = reader.dims(x)
    if len(limits) != 4 or any(limits[axis] != (0, dims[axis]) for axis in (0, 3)):
        operator.refuse(f"cuts {limits} out of {x.shape}, expected rows and columns alone")
    sides = []
    for axis in (1, 2):
        start, end = limits[axis]
        if not 0 <= start < end <= dims[axis]:
            operator.refuse(f"cuts {start} to {end} out of {dims[axis]}")
        sides.append((start, dims[axis] - end))
    return reader.layer("Cropping2D", operator, x, cropping=tuple(sides))


def slice_(reader: Reader, operator: Operator) -> Node:
    """Cropping2D."""
    x = reader.value(operator)
    begin, size = (reader.integers(operator, n, "begin and size") for n in (1, 2))
    dims = reader.dims(x)
    if not len(begin) == len(size) == len(dims):
        operator.refuse(f"has {len(begin)} limits for {x.shape}")
    ends = [dim if n == -1 else start + n for start, n, dim in zip(begin, size, dims, strict=True)]
    return cropped(reader, operator, x, list(zip(begin, ends, strict=True)))


def strided_slice(reader: Reader, operator: Operator) -> Node:
    """Cropping2D, in steps of 1."""
    x = reader.value(operator)
    options = operator.expect_options("StridedSliceOptions")
    begin, end, steps = (reader.integers(operator, n, "limits") for n in (1, 2, 3))
    dims = reader.dims(x)
    others = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset")
    if not len(begin) == len(end) == len(steps) == len(dims) or any(map(options.get, others)):
        operator.refuse("cuts otherwise than along each axis")
    if set(steps) != {1}:
        operator.refuse(f"has steps of {steps}, expected 1")
    limits = []
    for axis, dim in enumerate(dims):
        first, last = (n + dim if n < 0 else n for n in (begin[axis], end[axis]))
        first = 0 if options.get("begin_mask", 0) >> axis & 1 else first
        last = dim if options.get("end_mask", 0) >> axis & 1 else min(last, dim)
        limits.append((first, last))
    return cropped(reader, operator, x, limits)


def gather(reader: Reader, operator: Operator) -> Node:
    """Resizing of rows, or columns, where these are the nearest ones."""
    x, options = pictures(reader, operator), operator.expect_options("GatherOptions")
    axis, indices = options.get("axis", 0), reader.optional(operator, 1, "indices")
    if axis not in (1, 2) or options.get("batch_dims") or indices is None or indices.ndim != 1:
        operator.refuse("expected indices of rows or of columns")
    size = list(x.sample_shape[:2])
    if not 0 < indices.size <= 2**15:
        operator.refuse(f"takes {indices.size:,} rows or columns")
    places = Places.of(indices.size, size[axis - 1], "nearest")
    if indices.tolist() != places.low.tolist():
        operator.refuse("takes rows or columns that are not the nearest ones of another size")
    size[axis - 1] = indices.size
    return reader.layer(
        "Resizing", operator, x, height=size[0], width=size[1], interpolation="nearest"
    )


def resize(reader: Reader, operator: Operator) -> Node:
    """Resizing, whose middles of pixels are stretched; the nearest pixels of a whole factor are the
    same without.
    """
    nearest = operator.kind == "RESIZE_NEAREST_NEIGHBOR"
    table = "ResizeNearestNeighborOptions" if nearest else "ResizeBilinearOptions"
    options, x = operator.expect_options(table), pictures(reader, operator)
    size = reader.integers(operator, 1, "size")
    if len(size) != 2 or min(size) < 1:
        operator.refuse(f"has the size {size}")
    H, W, _ = x.sample_shape
    whole = nearest and size[0] % H == size[1] % W == 0
    if options.get("align_corners") or not (options.get("half_pixel_centers") or whole):
        operator.refuse("stretches corners of pixels, expected half_pixel_centers as in Keras")
    how = "nearest" if nearest else "bilinear"
    return reader.layer("Resizing", operator, x, height=size[0], width=size[1], interpolation=how)


def reduced(reader: Reader, operator: Operator) -> Node:
    """GlobalAveragePooling2D, GlobalMaxPooling2D over axes that lie side by side before the last:
    rows and columns, or others as these. A sum is the mean times their number.
    """
    x, options = reader.value(operator), operator.expect_options("ReducerOptions")
    axes = sorted({n % x.ndim for n in reader.integers(operator, 1, "axes")})
    shape = x.sample_shape
    before = tuple(shape[: axes[0] - 1]) if axes and axes[0] else ()
    if not axes or axes != list(range(axes[0], axes[-1] + 1)) or axes[0] < 1 or before:
        operator.refuse(f"works over the axes {axes} of {x.shape}, expected those after the first")
    kept = shape[axes[-1] :]
    count = prod(shape[: axes[-1]])
    y = reshaped(reader, operator, x, (count, 1, prod(kept))) if axes != [1, 2] else x
    kind = "GlobalMaxPooling2D" if operator.kind == "REDUCE_MAX" else "GlobalAveragePooling2D"
    keepdims = bool(options.get("keep_dims"))
    if axes == [1, 2] and len(kept) == 1:
        y = reader.layer(kind, operator, y, keepdims=keepdims)
    else:
        y = reader.layer(kind, operator, reshaped(reader, operator, y, (count, 1, prod(kept))))
        ones = (1,) * len(axes) if keepdims else ()
        y = reshaped(reader, operator, y, (*ones, *kept) or (1,))
    if operator.kind == "SUM":
        y = reader.layer("Rescaling", operator, y, scale=float(count))
    return y


SHAPES: dict[str, Any] = {
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "TRANSPOSE": transpose,
    "PAD": pad,
    "SLICE": slice_,
    "STRIDED_SLICE": strided_slice,
    "GATHER": gather,
    "RESIZE_BILINEAR": resize,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "MEAN": reduced,
    "SUM": reduced,
    "REDUCE_MAX": reduced,
}
