"""What each layer of a network makes, one after the other, as the layers compute it."""

from collections.abc import Iterator
from typing import Any

from minicnn.layers.base import Layer
from minicnn.network.graph import Call, Program
from minicnn.network.network import Network
from minicnn.network.places import Places
from minicnn.types import Array


def by_layer(program: Program, x: Any, training: bool = False) -> Iterator[tuple[Layer, Array]]:
    """Each layer and its output for x, an array or the list of those of several inputs, in the order of the calls.

    The layers are the program's own, or twins of those that are called several times, and run as `forward` does.
    """
    values = dict(enumerate(x if program.inputs > 1 else [x]))
    last = {n: number for number, call in enumerate(program.calls) for n in call.reads}
    for number, call in enumerate(Places(program.calls).calls):
        trains = training if call.training is None else call.training
        values[call.writes] = call.layer.forward(given(call, values), training=trains)
        for n in set(call.reads):
            if last[n] == number:  # nobody else reads it
                del values[n]
        yield call.layer, values[call.writes]


def given(call: Call, values: dict[int, Array]) -> Any:
    """What a call takes: a value, or the list of several."""
    several = [values[n] for n in call.reads]
    return several if call.layer.takes_several else several[0]


def paths(model: Network) -> list[str]:
    """The path of each call's layer, "backbone/conv2d", in the order in which they run."""
    names = {id(layer): path for path, layer in model.leaves.items()}
    return [names[id(call.layer)] for call in model.program().calls]
