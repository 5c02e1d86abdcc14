"""The calls of a network as the rows of a trace: copies of its layers, in the order in which they
run, each activation as a row of its own.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from minicnn.explain.frozen import copied
from minicnn.layers.activation import Activation
from minicnn.layers.augmentation.geometric import Composed
from minicnn.layers.base import Layer
from minicnn.network import Network
from minicnn.network.graph import Call
from minicnn.network.places import Places
from minicnn.network.stages import layers_of, stages, without_ending


@dataclass
class Row:
    """A layer at one place of the network.

    Attributes:
        name: in the trace: its path, "backbone/conv2d"; "relu[1]" where it is called several times;
            "conv2d/relu" where it is the activation of another; joined by " + " where layers that
            move pixels run as one.
        path: of the layer, which its weights are named by.
        layer: what runs, a copy.
        reads, writes: the numbers of its values.
        training: True or False where the network fixes it.
        shared: whether the layer has other places too.
    """

    name: str
    path: str
    layer: Layer
    reads: tuple[int, ...]
    writes: int
    training: bool | None
    several: bool
    shared: bool


@dataclass
class Rows:
    """All that runs in a step of a network.

    Attributes:
        rows: of the layers.
        inputs: the names of the inputs, which are the first values.
        layers: the copies that hold the weights, by path, in the model's order.
        places: see network/places.py.
        ends_in: "softmax" or "sigmoid" where the last row is that.
        output: the number of the value that the loss takes, if it takes what the network puts out.
    """

    rows: list[Row]
    inputs: list[str]
    layers: dict[str, Layer]
    places: Places
    ends_in: str | None
    output: int = 0
    names: list[str] = field(default_factory=list)  # of the rows that write each value


def rows_of(model: Network) -> Rows:
    """The rows of a built model."""
    program, paths = copied(model)
    places = Places(program.calls)
    times = Counter(paths)
    numbers: Counter[str] = Counter()
    calls: list[Call] = []
    names: dict[int, tuple[str, str]] = {}  # by id of the layer that runs: name and path
    free = 1 + max(call.writes for call in program.calls)
    for call, path in zip(places.calls, paths, strict=True):
        name = path if times[path] == 1 else f"{path}[{numbers[path]}]"
        numbers[path] += 1
        for own, part in parted(call, free):
            names[id(part.layer)] = (f"{name}/{own}" if own else name), path
            calls.append(part)
        free += 1
    ends_in = without_ending(places.calls, program.outputs)[2]
    found = [
        Row(
            name=" + ".join(names[id(layer)][0] for layer in layers_of(stage.step)),
            path=names[id(layers_of(stage.step)[0])][1],
            layer=stage.step,  # type: ignore[arg-type]  # without a plan steps are layers
            reads=stage.reads,
            writes=stage.writes,
            training=stage.training,
            several=stage.several,
            shared=times[names[id(layers_of(stage.step)[0])][1]] > 1,
        )
        for stage in stages(calls, program.inputs, program.outputs)[0]
    ]
    by_path = dict(zip(paths, (call.layer for call in program.calls), strict=True))
    layers = {path: by_path[path] for path in model.leaves if path in by_path}
    inputs = [node.name or "input" for node in model.inputs]
    return Rows(found, inputs, layers, places, ends_in, program.outputs[0])


def parted(call: Call, free: int) -> Iterator[tuple[str, Call]]:
    """A call as one of the layer and one of its activation, with the name of the latter."""
    activation = call.layer.activation_layer
    if activation is None:
        yield "", call
    elif isinstance(call.layer, Activation):
        yield "", call._replace(layer=activation)
    else:
        yield "", call._replace(layer=call.layer.without_activation(), writes=free)
        named: Any = getattr(call.layer, "activation", None)
        own = named if isinstance(named, str) else activation.own_name
        shape: Any = call.layer.output_shape
        yield own, Call(activation, (free,), shape, call.writes, call.training)


def kind(layer: Layer) -> str:
    """The class of a row, "Conv2D"; of layers that run as one, of each."""
    return " + ".join(
        type(one).__name__ for one in (layer.layers if isinstance(layer, Composed) else [layer])
    )
