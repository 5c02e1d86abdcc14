"""How a network is made of what a model file says of it.

Nothing of a network is made before it is known to be small enough.
"""

from collections.abc import Callable, Mapping
from typing import Any

from minicnn.errors import ModelFileError, did_you_mean
from minicnn.layers import LAYERS
from minicnn.layers.input import InputLayer
from minicnn.network.clone import replayed
from minicnn.network.graph import Row
from minicnn.saving import nodes, structure
from minicnn.saving.fields import check, make
from minicnn.saving.model_file import Stored
from minicnn.saving.structure import CHAIN, GRAPH, check_class_names
from minicnn.types import Shape


def check_model(model: Any) -> None:
    """Raise ModelFileError unless what a file says of a model has the fields that it must have."""
    check(model, "graph" if isinstance(model, dict) and "nodes" in model else "model")


def made(
    model: dict[str, Any],
    classes: Mapping[str, Callable[..., Any]],
    known: Mapping[str, type],
    stored: Mapping[str, Stored] | None,
) -> Any:
    """The network that a file describes, with room for the weights that it holds, or for any, where
    there is no file (None).

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
    """What of a file has been made.

    Attributes:
        shapes: of the weights in the file, by their layer's path and their name.
        made: layers and networks by path, as they are finished.
        calls: of networks, written out, by id.
    """

    def __init__(
        self,
        classes: Mapping[str, Callable[..., Any]],
        known: Mapping[str, type],
        stored: Mapping[str, Stored] | None,
        dtype: str,
    ):
        self.classes, self.known, self.dtype = classes, known, dtype
        shapes: dict[str, dict[str, Shape]] = {}
        for name, array in (stored or {}).items():
            path, _, weight = name.rpartition("/")
            shapes.setdefault(path, {})[weight] = array.shape
        self.shapes = None if stored is None else shapes
        self.made: dict[str, Any] = {}
        self.calls: dict[int, int] = {}
        self.layers = self.written_out = 0

    def network(
        self, config: dict[str, Any], path: str, depth: int, options: dict[str, Any]
    ) -> Any:
        self.layers += len(config["layers"])
        if self.layers > structure.MOST_LAYERS:
            raise ModelFileError(
                f"the model file expected at most {structure.MOST_LAYERS:,} layers, "
                f"received {self.layers:,}"
            )
        if depth > structure.DEEPEST:
            raise ModelFileError(
                f"the model file expected at most {structure.DEEPEST} models in one another, "
                "received more"
            )
        layers = [self.entry(entry, path, depth) for entry in config["layers"]]
        rows = nodes.rows_of(config["nodes"], nodes.by_name(layers)) if "nodes" in config else []
        called = [row.layer for n, row in enumerate(rows) if row.call == n] if rows else layers
        calls = sum(self.calls.get(id(one), 1) for one in called if not isinstance(one, InputLayer))
        self.written_out += calls
        if self.written_out > structure.MOST_CALLS:
            raise ModelFileError(
                f"the model file expected at most {structure.MOST_CALLS:,} calls of layers, "
                "received more"
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
            nodes.check_number(n, len(rows), "inputs and outputs")
        if not all(isinstance(rows[n].layer, InputLayer) for n in inputs):
            raise ModelFileError(
                "the model file expected inputs that are InputLayers, received nodes "
                f"{inputs!r:.60}"
            )
        calls = replayed(rows)
        ends: Any = [calls[n] for n in listed] if isinstance(listed, list) else calls[listed]
        if isinstance(outputs, dict):
            ends = dict(zip(outputs, ends, strict=True))
        network = self.classes[GRAPH]([calls[n] for n in inputs], ends, **options)
        found, expected = ([layer.name for layer in some] for some in (layers, network.layers))
        if found != expected:
            raise ModelFileError(
                f"the model file lists {', '.join(found):.200} of {network.name!r:.60}, expected "
                "the layers that its outputs come from, the farthest first: "
                f"{', '.join(expected):.200}"
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
            if self.shapes is not None:
                shapes = self.shapes.get(f"{path}{layer.name}", {})
                layer.stored = {f"{layer.name}/{weight}": shape for weight, shape in shapes.items()}
        self.made[f"{path}{layer.name}"] = layer
        return layer


def input_shape(model: dict[str, Any]) -> tuple[int | None, ...]:
    """(None, H, W, C). Raises ModelFileError for anything else."""
    batch, *sample = model["input_shape"] or [0]
    if batch is not None or not sample or not all(isinstance(n, int) and n > 0 for n in sample):
        received = model["input_shape"]
        raise ModelFileError(
            f"the model file expected an input_shape such as (None, 32, 32, 3), received {received}"
        )
    return (batch, *sample)
