"""What moves numbers, and draws pictures in another size."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minicnn.layers import (
    CenterCrop,
    Cropping2D,
    Flatten,
    Identity,
    Permute,
    RandomCrop,
    Reshape,
    Resizing,
    UpSampling2D,
    ZeroPadding2D,
)
from minicnn.layers.interpolation import Interpolating, Places
from minicnn.saving.onnx.to_onnx.graph import FIRST, FLAT, Graph, Value


def identity(graph: Graph, layer: Any, x: Value) -> Value:  # noqa: ARG001
    """Nothing, as a layer that acts in training only is in inference."""
    return x


def flatten(graph: Graph, layer: Flatten, x: Value) -> Value:
    """Pictures become vectors channels first; whoever reads them knows that by the order FLAT."""
    if x.rank == 2:
        return x
    name = graph.node("Flatten", x.name, axis=1)
    if x.order == FIRST and x.shape[-1] > 1 and x.shape[:2] != (1, 1):
        return Value(name, layer.output_shape, FLAT, x.shape)
    return Value(name, layer.output_shape)


def reshape(graph: Graph, layer: Reshape, x: Value) -> Value:
    """Reshape with any N, of what lies as in minicnn; vectors become maps of one pixel directly."""
    shape = layer.output_shape
    x = graph.last(x)
    if x.rank == 2 and shape == (1, 1, *x.shape):
        name = graph.node("Reshape", x.name, graph.integers("shape", [0, *x.shape, 1, 1]))
        return Value(name, shape, FIRST)
    return Value(graph.node("Reshape", x.name, graph.integers("shape", [0, *shape])), shape)


def permute(graph: Graph, layer: Permute, x: Value) -> Value:
    """Transpose."""
    x = x if x.rank == 4 else graph.last(x)
    perm = [0, *(x.axis(axis) for axis in layer.dims)]
    return Value(graph.node("Transpose", x.name, perm=perm), layer.output_shape)


def zero_padding2d(graph: Graph, layer: ZeroPadding2D, x: Value) -> Value:
    """Pad."""
    x = graph.first(x)
    (top, bottom), (left, right) = layer.padding
    pads = graph.integers("padding", [0, 0, top, left, 0, 0, bottom, right])
    return Value(graph.node("Pad", x.name, pads), layer.output_shape, FIRST)


def _cut(graph: Graph, x: Value, starts: Sequence[int], size: Sequence[int]) -> Value:
    """The part of pictures, channels first, that begins there and has that height and width."""
    ends = [start + n for start, n in zip(starts, size, strict=True)]
    given = [
        graph.integers(name, numbers)
        for name, numbers in (("starts", starts), ("ends", ends), ("axes", [2, 3]))
    ]
    return graph.like(x, graph.node("Slice", x.name, *given), (*size, x.shape[-1]))


def cropping2d(graph: Graph, layer: Cropping2D, x: Value) -> Value:
    """Slice."""
    (top, _), (left, _) = layer.cropping
    return _cut(graph, graph.first(x), (top, left), layer.output_shape[:2])


def random_crop(graph: Graph, layer: RandomCrop, x: Value) -> Value:
    """The middle, which is what it cuts out in inference."""
    starts = [room // 2 - layer.padding for room in layer._room()]
    if min(starts) < 0:
        raise ValueError(
            f"{layer} makes pictures larger in inference, which has no form in ONNX: use "
            "ZeroPadding2D or Resizing before it"
        )
    size = layer.output_shape[:2]
    return x if size == x.shape[:2] else _cut(graph, graph.first(x), starts, size)


def _seen(places: Places) -> tuple[int, int]:
    """Over which of the inputs the outputs lie: the first, and how many."""
    length = round(places.step * len(places.low))
    return round(places.first - places.step / 2 + 0.5), length


def _scale(outputs: int, size: int) -> float:
    """A float32 of which ONNX, which rounds off, makes that many outputs: some in this precision,
    others in double.
    """
    scale = np.float32(outputs / size)
    enough = int(float(scale) * size) >= outputs
    return float(scale if enough else np.nextafter(scale, np.float32(2 * scale)))


def interpolated(graph: Graph, layer: Interpolating, x: Value) -> Value:
    """Slice for the part that is seen, and Resize; or Gather, where pixels are taken that lie
    otherwise than ONNX' nearest ones.
    """
    shape, seen = layer.output_shape, [_seen(places) for places in layer.places]
    x = graph.first(x)
    size = tuple(length for _, length in seen)
    if size != x.shape[:2]:
        x = _cut(graph, x, [start for start, _ in seen], size)
    if shape == x.shape:
        return x
    scales = [1.0, 1.0, *(_scale(n, length) for n, length in zip(shape, size, strict=False))]
    if any(places.share is not None for places in layer.places):
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    elif all(n % length == 0 for n, length in zip(shape, size, strict=False)):
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric"}
        how["nearest_mode"] = "floor"
    else:
        y = x.name
        for axis, places, (start, _) in zip((2, 3), layer.places, seen, strict=True):
            indices = graph.integers("pixels", (places.low - start).tolist())
            y = graph.node("Gather", y, indices, axis=axis)
        return Value(y, shape, FIRST)
    y = graph.node("Resize", x.name, "", graph.floats("scales", scales), **how)
    return Value(y, shape, FIRST)


SHAPES: dict[type, Any] = {
    Identity: identity,
    Flatten: flatten,
    Reshape: reshape,
    Permute: permute,
    ZeroPadding2D: zero_padding2d,
    Cropping2D: cropping2d,
    RandomCrop: random_crop,
    Resizing: interpolated,
    UpSampling2D: interpolated,
    CenterCrop: interpolated,
}
