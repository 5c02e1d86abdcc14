"""A model without models inside: their layers are its own.

Keras 2 numbers the calls of a model inside from 1, Keras 3 from 0, so that no .h5 file with one
opens in both.
"""

from typing import Any

from minicnn.saving.keras.joints import Graph, Reference
from minicnn.saving.keras.layers import weights_of
from minicnn.saving.keras.parts import Part

Config = dict[str, Any]
MODELS = ("Sequential", "Model")


def flattened(kind: str, model: Config) -> tuple[str, Config, Part]:
    """A model that description.py describes, as Sequential or Model of layers alone, and its parts;
    layers of models inside have those models' names before their own.
    """
    found = _Flattening()
    if kind == "Sequential" and not _has_graph(model):
        found.chain(model, "")
        layers = list(found.layers.values())
        made = model | {"layers": layers}
    else:
        kind, made = "Model", found.whole(kind, model)
        layers = made["layers"]
    parts = tuple(found.part(layer) for layer in layers)
    return kind, made, Part(model["name"], "", kind, parts=parts)


def _has_graph(model: Config) -> bool:
    return any(
        one["class"] == "Model" or one["class"] == "Sequential" and _has_graph(one["config"])
        for one in model["layers"]
    )


class _Flattening:
    """The layers that have been met: by their path in the model, under new names, and what each is
    called on, and with which training.
    """

    def __init__(self) -> None:
        self.layers: dict[str, Config] = {}
        self.paths: dict[str, str] = {}  # by new name
        self.calls: dict[str, list[list[Reference]]] = {}
        self.modes: dict[tuple[str, int], bool] = {}

    def part(self, layer: Config) -> Part:
        config, kind = layer["config"], layer["class"]
        path, trainable = self.paths[config["name"]], config.get("trainable", True)
        return Part(config["name"], path, kind, weights_of(kind, config), trainable)

    def chain(self, model: Config, path: str) -> None:
        """The layers of a chain of chains."""
        for entry in model["layers"]:
            here = f"{path}{entry['config']['name']}"
            if entry["class"] in MODELS:
                self.chain(entry["config"], f"{here}/")
            else:
                self.layer(entry, here)

    def whole(self, kind: str, model: Config) -> Config:
        if kind == "Sequential":
            shape = model["input_shape"][1:]
            name = f"{model['name']}_input"
            inputs = [self.begin({"class": "InputLayer", "config": {"shape": shape, "name": name}})]
        else:
            entries = {one["config"]["name"]: one for one in model["layers"]}
            inputs = [self.begin(entries[model["nodes"][n]["layer"]]) for n in model["inputs"]]
        ends: Any = self.expand(kind, model, "", inputs, None)
        form = model.get("outputs")
        if isinstance(form, dict):
            ends = dict(zip(form, ends, strict=True))
        layers = {one["config"]["name"]: one for one in self.layers.values()}
        graph = Graph(layers, self.calls, self.modes)
        one = len(ends) == 1 and not isinstance(ends, dict)
        about = {key: model[key] for key in ("name", "dtype")}
        return about | graph.described(inputs, ends[0] if one else ends)

    def begin(self, entry: Config) -> Reference:
        name = self.layer(entry, entry["config"]["name"])
        self.calls[name] = [[]]
        return (name, 0, 0)

    def expand(
        self,
        kind: str,
        model: Config,
        path: str,
        inputs: list[Reference],
        training: bool | None,
    ) -> list[Reference]:
        """Call a model's layers on those inputs; its outputs."""
        if kind == "Sequential":
            at = inputs
            for entry in model["layers"]:
                at = self.place(entry, path, at, training)
            return at
        entries = {one["config"]["name"]: one for one in model["layers"]}
        made: list[list[Reference]] = []  # outputs of the call of each node
        values: list[Reference] = []
        for number, node in enumerate(model["nodes"]):
            if number in model["inputs"]:
                made.append([inputs[model["inputs"].index(number)]])
            elif "call" in node:
                made.append(made[node["call"]])
            else:
                reads = [values[n] for n in node.get("inputs", [number - 1])]
                mode = node.get("training", training)
                made.append(self.place(entries[node["layer"]], path, reads, mode))
            values.append(made[-1][node.get("index", 0)])
        form = model["outputs"]
        ends = list(form.values()) if isinstance(form, dict) else form
        return [values[n] for n in (ends if isinstance(ends, list) else [ends])]

    def place(
        self, entry: Config, path: str, reads: list[Reference], training: bool | None
    ) -> list[Reference]:
        """Call a layer, or a model's layers."""
        here = f"{path}{entry['config']['name']}"
        if entry["class"] in MODELS:
            return self.expand(entry["class"], entry["config"], f"{here}/", reads, training)
        name = self.layer(entry, here)
        calls = self.calls.setdefault(name, [])
        if training is not None:
            self.modes[name, len(calls)] = training
        calls.append(reads)
        return [(name, len(calls) - 1, 0)]

    def layer(self, entry: Config, path: str) -> str:
        """The name of the layer at that path, which becomes one of the model's."""
        if path not in self.layers:
            name = path.replace("/", "_")
            while name in self.paths:
                name += "_"
            self.paths[name] = path
            self.layers[path] = entry | {"config": entry["config"] | {"name": name}}
        return self.layers[path]["config"]["name"]
