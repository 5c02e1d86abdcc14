"""What moves, cuts and frames."""

from math import prod
from typing import Any

import numpy as np

from minicnn.layers.interpolation import Places
from minicnn.layers.node import Node
from minicnn.saving.onnx.reading.layouts import (
    axes_of,
    axis_of,
    pictures,
    plain,
    reshaped,
    transposed,
)
from minicnn.saving.onnx.reading.operator import Operator
from minicnn.saving.onnx.reading.reader import Reader
from minicnn.saving.onnx.reading.values import Value

LONGEST = 2**20  # numbers of a frame, along an axis


def identity(reader: Reader, operator: Operator) -> None:
    """Nothing."""
    reader.put(operator, reader.value(operator))


def dropout(reader: Reader, operator: Operator) -> None:
    """Dropout, which a training that goes on has again."""
    x = reader.value(operator)
    given = reader.optional(operator, 1, "ratio")
    rate = operator.get("ratio", 0.5) if given is None else float(given.reshape(-1)[0])
    training = reader.optional(operator, 2, "training_mode")
    operator.ignore("ratio", "seed", "is_test")
    if training is not None and training.any():
        operator.refuse("is in training mode, expected a network for inference")
    if not 0 <= rate < 1:
        operator.refuse(f"expected a ratio from 0 to below 1, received {rate}")
    reader.put(operator, x.like(reader.layer("Dropout", operator, x.tensor, rate=rate)))


def cast(reader: Reader, operator: Operator) -> None:
    """Numbers are float32 here, whatever they are in the file."""
    x = reader.value(operator)
    operator.ignore("saturate", "round_mode")
    kind = operator.get("to", 0)
    if kind not in (1, 10, 11, 16):
        operator.refuse(f"makes numbers of type {kind} of the network's, expected floats")
    reader.put(operator, x)


def transpose(reader: Reader, operator: Operator) -> None:
    """Axes under another name."""
    x = plain(reader, operator, reader.value(operator))
    perm = operator.integers("perm", x.rank, list(range(x.rank))[::-1])
    if sorted(perm) != list(range(x.rank)):
        operator.refuse(f"expected perm to name each of {x.rank} axes, received {perm}")
    reader.put(operator, transposed(x, perm))


def flatten(reader: Reader, operator: Operator) -> None:
    """Vectors, one for each sample."""
    x = reader.value(operator)
    axis = operator.get("axis", 1)
    if not -x.rank <= axis <= x.rank:
        operator.refuse(f"expected an axis of {x.rank}, received {axis}")
    axis = axis % x.rank if axis != x.rank else x.rank
    dims = (prod(x.dims[:axis]), prod(x.dims[axis:]))
    reader.put(operator, reshaped(reader, operator, x, dims))


def reshape(reader: Reader, operator: Operator) -> None:
    """0 is the size that is there, -1 the one that is left over."""
    x = reader.value(operator)
    wanted = reader.integers(operator, 1, "shape")
    wanted = operator.get("shape", []) if wanted is None else wanted
    literal = operator.get("allowzero", 0)
    operator.ignore("shape")
    dims = []
    for place, size in enumerate(wanted):
        if size == 0 and not literal and place < x.rank:
            size = x.dims[place]
        dims.append(size)
    if dims.count(-1) > 1 or any(size < -1 or size == 0 for size in dims):
        operator.refuse(f"expected a shape with at most one -1, received {wanted}")
    if -1 in dims:
        known = prod(size for size in dims if size != -1)
        dims[dims.index(-1)] = prod(x.dims) // known
    if dims and dims[0] == 1 != x.dims[0] and wanted[0] == 1 and reader.batch != 1:
        dims[0] = x.dims[0]  # a shape that was written down for one picture
        if -1 in wanted:
            dims[wanted.index(-1)] //= x.dims[0]
    reader.put(operator, reshaped(reader, operator, x, tuple(dims)))


def squeeze(reader: Reader, operator: Operator) -> None:
    """Without some axes of size 1."""
    x = reader.value(operator)
    axes = reader.integers(operator, 1, "axes")
    axes = operator.get("axes") if axes is None else axes
    operator.ignore("axes")
    if axes is None:
        axes = [axis for axis, n in enumerate(x.dims) if n == 1 and axis != x.batch]
    found = axes_of(x, axes, operator)
    if x.batch in found or any(x.dims[axis] != 1 for axis in found):
        operator.refuse(f"takes away axes {found} of {x.dims}, which are no single ones")
    dims = tuple(n for axis, n in enumerate(x.dims) if axis not in found)
    reader.put(operator, reshaped(reader, operator, x, dims))


def unsqueeze(reader: Reader, operator: Operator) -> None:
    """With more axes of size 1."""
    x = reader.value(operator)
    axes = reader.integers(operator, 1, "axes")
    axes = operator.get("axes", []) if axes is None else axes
    operator.ignore("axes")
    rank = x.rank + len(axes)
    places = {axis % rank for axis in axes if -rank <= axis < rank}
    if len(places) != len(axes) or rank > 8:
        operator.refuse(f"expected different axes of {rank}, received {axes}")
    rest = iter(x.dims)
    dims = tuple(1 if place in places else next(rest) for place in range(rank))
    reader.put(operator, reshaped(reader, operator, x, dims))


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
    count = operator.get("num_outputs", len(operator.outputs))
    operator.ignore("split")
    size = x.dims[axis]
    if sizes is None:
        part = -(-size // max(count, 1))
        sizes = [min(part, size - n * part) for n in range(count)]
    if len(sizes) != len(operator.outputs) or sum(sizes) != size or min(sizes) < 1:
        operator.refuse(f"cuts {size} into {sizes}")
    ends = np.cumsum(sizes).tolist()
    parts = [
        cropped(reader, operator, x, axis, end - n, end) for n, end in zip(sizes, ends, strict=True)
    ]
    reader.put(operator, *parts)


def depth_to_space(reader: Reader, operator: Operator) -> None:
    """Channels become pixels: a reshape, a transpose, a reshape."""
    x = reader.value(operator)
    size, mode = operator.get("blocksize", 0), operator.get("mode", "DCR")
    if x.rank != 4 or size < 1 or x.dims[1] % size**2 or mode not in ("DCR", "CRD"):
        operator.refuse(f"cuts {x.dims} into blocks of {size} ({mode!r:.20})")
    N, C, H, W = x.dims
    deep = C // size**2
    shape = (N, size, size, deep, H, W) if mode == "DCR" else (N, deep, size, size, H, W)
    perm = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    y = transposed(reshaped(reader, operator, x, shape), perm)
    reader.put(operator, reshaped(reader, operator, y, (N, deep, H * size, W * size)))


def space_to_depth(reader: Reader, operator: Operator) -> None:
    """Pixels become channels."""
    x = reader.value(operator)
    size = operator.get("blocksize", 0)
    operator.expect("mode", "DCR")
    if x.rank != 4 or size < 1 or x.dims[2] % size or x.dims[3] % size:
        operator.refuse(f"cuts {x.dims} into blocks of {size}")
    N, C, H, W = x.dims
    y = reshaped(reader, operator, x, (N, C, H // size, size, W // size, size))
    y = transposed(y, (0, 3, 5, 1, 2, 4))
    reader.put(operator, reshaped(reader, operator, y, (N, C * size**2, H // size, W // size)))


def shape_of(reader: Reader, operator: Operator) -> None:
    """The sizes of a value: known numbers."""
    x = reader.value(operator)
    start, end = operator.get("start", 0), operator.get("end", x.rank)
    reader.put(operator, np.asarray(x.dims[start:end], np.int64))


SHAPES: dict[str, Any] = {
    "Identity": identity,
    "Dropout": dropout,
    "Cast": cast,
    "Transpose": transpose,
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Pad": pad,
    "Slice": slice_,
    "Gather": gather,
    "Split": split,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Shape": shape_of,
}
