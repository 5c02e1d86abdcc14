"""What moves numbers, and draws pictures in another size."""

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
from minicnn.saving.tflite.to_tflite.graph import Graph, Value
from minicnn.types import Pair, Shape


def identity(graph: Graph, layer: Any, x: Value) -> Value:  # noqa: ARG001
    """Nothing, as a layer that acts in training only is in inference."""
    return x


def reshaped(graph: Graph, x: Value, shape: Shape) -> Value:
    """RESHAPE to constants, with any N."""
    if x.shape == shape:
        return x
    target = [-1, *shape]
    inputs = [x.tensor, graph.integers("shape", target)]
    return graph.node("RESHAPE", inputs, shape, "ReshapeOptions", new_shape=target)


def framed(graph: Graph, x: Value, sides: tuple[Pair, Pair]) -> Value:
    """PAD with zeros above and below, left and right; a side below 0 is cut off."""
    (top, bottom), (left, right) = sides
    H, W, C = x.shape
    if min(top, bottom, left, right) < 0:
        size = (H + min(top, 0) + min(bottom, 0), W + min(left, 0) + min(right, 0))
        x = cut(graph, x, (max(-top, 0), max(-left, 0)), size)
    around = [(max(a, 0), max(b, 0)) for a, b in sides]
    if not np.any(around):
        return x
    inputs = [x.tensor, graph.integers("padding", [(0, 0), *around, (0, 0)])]
    return graph.node("PAD", inputs, (H + top + bottom, W + left + right, C), "PadOptions")


def cut(graph: Graph, x: Value, start: Pair, size: Pair) -> Value:
    """SLICE of pictures: the part that begins there and has that height and width."""
    if size == x.shape[:2]:
        return x
    begin = graph.integers("begin", [0, *start, 0])
    sizes = graph.integers("size", [-1, *size, -1])
    return graph.node("SLICE", [x.tensor, begin, sizes], (*size, x.shape[-1]))


def flatten(graph: Graph, layer: Flatten, x: Value) -> Value:
    """RESHAPE."""
    return reshaped(graph, x, layer.output_shape)


def reshape(graph: Graph, layer: Reshape, x: Value) -> Value:
    """RESHAPE."""
    return reshaped(graph, x, layer.output_shape)


def transposed(graph: Graph, x: Value, perm: list[int]) -> Value:
    """TRANSPOSE; perm counts N."""
    if perm == sorted(perm):
        return x
    shape = tuple(x.shape[axis - 1] for axis in perm[1:])
    inputs = [x.tensor, graph.integers("perm", perm)]
    return graph.node("TRANSPOSE", inputs, shape, "TransposeOptions")


def permute(graph: Graph, layer: Permute, x: Value) -> Value:
    """TRANSPOSE."""
    return transposed(graph, x, [0, *layer.dims])


def zero_padding2d(graph: Graph, layer: ZeroPadding2D, x: Value) -> Value:
    """PAD."""
    return framed(graph, x, layer.padding)


def cropping2d(graph: Graph, layer: Cropping2D, x: Value) -> Value:
    """SLICE."""
    (top, _), (left, _) = layer.cropping
    H, W, _ = layer.output_shape
    return cut(graph, x, (top, left), (H, W))


def random_crop(graph: Graph, layer: RandomCrop, x: Value) -> Value:
    """The middle, which is what it cuts out in inference."""
    top, left = (room // 2 - layer.padding for room in layer._room())
    if min(top, left) < 0:
        raise ValueError(
            f"{layer} makes pictures larger in inference, which has no form in LiteRT: use "
            "ZeroPadding2D or Resizing before it"
        )
    H, W, _ = layer.output_shape
    return cut(graph, x, (top, left), (H, W))


def _seen(places: Places) -> tuple[int, int]:
    """Over which of the inputs the outputs lie: the first, and how many."""
    length = round(places.step * len(places.low))
    return round(places.first - places.step / 2 + 0.5), length


def _rounded(outputs: int, size: int) -> np.ndarray:
    """The pixels that LiteRT takes as the nearest ones: floor((i + 1/2) * n / O) in float32."""
    scale = np.float32(size) / np.float32(outputs)
    middles = np.arange(outputs, dtype=np.float32) + np.float32(0.5)
    return np.minimum(np.floor(middles * scale), size - 1).astype(np.intp)


def interpolated(graph: Graph, layer: Interpolating, x: Value) -> Value:
    """SLICE for the part that is seen, and RESIZE; or GATHER of rows and columns, where LiteRT
    would round off to other pixels.
    """
    seen = [_seen(places) for places in layer.places]
    (top, H), (left, W) = seen
    x = cut(graph, x, (top, left), (H, W))
    OH, OW, _ = shape = layer.output_shape
    if shape == x.shape:
        return x
    if any(places.share is not None for places in layer.places):
        kind, table = "RESIZE_BILINEAR", "ResizeBilinearOptions"
    elif all(
        np.array_equal(places.low - start, _rounded(len(places.low), length))
        for places, (start, length) in zip(layer.places, seen, strict=True)
    ):
        kind, table = "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"
    else:
        for axis, places, (start, _) in zip((1, 2), layer.places, seen, strict=True):
            indices = graph.integers("pixels", places.low - start)
            into = [*x.shape]
            into[axis - 1] = len(places.low)
            x = graph.node("GATHER", [x.tensor, indices], tuple(into), "GatherOptions", axis=axis)
        return x
    inputs = [x.tensor, graph.integers("size", [OH, OW])]
    return graph.node(kind, inputs, shape, table, 3, half_pixel_centers=True)


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
