"""What removed channels leave behind: a constant, which goes into the next bias.

A filter whose kernel is 0 makes the same number everywhere, activation(bias). Normalised, that is
another number, and so on up to the next convolution or dense layer, to whose every output it adds

    number * sum of the kernel over its window

A filter that is removed although its kernel is not 0 is taken for such a one. Where its channel is
normalised, its mean is known, without any data: it is the moving mean, of which beta is made.

The sum is that of a whole window: at the edge of a picture that is padded with zeros fewer cells
are seen, and a constant other than 0 adds less there than is put into the bias.
"""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from minicnn import layers
from minicnn.layers.base import Layer
from minicnn.network.graph import Call
from minicnn.pruning.scores import norms
from minicnn.pruning.wiring import (
    LAYING_OUT,
    MAKERS,
    MERGES,
    Wiring,
    is_by_cell,
    is_by_number,
    mixes,
    output_shape,
)
from minicnn.types import Array


class Constants(NamedTuple):
    """Of every channel of a value, what it is worth when it is removed, and whether it is exactly
    that everywhere in every picture.
    """

    numbers: Array
    exact: Array


def constants(wiring: Wiring) -> list[Constants]:
    """Those of all values of a network's program."""
    found = [
        Constants(np.zeros(len(channels)), np.zeros(len(channels), bool))
        for channels in wiring.values[: wiring.program.inputs]
    ]
    for call in wiring.program.calls:
        found.append(_after(call, [found[n] for n in call.reads], len(wiring.values[call.writes])))
    return found


def _after(call: Call, given: list[Constants], width: int) -> Constants:
    layer: Any = call.layer
    numbers, exact = given[0]
    if type(layer) in MAKERS:
        return Constants(_activated(layer, np.zeros(width)), norms(layer) == 0)
    if type(layer) is layers.DepthwiseConv2D:
        seen = layer.params["kernel"].sum(axis=(0, 1), dtype=np.float64) * numbers[:, np.newaxis]
        return Constants(_activated(layer, seen.ravel()), np.repeat(exact, layer.depth_multiplier))
    if type(layer) is layers.BatchNormalization:
        exact = exact & (not call.training)
        numbers = np.where(exact, numbers, layer.state["moving_mean"])
        return Constants(_run(layer, numbers), exact)
    if type(layer) is layers.PReLU:
        slopes = layer.params["alpha"].mean(axis=tuple(range(layer.params["alpha"].ndim - 1)))
        return Constants(np.where(numbers > 0, numbers, slopes * numbers), exact)
    if is_by_number(layer):
        return Constants(_run(layer, numbers), exact)
    if type(layer) in LAYING_OUT:
        places = output_shape(call)[-1]
        numbers, exact = (
            np.broadcast_to(one, call.takes).reshape(-1, places)[0] for one in given[0]
        )
        return Constants(numbers, exact)
    if type(layer) is layers.Concatenate and sum(len(one.numbers) for one in given) == width:
        parts = zip(*given, strict=True)
        return Constants(*(np.concatenate(part) for part in parts))
    if type(layer) in MERGES:
        merged = layer.twin(tuple(one.numbers.shape for one in given))
        numbers = merged.forward([one.numbers[np.newaxis] for one in given])[0]
        exact = reduce(np.logical_and, [one.exact for one in given])
        return Constants(numbers.astype(np.float64), exact)
    if is_by_cell(layer) or type(layer) is layers.Permute:
        return given[0]
    return Constants(np.zeros(width), np.zeros(width, bool))


def _activated(layer: Any, sums: Array) -> Array:
    """What a layer makes of the sums over its windows."""
    if layer.use_bias:
        sums = sums + layer.params["bias"]
    if layer.activation_layer is None or mixes(layer):
        return sums
    return _run(layer.activation_layer, sums)


def _run(layer: Layer, numbers: Array) -> Array:
    """What a layer makes of one number for each channel."""
    there: Any = layer.twin(numbers.shape)
    return there.forward(numbers[np.newaxis])[0].astype(np.float64)


def left_behind(layer: Any, wiring: Wiring, kept: Array, numbers: Array) -> Array:
    """What the removed ones of the channels that a layer reads add to the sums of its filters or
    units (made,), for their constants (read,).
    """
    gone = ~kept[wiring.read[id(layer)]]
    return np.where(gone, numbers, 0.0) @ _summed(layer)


def _summed(layer: Any) -> Array:
    """The kernel summed over its window: what one of every channel read adds to each filter."""
    if isinstance(layer, layers.SeparableConv2D):
        depthwise = layer.params["depthwise_kernel"].sum(axis=(0, 1), dtype=np.float64)
        pointwise = layer.params["pointwise_kernel"].reshape(*depthwise.shape, -1)
        return (depthwise[..., np.newaxis] * pointwise).sum(axis=1)
    kernel = layer.params["kernel"]
    if isinstance(layer, layers.Dense):
        return kernel.astype(np.float64)
    whole = kernel.sum(axis=(0, 1), dtype=np.float64)
    if isinstance(layer, layers.Conv2DTranspose):  # a cell is stamped by so many cells' share
        return whole.T / np.prod(layer.strides)
    return whole
