"""A network like another: of layers made anew, or of the same layers, called once more on other
symbolic tensors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from minicnn.layers.base import Layer
from minicnn.layers.input import InputLayer
from minicnn.layers.node import Node
from minicnn.network.graph import Row
from minicnn.network.network import Network

Kind = TypeVar("Kind", bound=Network)


def clone(
    network: Kind, change: Callable[[Layer], Layer | None] = Layer.clone, **options: Any
) -> Kind:
    """A network of the same structure, with fresh weights, which its seed determines.

    What is shared in the one is shared in the other: every layer and every model inside is made
    once.

    Args:
        change: makes the layer for the place of another; None leaves one of a single input out.
        options: name, seed, dtype and class_names, where they shall be others.
    """
    return _Cloning(change).network(network, {"seed": network.seed} | options)


class _Cloning:
    def __init__(self, change: Callable[[Layer], Layer | None]):
        self.change = change
        self.made: dict[int, Any] = {}  # by the id of what it is made of

    def network(self, network: Kind, options: dict[str, Any]) -> Kind:
        usual = {
            "name": network.name,
            "dtype": network.dtype.name,
            "class_names": network.class_names,
        } | options
        inside = {"dtype": usual["dtype"]}
        copy = network._like(lambda thing: self.part(thing, inside), usual)
        copy.engine = network.engine
        return copy

    def part(self, thing: Any, options: dict[str, Any]) -> Any:
        """What takes the place of a layer or of a model inside; None for nothing."""
        if id(thing) not in self.made:
            if isinstance(thing, Network):
                seed = thing.seed if thing.is_seeded else None
                copy: Any = self.network(thing, {"seed": seed} | options)
                copy = copy if copy.leaves else None
            else:
                copy = thing.clone() if isinstance(thing, InputLayer) else self.change(thing)
            self.made[id(thing)] = copy
        return self.made[id(thing)]


def continued(network: Network, inputs: Sequence[Node]) -> list[Node]:
    """The outputs of a network's layers, called on other symbolic tensors of its inputs' shapes."""
    places, ends = network.ends()
    nodes = replayed(network.rows(), dict(zip(places, inputs, strict=True)))
    return [nodes[n] for n in ends]


def replayed(rows: Sequence[Row], given: Mapping[int, Node] | None = None) -> list[Node]:
    """The nodes of a table's rows, by calling their layers; a row without a layer hands on what it
    takes.

    given: symbolic tensors in the place of rows, by their numbers.
    """
    made: list[Node] = []
    outcomes: dict[int, list[Node]] = {}  # by call
    for n, row in enumerate(rows):
        if given and n in given:
            made.append(given[n])
        elif isinstance(row.layer, InputLayer):
            made.append(row.layer.entrance)
        elif row.layer is None:
            made.append(made[row.inputs[0]])
        else:
            if row.call not in outcomes:
                outcome = row.layer(_argument(row, made), training=row.training)
                outcomes[row.call] = outcome if isinstance(outcome, list) else [outcome]
            made.append(outcomes[row.call][row.output])
    return made


def _argument(row: Row, made: Sequence[Node]) -> Any:
    several = isinstance(row.layer, Layer) and row.layer.takes_several
    x = [made[n] for n in row.inputs]
    return x if several or len(x) > 1 else x[0]
