"""From symbolic tensors to a graph: the walk from a network's outputs to its inputs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from minicnn.layers.input import Input, InputLayer
from minicnn.layers.node import Node


class Walk(NamedTuple):
    """A walk from the outputs to the inputs: nodes as they were finished, each after what it takes,
    and first seen.
    """

    finished: list[Node]
    seen: list[Node]


def walk(outputs: Sequence[Node], inputs: Sequence[Node]) -> Walk:
    """Depth first, in the order in which inputs are written: one branch is finished before the next
    is begun.
    """
    finished: dict[Node, None] = {}
    seen: dict[Node, None] = {}
    ends = set(inputs)
    for output in outputs:
        stack = [(output, iter(() if output in ends else output.inputs))]
        while stack:
            node, rest = stack[-1]
            seen.setdefault(node)
            before = next((other for other in rest if other not in finished), None)
            if before is not None:
                stack.append((before, iter(() if before in ends else before.inputs)))
            elif stack.pop()[0] not in finished:
                finished[node] = None
    return Walk(list(finished), list(seen))


def in_keras_order(found: Walk, inputs: Sequence[Node]) -> list[Any]:
    """The layers by decreasing depth, the number of calls from there to the outputs; equals as
    first seen by the walk.

    A layer that is called several times has the greatest depth of its calls. Weights have this
    order in files of Keras.
    Source: keras/src/ops/function.py, map_graph.
    """
    depths: dict[Node, int] = {}
    layers: dict[int, int] = {}
    for node in reversed(found.finished):
        depth = max(depths.get(node.call, 0), layers.get(id(node.layer), 0))
        depths[node.call] = layers[id(node.layer)] = depth
        for before in node.inputs:
            depths[before.call] = max(depth + 1, depths.get(before.call, 0))
    order = {id(node.layer): node.layer for node in found.seen}
    for node in inputs:  # those that nothing depends on
        order.setdefault(id(node.layer), node.layer)
    return sorted(order.values(), key=lambda layer: -layers.get(id(layer), 0))


def between(
    inputs: list[Node], outputs: list[Node], who: str
) -> tuple[list[Node], list[Node], Walk]:
    """Inputs, outputs and all nodes of the network between them.

    Where an input is the result of a layer, the nodes after it are made anew behind an Input of its
    shape.

    Raises ValueError for an output that depends on other inputs, and for an input that is given
    twice.
    """
    if len(set(inputs)) < len(inputs):
        raise ValueError(
            f"{who} expected different inputs, received {', '.join(node.name for node in inputs)}"
        )
    found = walk(outputs, inputs)
    for node in found.finished:
        if isinstance(node.layer, InputLayer) and node not in inputs:
            given = ", ".join(repr(other.name or other.shape) for other in inputs)
            raise ValueError(
                f"{who} expected outputs that depend on its inputs {given} alone, received one "
                "that also needs "
                f"{node!r}: give that to Model among the inputs, or begin at another tensor"
            )
    if all(isinstance(node.layer, InputLayer) for node in inputs):
        return inputs, outputs, found
    copies: dict[Node, Node] = {}
    calls: dict[Node, Node] = {}  # the first copy of every call
    for node in [*inputs, *found.finished]:
        if node in copies:
            continue
        if node in inputs:
            own = isinstance(node.layer, InputLayer)
            copies[node] = node if own else Input(node.sample_shape)
        else:
            before = [copies[other] for other in node.inputs]
            first = calls.get(node.call)
            copies[node] = Node(
                node.layer,
                before,
                node.sample_shape,
                node.dtype,
                training=node.training,
                call=first,
                index=node.index,
            )
            calls.setdefault(node.call, copies[node])
    inputs, outputs = [copies[node] for node in inputs], [copies[node] for node in outputs]
    return inputs, outputs, walk(outputs, inputs)
