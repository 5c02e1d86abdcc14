"""What is shifted and scaled by statistics."""

from typing import Any

import numpy as np

from minicnn.saving.onnx.from_onnx.affine import following
from minicnn.saving.onnx.from_onnx.layouts import axis_of, plain, with_last
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader, finite
from minicnn.saving.onnx.from_onnx.values import Value
from minicnn.types import Array


def _channels(reader: Reader, operator: Operator, place: int, what: str, size: int) -> Array:
    """A number for each channel."""
    found = reader.constant(operator, place, what)
    if found.shape != (size,):
        operator.refuse(f"expected {what} of {size} numbers, received {found.shape}")
    return finite(found.astype(np.float32), operator, what)


def batch_normalization(reader: Reader, operator: Operator) -> None:
    """BatchNormalization; a scale and a shift behind it, as Caffe has them, go into gamma and beta.

    momentum is the weight of the old averages, as in Keras.
    """
    x = reader.value(operator)
    if x.rank < 2:
        operator.refuse("expected an input with channels")
    operator.expect("training_mode", 0)
    operator.expect("spatial", 1)
    operator.ignore("is_test", "consumed_inputs")
    C = x.dims[1]
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    weights = {
        name: _channels(reader, operator, place, name, C) for place, name in enumerate(names, 1)
    }
    if min(weights["moving_variance"]) < 0:
        operator.refuse("expected a variance of at least 0")
    name = operator.outputs[0]
    more = following(reader, name, x.dims, 1)
    if more is not None:
        scale, shift, name = more
        weights["gamma"] = weights["gamma"] * scale
        weights["beta"] = weights["beta"] * scale + shift
    if x.maps is not None:
        order = reader.order(x)
        weights = {key: array[order] for key, array in weights.items()}
    else:
        x = with_last(reader, operator, x, 1)
    momentum = operator.get("momentum", 0.9)
    tensor = reader.layer(
        "BatchNormalization",
        operator,
        x.tensor,
        weights,
        epsilon=operator.get("epsilon", 1e-5),
        momentum=momentum if 0 <= momentum <= 1 else 0.9,
    )
    wanted = [one for one in operator.outputs[1:] if one in reader.users or one in reader.ends]
    if wanted:
        operator.refuse("has its statistics read, expected inference")
    reader.keep(name, x.like(tensor))


def _by_group(
    reader: Reader,
    operator: Operator,
    x: Value,
    groups: int,
    gamma: Array,
    beta: Array,
    epsilon: float,
) -> Value:
    x = with_last(reader, operator, plain(reader, operator, x), 1)
    tensor = reader.layer(
        "GroupNormalization",
        operator,
        x.tensor,
        {"gamma": gamma, "beta": beta},
        groups=groups,
        epsilon=epsilon,
    )
    return x.like(tensor)


def group_of(reader: Reader, operator: Operator, x: Value, groups: int) -> None:
    """Put a GroupNormalization, with the scale and the shift behind it."""
    C, name = x.dims[1], operator.outputs[0]
    found = following(reader, name, x.dims, 1)
    gamma, beta, name = (np.ones(1), np.zeros(1), name) if found is None else found
    gamma, beta = (np.broadcast_to(part, C) for part in (gamma, beta))
    epsilon = reader.epsilons[operator.inputs[0]]
    reader.keep(name, _by_group(reader, operator, x, groups, gamma, beta, epsilon))


def instance_normalization(reader: Reader, operator: Operator) -> None:
    """A group for each channel. Of (N, G, ...), without weights, it is the middle of a
    GroupNormalization that has been taken apart: then the reshape behind it makes that.
    """
    x = reader.value(operator)
    C = x.dims[1] if x.rank > 1 else 0
    gamma, beta = (
        _channels(reader, operator, place, name, C) for place, name in ((1, "scale"), (2, "B"))
    )
    epsilon = operator.get("epsilon", 1e-5)
    if operator.inputs[0] in reader.grouped and (gamma == 1).all() and not beta.any():
        whole, _ = reader.grouped[operator.inputs[0]]
        reader.grouped[operator.outputs[0]] = whole, C
        reader.epsilons[operator.outputs[0]] = epsilon
    reader.put(operator, _by_group(reader, operator, x, -1, gamma, beta, epsilon))


def group_normalization(reader: Reader, operator: Operator) -> None:
    """From opset 21 on numbers for each channel, before for each group."""
    x = reader.value(operator)
    operator.ignore("stash_type")
    groups, C = operator.get("num_groups", 0), x.dims[1] if x.rank > 1 else 0
    if groups < 1 or C % groups:
        operator.refuse(f"expected num_groups to cut {C} channels, received {groups}")
    size, epsilon = C if operator.version >= 21 else groups, operator.get("epsilon", 1e-5)
    reader.room.take(2 * C)
    gamma, beta = (
        np.repeat(_channels(reader, operator, place, name, size), C // size)
        for place, name in ((1, "scale"), (2, "bias"))
    )
    reader.put(operator, _by_group(reader, operator, x, groups, gamma, beta, epsilon))


def layer_normalization(reader: Reader, operator: Operator) -> None:
    """Over the last axes of ONNX."""
    x = plain(reader, operator, reader.value(operator))
    operator.ignore("stash_type")
    first = axis_of(x, operator.get("axis", -1), operator)
    axes = list(range(first, x.rank))
    if x.batch in axes:
        operator.refuse("works along the axis of the samples")
    shape = x.dims[first:]
    places = sorted(x.place(axis) for axis in axes)
    order = [x.perm[place] - first for place in places]
    weights = {}
    for place, name in ((1, "gamma"), (2, "beta")):
        given = reader.optional(operator, place, name)
        if given is None and place == 1:
            operator.refuse("has no scale")
        if given is not None:
            if given.ndim > len(shape):
                operator.refuse(f"expected {name} of {shape}, received {given.shape}")
            weights[name] = np.broadcast_to(given, shape).transpose(order)
    tensor = reader.layer(
        "LayerNormalization",
        operator,
        x.tensor,
        weights,
        axis=places if len(places) > 1 else places[0],
        epsilon=operator.get("epsilon", 1e-5),
        center="beta" in weights,
    )
    reader.put(operator, x.like(tensor))


def local_response_normalization(reader: Reader, operator: Operator) -> None:
    """LRN; of an even size it has one channel more behind than before, which no layer has."""
    x = reader.value(operator)
    if x.rank < 2:
        operator.refuse("expected an input with channels")
    size, k = operator.get("size", 0), operator.get("bias", 1.0)
    alpha, beta = operator.get("alpha", 1e-4), operator.get("beta", 0.75)
    x = with_last(reader, operator, plain(reader, operator, x), 1)
    tensor = reader.layer(
        "LocalResponseNormalization", operator, x.tensor, size=size, alpha=alpha, beta=beta, k=k
    )
    reader.put(operator, x.like(tensor, positive=x.positive))


NORMALIZATIONS: dict[str, Any] = {
    "BatchNormalization": batch_normalization,
    "InstanceNormalization": instance_normalization,
    "GroupNormalization": group_normalization,
    "LayerNormalization": layer_normalization,
    "LRN": local_response_normalization,
}
