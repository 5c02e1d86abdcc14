"""How the weights of layers are called in PyTorch, and lie there; see minicnn.interchange."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minicnn.layers import (
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GroupNormalization,
    LayerNormalization,
    PReLU,
)
from minicnn.network import Network
from minicnn.types import Array, Shape

Parts = dict[str, Array]


def _kernel_out(kernel: Array) -> Array:
    return kernel.transpose(3, 2, 0, 1)


def _kernel_in(weight: Array) -> Array:
    return weight.transpose(2, 3, 1, 0)


def _depthwise_out(kernel: Array) -> Array:
    """(KH, KW, C, M) as (C*M, 1, KH, KW)."""
    KH, KW, C, M = kernel.shape
    return kernel.transpose(2, 3, 0, 1).reshape(C * M, 1, KH, KW)


class Layout:
    """How the weights of a kind of layer are called in PyTorch and lie there.

    Args:
        kind: "convolution" and so on: layers take the modules of their kind one after the other.
        names: minicnn's, and PyTorch's.
        out: of the first of them, as PyTorch has it.
    """

    def __init__(self, kind: str, names: dict[str, str], out: Callable[[Array], Array]):
        self.kind, self.names, self.out = kind, names, out


KERNEL = {"kernel": "weight", "bias": "bias"}
NORM = {"gamma": "weight", "beta": "bias"}
MOVING = {"moving_mean": "running_mean", "moving_variance": "running_var"}
LAYOUTS: dict[type, Layout] = {
    Conv2D: Layout("convolution", KERNEL, _kernel_out),
    DepthwiseConv2D: Layout("convolution", KERNEL, _depthwise_out),
    Conv2DTranspose: Layout("convolution", KERNEL, _kernel_out),
    Dense: Layout("linear", KERNEL, np.transpose),
    BatchNormalization: Layout("batch normalisation", NORM | MOVING, np.asarray),
    LayerNormalization: Layout("vector", NORM, np.asarray),
    GroupNormalization: Layout("vector", NORM, np.asarray),
    PReLU: Layout("vector", {"alpha": "weight"}, np.ravel),
}


def kind_of(parts: Parts) -> str:
    """Of a module, by what it holds."""
    if "running_mean" in parts:
        return "batch normalisation"
    rank = parts["weight"].ndim if "weight" in parts else 0
    return {4: "convolution", 2: "linear", 1: "vector"}.get(rank, "other")


def flattened(model: Network) -> dict[int, Shape]:
    """By the id of a layer: the shape (H, W, C) of the pictures that its inputs were made of by
    Flatten, where nothing but layers that work number by number lies between.
    """
    program = model.program()
    maps: dict[int, Shape] = {}
    found: dict[int, Shape] = {}
    for call in program.calls:
        layer, first = call.layer, call.reads[0]
        if isinstance(layer, Flatten) and len(layer.input_shape) == 3:
            maps[call.writes] = layer.input_shape
        elif first in maps:
            found[id(layer)] = maps[first]
            if layer.output_shape == layer.input_shape and not isinstance(layer, Dense):
                maps[call.writes] = maps[first]
    return found


def weights_of(model: Network) -> Iterator[tuple[str, Any, Layout, Parts]]:
    """(path, layer, layout, its weights as PyTorch has them) of every layer with weights."""
    maps_of = flattened(model)
    for path, layer in model.leaves.items():
        if not layer.weights:
            continue
        layout = LAYOUTS.get(type(layer))
        if layout is None:
            raise ValueError(
                f"{layer} has weights that no module of PyTorch has alike: the layers that have "
                f"are {', '.join(kind.__name__ for kind in LAYOUTS)}"
            )
        own = layer.weights_by_name
        names = {name: array for name, array in own.items() if name in layout.names}
        parts = {}
        for name, array in names.items():
            if (maps := maps_of.get(id(layer))) and len(array) == np.prod(maps) and name != "bias":
                rows = array.reshape(*maps, -1)
                array = rows.transpose(2, 0, 1, 3).reshape(array.shape)
            first = next(iter(layout.names))
            parts[layout.names[name]] = layout.out(array) if name == first else array
        yield path, layer, layout, parts


def inside(
    layer: Any, name: str, layout: Layout, given: Array, shape: Shape, maps: Shape | None
) -> Array:
    """PyTorch's array as the layer has it."""
    if name == next(iter(layout.names)):
        if isinstance(layer, DepthwiseConv2D):
            KH, KW, C, M = shape
            given = given.reshape(C, M, KH, KW).transpose(2, 3, 0, 1)
        elif layout.kind == "convolution":
            given = _kernel_in(given)
        elif layout.kind == "linear":
            given = given.T
    if maps and len(given) == np.prod(maps) and name != "bias":
        H, W, C = maps
        given = given.reshape(C, H, W, -1).transpose(1, 2, 0, 3)
    return given.reshape(shape)
