"""How a model file says which layers a network has and how they are joined, and how the network is
made of that.

description.py has the words. A number of a node is believed when it is that of one before, so that
there is no circle, and nothing of a network is made before it is known to be small enough.
"""

from collections.abc import Callable, Mapping
from typing import Any

from minicnn.errors import ModelFileError, did_you_mean
from minicnn.layers import LAYERS
from minicnn.layers.input import InputLayer
from minicnn.network import Network
from minicnn.network.clone import replayed
from minicnn.network.graph import Row
from minicnn.saving.fields import check, class_and_config, make
from minicnn.saving.model_file import Stored
from minicnn.types import Shape

MOST_LAYERS = 5000
MOST_CALLS = 10_000  # of layers, when all that is inside is written out where it is called
DEEPEST = 20  # models in one another
CHAIN, GRAPH = "Sequential", "Model"  # classes of networks: what may be written of them


# From a network


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
        nodes = [_node(n, row) for n, row in enumerate(rows)]
        return {
            "layers": layers,
            "nodes": nodes,
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


def _node(number: int, row: Row) -> dict[str, Any]:
    node: dict[str, Any] = {"layer": row.layer.name}
    if row.call != number:
        node["call"] = row.call
    else:
        if row.inputs and row.inputs != (number - 1,):
            node["inputs"] = list(row.inputs)
        if row.training is not None:
            node["training"] = row.training
    return node | ({"index": row.output} if row.output else {})


# From a file


def check_model(model: Any) -> None:
    """Raise ModelFileError unless what a file says of a model has the fields that it must have."""
    check(model, "graph" if isinstance(model, dict) and "nodes" in model else "model")


def made(
    model: dict[str, Any],
    classes: Mapping[str, Callable[..., Any]],
    known: Mapping[str, type],
    stored: Mapping[str, Stored],
) -> Any:
    """The network that a file describes, with room for the weights that it holds.

    Args:
        classes: "Sequential" and "Model".
        known: classes of layers that the file may name beside minicnn's.

    Raises ModelFileError, or what `refusing` takes for it.
    """
    check_model(model)
    options = {name: model.get(name) for name in ("name", "seed", "dtype", "class_names")}
    reading = _Reading(classes, {**LAYERS, **known}, stored, model["dtype"])
    network = reading.network(model, "", 1, options)
    for layer in network.leaves.values():
        layer.stored = None
    return network


class _Reading:
    """
    Attributes:
        shapes: of the weights in the file, by their layer's path and their name.
        made: layers and networks by path, as they are finished.
        calls: of networks, written out, by id.
    """

    def __init__(
        self,
        classes: Mapping[str, Callable[..., Any]],
        known: Mapping[str, type],
        stored: Mapping[str, Stored],
        dtype: str,
    ):
        self.classes, self.known, self.dtype = classes, known, dtype
        self.shapes: dict[str, dict[str, Shape]] = {}
        for name, array in stored.items():
            path, _, weight = name.rpartition("/")
            self.shapes.setdefault(path, {})[weight] = array.shape
        self.made: dict[str, Any] = {}
        self.calls: dict[int, int] = {}
        self.layers = self.written_out = 0

    def network(
        self, config: dict[str, Any], path: str, depth: int, options: dict[str, Any]
    ) -> Any:
        self.layers += len(config["layers"])
        if self.layers > MOST_LAYERS:
            raise ModelFileError(
                f"the model file expected at most {MOST_LAYERS:,} layers, received {self.layers:,}"
            )
        if depth > DEEPEST:
            raise ModelFileError(
                f"the model file expected at most {DEEPEST} models in one another, received more"
            )
        layers = [self.entry(entry, path, depth) for entry in config["layers"]]
        rows = _rows(config["nodes"], _by_name(layers)) if "nodes" in config else []
        called = [row.layer for n, row in enumerate(rows) if row.call == n] if rows else layers
        calls = sum(self.calls.get(id(one), 1) for one in called if not isinstance(one, InputLayer))
        self.written_out += calls
        if self.written_out > MOST_CALLS:
            raise ModelFileError(
                f"the model file expected at most {MOST_CALLS:,} calls of layers, received more"
            )
        if "nodes" in config:
            network = self.graph(config, layers, rows, options)
        else:
            network = self.classes[CHAIN](**options)
            for layer in layers:
                network.add(layer)
            network.build(input_shape(config))
        self.calls[id(network)] = calls
        return network

    def graph(
        self, config: dict[str, Any], layers: list[Any], rows: list[Row], options: dict[str, Any]
    ) -> Any:
        inputs, outputs = config["inputs"], config["outputs"]
        listed = list(outputs.values()) if isinstance(outputs, dict) else outputs
        for n in [*inputs, *(listed if isinstance(listed, list) else [listed])]:
            _check_number(n, len(rows), "inputs and outputs")
        if not all(isinstance(rows[n].layer, InputLayer) for n in inputs):
            raise ModelFileError(
                "the model file expected inputs that are InputLayers, received nodes "
                f"{inputs!r:.60}"
            )
        nodes = replayed(rows)
        ends: Any = [nodes[n] for n in listed] if isinstance(listed, list) else nodes[listed]
        if isinstance(outputs, dict):
            ends = dict(zip(outputs, ends, strict=True))
        network = self.classes[GRAPH]([nodes[n] for n in inputs], ends, **options)
        found, expected = ([layer.name for layer in some] for some in (layers, network.layers))
        if found != expected:
            raise ModelFileError(
                f"the model file lists {', '.join(found):.200} of {network.name!r:.60}, expected "
                "the layers that its "
                f"outputs come from, the farthest first: {', '.join(expected):.200}"
            )
        return network

    def entry(self, entry: dict[str, Any], path: str, depth: int) -> Any:
        """A layer, or a network inside."""
        if "shared" in entry:
            check(entry, "shared")
            if entry["shared"] not in self.made:
                raise ModelFileError(
                    f"the model file shares {entry['shared']!r:.60}, expected a layer that it has "
                    "described before."
                    f"{did_you_mean(entry['shared'][:60], self.made)}"
                )
            return self.made[entry["shared"]]
        check(entry, "class")
        if entry["class"] in self.classes:
            config = entry["config"]
            check(config, "graph inside" if entry["class"] == GRAPH else "model inside")
            options = {name: config.get(name) for name in ("name", "seed", "class_names")}
            layer: Any = self.network(
                config, f"{path}{config['name']}/", depth + 1, options | {"dtype": self.dtype}
            )
            check_class_names(layer)
        else:
            layer = make(entry, self.known, "layer")
            shapes = self.shapes.get(f"{path}{layer.name}", {})
            layer.stored = {f"{layer.name}/{weight}": shape for weight, shape in shapes.items()}
        self.made[f"{path}{layer.name}"] = layer
        return layer


def _by_name(layers: list[Any]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for layer in layers:
        if not layer.name or "/" in layer.name or layer.name in names:
            raise ModelFileError(
                f"the model file has a layer {layer.name!r:.60}: names must be unique in a model "
                "and have no '/'"
            )
        names[layer.name] = layer
    return names


def _rows(nodes: list[dict[str, Any]], layers: Mapping[str, Any]) -> list[Row]:
    """A graph's nodes as rows. Raises ModelFileError unless each takes nodes before it."""
    rows: list[Row] = []
    for number, node in enumerate(nodes):
        check(node, "node")
        layer = layers.get(node["layer"])
        if layer is None:
            raise ModelFileError(
                f"the model file has node {number} of the unknown layer {node['layer']!r:.60}."
                f"{did_you_mean(node['layer'][:60], layers)}"
            )
        call, index = node.get("call", number), node.get("index", 0)
        again = "call" in node
        if again:
            _check_number(call, number, f"the call of node {number}")
        first = rows[call] if again else None
        begins = isinstance(layer, InputLayer)
        inputs = (
            first.inputs if first else () if begins else tuple(node.get("inputs", [number - 1]))
        )
        for n in inputs:
            _check_number(n, number, f"node {number}")
        outputs = len(layer.outputs) if isinstance(layer, Network) else 1
        _check_number(index, outputs, f"the index of node {number}")
        extra = {"inputs", "training"} & node.keys() if again or begins else set()
        if (
            extra
            or again
            and (begins or first is None or first.layer is not layer or first.call != call)
        ):
            raise ModelFileError(
                f"the model file has a node {number} that is no call of {layer}: {node!r:.60}"
            )
        if not inputs and not begins:
            raise ModelFileError(
                f"the model file has {layer} called on nothing in node {number}: {node!r:.60}"
            )
        training = first.training if first else node.get("training")
        rows.append(Row(layer, inputs, training, call, index))
    return rows


def _check_number(n: Any, end: int, where: str) -> None:
    if type(n) is not int or not 0 <= n < end:
        raise ModelFileError(
            f"the model file expected a number from 0 to {end - 1} for {where}, received {n!r:.60}"
        )


def input_shape(model: dict[str, Any]) -> tuple[int | None, ...]:
    """(None, H, W, C). Raises ModelFileError for anything else."""
    batch, *sample = model["input_shape"] or [0]
    if batch is not None or not sample or not all(isinstance(n, int) and n > 0 for n in sample):
        received = model["input_shape"]
        raise ModelFileError(
            f"the model file expected an input_shape such as (None, 32, 32, 3), received {received}"
        )
    return (batch, *sample)


def check_class_names(network: Network) -> None:
    """Raise ValueError for names that are not as many as its output has classes."""
    names = network.class_names
    if names is not None and len(network.outputs) == 1 and len(names) != network.classes:
        raise ValueError(
            f"{network.name!r} has {network.classes} outputs and expected as many class_names, "
            f"received {names}"
        )
