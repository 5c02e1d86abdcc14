"""What gives numbers another place: transposes and reshapes, and what is made of them."""

from math import prod
from typing import Any

import numpy as np

from minicnn.saving.graphs.limits import AXES
from minicnn.saving.onnx.from_onnx.layouts import (
    axes_of,
    plain,
    reshaped,
    transposed,
)
from minicnn.saving.onnx.from_onnx.normalizations import group_of
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.types import Shape


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
    if len(wanted) > AXES:
        operator.refuse(f"makes {len(wanted):,} axes, expected at most {AXES}")
    dims = _resolved(reader, operator, x.dims, wanted, bool(literal))
    whole, groups = reader.grouped.get(operator.inputs[0], (x, 0))
    if groups and dims == whole.dims:
        group_of(reader, operator, whole, groups)
        return
    reader.put(operator, reshaped(reader, operator, x, dims))
    if len(dims) == 3 and x.rank > 1 and x.dims[1] % dims[1] == 0:
        reader.grouped[operator.outputs[0]] = x, 0


def _resolved(
    reader: Reader, operator: Operator, there: Shape, wanted: list[int], literal: bool
) -> Shape:
    """The shape that a Reshape of one asks for."""
    dims = [
        there[place] if size == 0 and not literal and place < len(there) else size
        for place, size in enumerate(wanted)
    ]
    if dims.count(-1) > 1 or any(size < -1 or size == 0 for size in dims):
        operator.refuse(f"expected a shape with at most one -1, received {wanted}")
    if -1 in dims:
        dims[dims.index(-1)] = prod(there) // prod(size for size in dims if size != -1)
    if dims and wanted[0] == 1 != there[0] and reader.batch != 1:
        dims[0] = there[0]  # a shape that was written down for one picture
        if -1 in wanted:
            dims[wanted.index(-1)] //= there[0]
    return tuple(dims)


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
    if len(places) != len(axes) or rank > AXES:
        operator.refuse(f"expected different axes of {rank}, received {axes}")
    rest = iter(x.dims)
    dims = tuple(1 if place in places else next(rest) for place in range(rank))
    reader.put(operator, reshaped(reader, operator, x, dims))


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
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Shape": shape_of,
}
