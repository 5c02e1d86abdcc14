"""Axes and their order. A transpose is only remembered; layers are put in where an operator needs
axes in another order than they have.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from minicnn.layers import GlobalAveragePooling2D, GlobalMaxPooling2D
from minicnn.saving.graphs.limits import BATCH
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.saving.onnx.from_onnx.values import Value
from minicnn.types import Shape

PICTURES = (0, 2, 3, 1)  # (N, C, H, W) as (N, H, W, C)


def axis_of(x: Value, axis: int, operator: Operator) -> int:
    """An axis that may be counted from the end. Raises ModelFileError for one that is not there."""
    if not -x.rank <= axis < x.rank:
        operator.refuse(f"expected an axis of {x.rank}, received {axis}")
    return axis % x.rank


def axes_of(x: Value, axes: Sequence[int], operator: Operator) -> list[int]:
    """Different axes, in order."""
    found = sorted({axis_of(x, axis, operator) for axis in axes})
    if len(found) != len(axes):
        operator.refuse(f"expected different axes, received {list(axes)}")
    return found


def sized(x: Value, perm: Sequence[int]) -> list[int]:
    """Those axes that are no single one."""
    return [axis for axis in perm if x.dims[axis] != 1 or axis == x.batch]


def lying(reader: Reader, operator: Operator, x: Value, perm: tuple[int, ...]) -> Value:
    """x with its axes in that order; N stays the first."""
    x = plain(reader, operator, x)
    if x.perm == perm:
        return x
    if sized(x, x.perm) == sized(x, perm):
        shape = [x.dims[axis] for axis in perm[1:]]
        tensor = reader.layer("Reshape", operator, x.tensor, target_shape=shape)
    else:
        dims = [x.perm.index(axis) for axis in perm[1:]]
        tensor = reader.layer("Permute", operator, x.tensor, dims=dims)
    return x.like(tensor, perm=perm, positive=x.positive)


def plain(reader: Reader, operator: Operator, x: Value) -> Value:
    """x, but a vector in the order that it has in ONNX."""
    if x.maps is None:
        return x
    maps = unflattened(reader, operator, x)
    rest = (maps.batch, *sorted(maps.perm[1:]))
    tensor = lying(reader, operator, maps, rest).tensor
    tensor = reader.layer("Flatten", operator, tensor)
    return x.like(tensor, maps=None, positive=x.positive)


def unflattened(reader: Reader, operator: Operator, x: Value) -> Value:
    """What a vector with `maps` was made of."""
    assert x.maps is not None
    dims, perm = x.maps
    shape = [dims[axis] for axis in perm]
    tensor = reader.layer("Reshape", operator, x.tensor, target_shape=shape)
    whole = (0, *(axis + 1 for axis in perm))
    return Value(tensor, (x.dims[0], *dims), whole, positive=x.positive)


def as_in_onnx(reader: Reader, operator: Operator, x: Value) -> Value:
    """x with its axes as they are in ONNX, behind N."""
    return lying(reader, operator, x, (x.batch, *(n for n in range(x.rank) if n != x.batch)))


def with_last(reader: Reader, operator: Operator, x: Value, axis: int) -> Value:
    """x with that axis of ONNX as its last, where layers have channels."""
    if axis == x.batch:
        operator.refuse("works along the axis of the samples")
    if x.perm[-1] == axis:
        return x
    rest = tuple(n for n in range(x.rank) if n not in (axis, x.batch))
    return lying(reader, operator, x, (x.batch, *rest, axis))


def pictures(reader: Reader, operator: Operator, x: Value) -> Value:
    """x as (N, H, W, C), of (N, C, H, W) in ONNX. Raises ModelFileError for no pictures."""
    if x.rank != 4 or x.batch != 0:
        operator.refuse(f"expected pictures (N, C, H, W), received an input of {x.rank} axes")
    return lying(reader, operator, x, PICTURES)


def transposed(x: Value, perm: Sequence[int]) -> Value:
    """ONNX' Transpose: the tensor stays as it is."""
    return replace(
        x,
        dims=tuple(x.dims[axis] for axis in perm),
        perm=tuple(perm.index(axis) for axis in x.perm),
        last=tuple(perm) == PICTURES or x.last and tuple(perm) != (0, 3, 1, 2),
    )


# Reshaping


def groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]] | None:
    """Axes of two shapes in groups that hold the same numbers: (6, 4) and (2, 3, 4) are
    [([0], [0, 1]), ([1], [2])]; None for shapes of different sizes.
    """
    if prod(old) != prod(new):
        return None
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        olds, news = ([i] if i < len(old) else []), ([j] if j < len(new) else [])
        i, j = i + len(olds), j + len(news)
        while (a := prod(old[n] for n in olds)) != (b := prod(new[n] for n in news)):
            if a < b:
                olds, i = [*olds, i], i + 1
            else:
                news, j = [*news, j], j + 1
        found.append((olds, news))
    return found


def reshaped(reader: Reader, operator: Operator, x: Value, dims: Shape) -> Value:
    """ONNX' Reshape. Axes that are cut, or that lie side by side and become one, stay where they
    are; only others are moved before. A vector is not: whoever reads it puts its own weights into
    its order.
    """
    if dims == x.dims:
        return x
    if not dims or x.batch != 0 or dims[0] != x.dims[0]:
        operator.refuse(f"makes {_named(dims)} of {_named(x.dims)}: samples must stay apart")
    if x.maps is not None:
        x = unflattened(reader, operator, x)
    found = groups(x.dims[1:], dims[1:])
    if found is None or min(dims) < 1:
        operator.refuse(f"makes {_named(dims)} of {_named(x.dims)}")
    sample = [axis - 1 for axis in x.perm[1:]]
    wide = {axis for axis in sample if x.dims[axis + 1] != 1}
    of = {axis: n for n, (olds, _) in enumerate(found) for axis in olds}
    order = [axis for axis in sample if axis in wide]
    wanted: list[int] = []
    for axis in order:  # groups where they begin, axes of one in order
        if axis not in wanted:
            wanted += [one for one in found[of[axis]][0] if one in wide]
    if len(dims) == 2:
        return _flattened(reader, operator, x, dims, order == sorted(order))
    if order != wanted:
        thin = [axis for axis in sample if axis not in wide]
        x = lying(reader, operator, x, (0, *(axis + 1 for axis in [*wanted, *thin])))
    placed: list[int] = []
    for axis in wanted:
        placed += [n + 1 for n in found[of[axis]][1] if n + 1 not in placed]
    placed += [n for n in range(1, len(dims)) if n not in placed]
    perm = (0, *placed)
    thick = [axis for axis in perm[1:] if dims[axis] != 1]
    if len(dims) == 4 and thick == [axis for axis in PICTURES[1:] if dims[axis] != 1]:
        perm = PICTURES
    shape = tuple(dims[axis] for axis in perm[1:])
    tensor = x.tensor
    if shape != tensor.sample_shape:
        tensor = reader.layer("Reshape", operator, tensor, target_shape=shape)
    return Value(tensor, dims, perm, positive=x.positive)


def _flattened(reader: Reader, operator: Operator, x: Value, dims: Shape, in_order: bool) -> Value:
    layer = x.tensor.layer
    pooled = isinstance(layer, GlobalAveragePooling2D | GlobalMaxPooling2D)
    if pooled and len(layer._nodes) == 1 and x.tensor.sample_shape == (1, 1, dims[1]):
        kind = type(layer).__name__
        tensor = reader.layer(kind, operator, x.tensor.inputs[0])
    else:
        tensor = reader.layer("Flatten", operator, x.tensor)
    order = tuple(axis - 1 for axis in x.perm[1:])
    maps = None if in_order else (x.dims[1:], order)
    return Value(tensor, dims, (0, 1), maps, x.positive)


def _named(dims: Shape) -> str:
    """A shape with N for the samples."""

    def shown(n: int) -> str:
        times, rest = divmod(n, BATCH)
        return str(n) if rest or not times else "N" if times == 1 else f"{times}N"

    return "(" + ", ".join(map(shown, dims)) + ")"
