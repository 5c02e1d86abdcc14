"""How a model file says which layers a network has and how they are joined.

description.py has the words, nodes.py those of a graph's joints; restoring.py makes a network of
them.
"""

from typing import Any

from minicnn.layers.input import InputLayer
from minicnn.network import Network
from minicnn.saving import nodes
from minicnn.saving.fields import class_and_config

MOST_LAYERS = 5000
MOST_CALLS = 10_000  # of layers, when all that is inside is written out where it is called
DEEPEST = 20  # models in one another
CHAIN, GRAPH = "Sequential", "Model"  # classes of networks: what may be written of them


def described(network: Network) -> dict[str, Any]:
    """Its layers and how they are joined. Raises ValueError where that could not be read again."""
    return _Writing(network.name).network(network, "", 1)


class _Writing:
    """Where a description is.

    Attributes:
        paths: by the ids of layers and networks that have been described.
        calls: of a network, written out, likewise.
        layers, written_out: how many there are in all.
    """

    def __init__(self, owner: str):
        self.owner = owner
        self.paths: dict[int, str] = {}
        self.calls: dict[int, int] = {}
        self.layers = self.written_out = 0

    def network(self, network: Network, path: str, depth: int) -> dict[str, Any]:
        names = [layer.name for layer in network.layers]
        if len(set(names)) < len(names) or any("/" in name for name in names):
            raise ValueError(
                f"{network.name!r} expected layers with different names without '/', received "
                f"{names}"
            )
        if depth > DEEPEST:
            raise ValueError(
                f"a model file has room for {DEEPEST} models in one another, {self.owner!r} has "
                "more"
            )
        self.layers += len(names)
        if self.layers > MOST_LAYERS:
            raise ValueError(
                f"a model file has room for {MOST_LAYERS:,} layers, received {self.layers:,}"
            )
        rows = [] if network.is_chain else network.rows()
        layers = [self.entry(layer, f"{path}{layer.name}", depth) for layer in network.layers]
        called = (
            network.layers
            if network.is_chain
            else [row.layer for n, row in enumerate(rows) if row.call == n]
        )
        self.calls[id(network)] = sum(
            self.calls.get(id(one), 1) for one in called if not isinstance(one, InputLayer)
        )
        self.written_out += self.calls[id(network)]
        if self.written_out > MOST_CALLS:
            raise ValueError(
                f"a model file has room for {MOST_CALLS:,} calls of layers, {self.owner!r} has more"
            )
        if network.is_chain:
            return {"input_shape": network.input_shape, "layers": layers}
        inputs, outputs = network.ends()
        return {
            "layers": layers,
            "nodes": [nodes.described(n, row) for n, row in enumerate(rows)],
            "inputs": inputs,
            "outputs": network.in_form(outputs),
        }

    def entry(self, layer: Any, path: str, depth: int) -> dict[str, Any]:
        if id(layer) in self.paths:
            return {"shared": self.paths[id(layer)]}
        if isinstance(layer, Network):
            config: dict[str, Any] = {"name": layer.name}
            if layer.is_seeded:
                config["seed"] = layer.seed
            if layer.class_names is not None:
                config["class_names"] = [str(name) for name in layer.class_names]
            config |= self.network(layer, f"{path}/", depth + 1)
            found = {"class": CHAIN if layer.is_chain else GRAPH, "config": config}
        else:
            found = class_and_config(layer)
        self.paths[id(layer)] = path
        return found


def check_class_names(network: Network) -> None:
    """Raise ValueError for names that are not as many as its output has classes."""
    names = network.class_names
    if names is not None and len(network.outputs) == 1 and len(names) != network.classes:
        raise ValueError(
            f"{network.name!r} has {network.classes} outputs and expected as many class_names, "
            f"received {names}"
        )
