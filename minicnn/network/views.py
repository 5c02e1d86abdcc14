"""What the layers of a network cost and see, found by its nodes, also through models inside."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from minicnn.layers import GlobalAveragePooling2D, GlobalMaxPooling2D, Permute, Reshape
from minicnn.layers.base import Layer
from minicnn.layers.conv2d_transpose import Conv2DTranspose
from minicnn.layers.interpolation import Interpolating
from minicnn.layers.node import Node
from minicnn.layers.window import Window
from minicnn.network.graph import Graph
from minicnn.types import Pair, Shape

# what makes maps of which no place knows where it is
ANYWHERE = (Reshape, Permute, GlobalAveragePooling2D, GlobalMaxPooling2D)


class Field(NamedTuple):
    """The patch of the input that one output sees, and the step between patches, in pixels."""

    size: Pair = (1, 1)
    step: Pair = (1, 1)

    def __str__(self) -> str:
        step = (
            str(self.step[0]) if self.step[0] == self.step[1] else f"{self.step[0]}x{self.step[1]}"
        )
        return f"{self.size[0]}x{self.size[1]} / {step}"


def calls(network: Graph) -> list[Node]:
    """One node for each call of a layer or model, inputs included, in the order of running."""
    return list(dict.fromkeys(node.call for node in [*network.inputs, *network.nodes]))


def calls_of(network: Graph) -> dict[int, list[Node]]:
    """Of every layer, by its id: its calls in this network, in the order of being made."""
    found: dict[int, list[Node]] = {}
    for call in calls(network):
        found.setdefault(id(call.layer), []).append(call)
    for own in found.values():
        own.sort(key=own[0].layer._nodes.index)
    return found


def shapes_of(call: Node) -> list[Shape]:
    """Of one sample of every output of a call."""
    return [
        node.sample_shape
        for node in (call.layer.outputs if isinstance(call.layer, Graph) else [call])
    ]


def is_plain(network: Graph) -> bool:
    """Whether it has one input, no branches, and no layer that is called twice.

    Keras' rule for a table without connections. Source: keras/src/utils/summary_utils.py,
    print_summary.
    """
    made = calls(network)
    users = Counter(before.call for call in made for before in call.inputs)
    return (
        len(network.inputs) == 1
        and len({id(call.layer) for call in made}) == len(made)
        and all(len(call.inputs) <= 1 and users[call] <= 1 for call in made)
    )


def multiply_adds(network: Graph) -> int:
    """Multiply-add pairs of one sample's forward pass in matrix products, of every call."""
    return sum(map(of_call, calls(network)))


def of_call(node: Node) -> int:
    """Those of one call of a layer or model."""
    layer = node.layer
    if isinstance(layer, Graph):
        return multiply_adds(layer)
    shapes = tuple(before.sample_shape for before in node.inputs) or (node.sample_shape,)
    takes: Any = shapes if layer.takes_several else shapes[0]
    return (layer if layer.input_shape == takes else layer.twin(takes)).multiply_adds()


def receptive_fields(
    network: Graph, given: Sequence[Field | None] = ()
) -> dict[Node, Field | None]:
    """Of every node the patch that it sees of pictures that come in; None for all, once there is no
    picture any more.

    A window of k cells, a step of `jump` pixels apart, sees (k - 1) * jump more pixels than one
    cell does. What joins several inputs sees the largest patch among theirs.
    given: what the inputs see themselves, one pixel unless said.
    Source: Araujo, Norris, Sim 2019, "Computing receptive fields of convolutional neural networks",
        distill.pub.
    """
    fields = dict(zip(network.inputs, given or [Field()] * len(network.inputs), strict=True))
    for node in network.nodes:
        if node in fields:
            continue
        before = [fields[other] for other in node.inputs]
        if isinstance(node.layer, Graph):
            inside = receptive_fields(node.layer, before)
            fields[node] = inside[node.layer.outputs[node.index]]
        else:
            fields[node] = (
                seen(node.layer, largest(before)) if len(node.sample_shape) == 3 else None
            )
    return fields


def largest(fields: Sequence[Field | None]) -> Field | None:
    """The largest patch and the largest step among them; None where one of them is."""
    known = [field for field in fields if field is not None]
    if len(known) < len(fields):
        return None
    (rows, columns), (down, right) = (
        [max(axis) for axis in zip(*pairs, strict=True)] for pairs in zip(*known, strict=True)
    )
    return Field((rows, columns), (down, right))


def seen(layer: Layer, before: Field | None) -> Field | None:
    """What a layer's outputs see where its inputs see that; of a picture in another size in whole
    pixels.
    """
    if before is None or isinstance(layer, ANYWHERE):
        return None
    if isinstance(layer, Interpolating):
        along = list(zip(layer.places, before.size, before.step, strict=True))
        # what is bilinear sees two neighbours
        height, width = (n + (0 if place.share is None else jump) for place, n, jump in along)
        down, right = (max(1, round(jump * place.step)) for place, _, jump in along)
        return Field((height, width), (down, right))
    window: Window | None = getattr(layer, "window", None)
    if window is None:
        return before
    size, step = before
    if isinstance(layer, Conv2DTranspose):  # each output sees what was stamped onto it
        stamps = [
            -(-((k - 1) * d + 1) // s)
            for k, d, s in zip(window.size, window.dilation, window.strides, strict=True)
        ]
        rows, columns = (n + (k - 1) * jump for n, k, jump in zip(size, stamps, step, strict=True))
        down, right = (max(n // s, 1) for n, s in zip(step, window.strides, strict=True))
        return Field((rows, columns), (down, right))
    rows, columns = (
        n + (k - 1) * d * jump
        for n, k, d, jump in zip(size, window.size, window.dilation, step, strict=True)
    )
    return Field((rows, columns), (step[0] * window.strides[0], step[1] * window.strides[1]))
