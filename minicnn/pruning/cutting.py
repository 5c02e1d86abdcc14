"""Which axes of a layer's arrays are channels, and the arrays and arguments without some of them.

Conv2D          kernel (KH, KW, read, made), bias (made,)
Conv2DTranspose kernel (KH, KW, made, read), bias (made,)
Dense           kernel (read, made), bias (made,)
others          the last axis, where it has one place for every channel that is read
"""

from typing import Any

import numpy as np

from minicnn import layers
from minicnn.layers.base import Layer
from minicnn.pruning.wiring import Wiring
from minicnn.types import Array

Axes = tuple[Array | None, ...]  # for every axis of an array its channels, None for others


def axes(layer: Any, wiring: Wiring) -> dict[str, Axes]:
    """Of each of a layer's arrays; after Flatten, a channel has several places."""
    read, made = wiring.read[id(layer)], wiring.made.get(id(layer))
    if type(layer) is layers.SeparableConv2D:
        repeated = np.repeat(read, layer.depth_multiplier)
        return {
            "depthwise_kernel": (None, None, read, None),
            "pointwise_kernel": (None, None, repeated, made),
            "bias": (made,),
        }
    if type(layer) is layers.DepthwiseConv2D:
        repeated = np.repeat(read, layer.depth_multiplier)
        return {"kernel": (None, None, read, None), "bias": (repeated,)}
    if type(layer) is layers.Conv2DTranspose:
        return {"kernel": (None, None, made, read), "bias": (made,)}
    if type(layer) is layers.Conv2D:
        # a grouped one has fewer channels in its kernel, and keeps all
        seen = read if layer.groups == 1 else None
        return {"kernel": (None, None, seen, made), "bias": (made,)}
    if type(layer) is layers.Dense:
        return {"kernel": (read, made), "bias": (made,)}
    return {
        name: (*(None,) * (array.ndim - 1), read if array.shape[-1] == len(read) else None)
        for name, array in layer.variables_by_name.items()
        if array.ndim
    }


def cut(array: Array, where: Axes, kept: Array) -> Array:
    """The array without the channels that are not kept; kept is a bool for every channel."""
    for axis, channels in enumerate(where):
        if channels is not None:
            array = np.compress(kept[channels], array, axis)
    return array


def arguments(layer: Any, wiring: Wiring, kept: Array) -> dict[str, Any]:
    """The arguments that a layer is made with when only some channels are kept."""
    made = wiring.made.get(id(layer))
    if made is not None:
        return {"units" if type(layer) is layers.Dense else "filters": int(kept[made].sum())}
    if type(layer) is layers.Reshape and layer.target_shape[-1] != -1:
        places = layer.target_shape[-1]
        call = next(call for call in wiring.program.calls if call.layer is layer)
        return {
            "target_shape": (
                *layer.target_shape[:-1],
                places - int((~kept[wiring.values[call.writes]]).sum()),
            )
        }
    return {}


def multiplications(wiring: Wiring, kept: Array) -> int:
    """Multiply-add pairs of one sample's forward pass when only some channels are kept."""
    total = 0
    for call in wiring.program.calls:
        layer: Layer = call.layer
        there = layer if layer.input_shape == call.takes else layer.twin(call.takes)
        pairs = there.multiply_adds()
        if pairs:
            where = axes(layer, wiring)
            kernels = {name: array for name, array in layer.params.items() if array.ndim > 1}
            left = sum(size_of(array, where[name], kept) for name, array in kernels.items())
            total += pairs * left // sum(array.size for array in kernels.values())
    return total


def size_of(array: Array, where: Axes, kept: Array) -> int:
    """How many numbers of an array are left."""
    sizes = [
        n if channels is None else int(kept[channels].sum())
        for n, channels in zip(array.shape, where, strict=True)
    ]
    return int(np.prod(sizes, dtype=np.int64))
