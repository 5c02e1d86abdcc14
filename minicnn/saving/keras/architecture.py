"""What a file of Keras says of a model's layers, in minicnn's words."""

from typing import Any, NamedTuple

from minicnn.errors import ModelFileError
from minicnn.saving.keras import joints, layers, operations
from minicnn.saving.keras.joints import Call, Reference
from minicnn.saving.keras.layers import MODELS
from minicnn.saving.keras.parts import Part

Config = dict[str, Any]
GRAPHS = ("Functional", "Model")


class Translated(NamedTuple):
    """A model.

    description: as in minicnn's files.
    parts: what Keras' files of weights tell apart.
    """

    description: Config
    parts: Part


def translated(model: dict[str, Any], generation: int) -> Translated:
    """The model that a file describes. Raises ModelFileError where minicnn cannot say the same, or
    what `description.refusing` takes for it.
    """
    kind = model.get("class_name")
    if kind not in MODELS:
        raise ModelFileError(
            f"the file holds {kind!r:.60}, expected a Sequential or a Functional model of Keras: "
            "what a subclass of Model does is not in its file"
        )
    found = _Reading(generation).model(model, "")
    about = {"name": found.parts.name, "dtype": dtype_of(model), "seed": 0, "class_names": None}
    return found._replace(description=about | found.description)


def dtype_of(model: Config) -> str:
    """float64 where all that has a type has that one."""
    types: set[str] = set()
    rest: list[Any] = [model["config"]]
    while rest:
        one = rest.pop()
        for layer in one if isinstance(one, list) else one["layers"]:
            config = layer["config"]
            if layer["class_name"] in MODELS:
                rest.append(config)
            elif "dtype" in config:
                policy = config["dtype"]
                types.add(str(policy["config"]["name"] if isinstance(policy, dict) else policy))
    return "float64" if types == {"float64"} else "float32"


class _Reading:
    """A file that is read; generation: of the Keras that wrote it."""

    def __init__(self, generation: int):
        self.generation = generation

    def model(self, model: Config, path: str) -> Translated:
        config = model["config"]
        if model["class_name"] in GRAPHS:
            return self.graph(config, path)
        if isinstance(config, list):  # before Keras 2.2.3
            config = {"name": "sequential", "layers": config}
        return self.chain(config, path)

    def entry(self, layer: Config, name: str, path: str) -> tuple[Config, Part]:
        """A layer, or a model inside: what minicnn's file says of it, and its part."""
        kind, own = layer["class_name"], name.replace("/", "_")
        here = f"{path}{own}"
        if kind in MODELS:
            inner = self.model(layer, f"{here}/")
            whole: Config = {"name": own} | inner.description
            return {
                "class": "Sequential" if kind == "Sequential" else "Model",
                "config": whole,
            }, inner.parts._replace(name=name, path=here)
        made = layers.translated(own, kind, layer["config"], self.generation)
        weights = layers.weights_of(kind, layer["config"])
        return made, Part(name, here, kind, weights, made["config"].get("trainable", True))

    # Sequential

    def chain(self, config: Config, path: str) -> Translated:
        listed = config["layers"]
        found, parts = [], []
        for number, layer in enumerate(listed):
            if layer["class_name"] == "InputLayer":
                if number:
                    raise ModelFileError("the file has an InputLayer inside a Sequential")
                continue
            made, part = self.entry(layer, name_of(layer, number), path)
            found.append(made)
            parts.append(part)
        name = str(config.get("name", "sequential"))
        return Translated(
            {"input_shape": [None, *input_shape(config)], "layers": found},
            Part(name, path, "Sequential", parts=tuple(parts)),
        )

    # Functional

    def graph(self, config: Config, path: str) -> Translated:
        made: dict[str, Config] = {}
        parts: list[Part] = []
        calls: dict[str, list[Call]] = {}
        for number, layer in enumerate(config["layers"]):
            name = str(layer.get("name") or name_of(layer, number))
            if name in made:
                raise ModelFileError(f"the file has two layers {name!r:.60}")
            calls[name] = [joints.call(one) for one in layer["inbound_nodes"]]
            operands = [operand for one in calls[name] for operand in one.operands]
            if operations.is_operation(layer, operands):
                made[name] = self.operation(name, layer, calls[name])
                calls[name] = [Call(one.operands, {}) for one in calls[name]]
                continue
            made[name], part = self.entry(layer, name, path)
            parts.append(part)
            self.check_calls(name, layer, calls[name])
            if layer["class_name"] == "InputLayer":
                calls[name] = [Call([], {})]
        firsts = first_calls(config, calls)

        def fixed(one: Reference, inner: bool = True) -> Reference:
            return (one[0], one[1] - firsts.get((one[0], inner), 0), one[2])

        reads = {
            name: [[fixed(read) for read in call.reads] for call in of_layer]
            for name, of_layer in calls.items()
        }
        modes = {
            (name, number): bool(call.given["training"])
            for name, of_layer in calls.items()
            for number, call in enumerate(of_layer)
            if call.given.get("training") is not None
        }
        inputs, outputs = joints.ends(config["input_layers"]), joints.ends(config["output_layers"])
        if isinstance(outputs, dict):
            outputs = {key: fixed(one, False) for key, one in outputs.items()}
        else:
            several = [fixed(one, False) for one in joints.listed(outputs)]
            outputs = several if isinstance(outputs, list) else several[0]
        described = joints.Graph(made, reads, modes).described(inputs, outputs)
        name = str(config.get("name", "functional"))
        return Translated(described, Part(name, path, "Functional", parts=tuple(parts)))

    def operation(self, name: str, layer: Config, calls: list[Call]) -> Config:
        kind, own = operations.kind_of(layer), name.replace("/", "_")
        config = layer["config"] if layer["class_name"] not in ("TFOpLambda",) else {}
        found = [operations.as_layer(own, kind, one.operands, config | one.given) for one in calls]
        if not found or any(one != found[0] for one in found):
            raise ModelFileError(
                f"the file calls the operation {name!r:.60} with other numbers each time"
            )
        return found[0]

    @staticmethod
    def check_calls(name: str, layer: Config, calls: list[Call]) -> None:
        """Raise ModelFileError where a layer is called with more than tensors."""
        for call in calls:
            odd = {
                key: value
                for key, value in call.given.items()
                if not _is_none(value) and not (key == "training" and isinstance(value, bool))
            }
            if odd or len(call.reads) != len(call.operands):
                raise ModelFileError(
                    f"minicnn calls layers on tensors alone, the file calls {name!r:.60} of class "
                    f"{layer['class_name']!r:.60} with {odd or call.operands!r:.80}"
                )


def _is_none(value: Any) -> bool:
    """Whether nothing is given, or for several tensors nothing for each."""
    return value is None or isinstance(value, list) and all(one is None for one in value)


def name_of(layer: Config, number: int) -> str:
    """A layer's name, or one by its number, for it has none."""
    config = layer["config"]
    named = config.get("name") if isinstance(config, dict) else None
    return str(named or f"{layer['class_name']}_{number}".lower())


def first_calls(config: Config, calls: dict[str, list[Call]]) -> dict[tuple[str, bool], int]:
    """The number that the first call of each model inside has where layers read it (True), and
    among the outputs (False).
    """
    old = any(isinstance(one, list) for layer in config["layers"] for one in layer["inbound_nodes"])
    read: dict[str, set[int]] = {}
    for of_layer in calls.values():
        for call in of_layer:
            for name, number, _ in call.reads:
                read.setdefault(name, set()).add(number)
    out: dict[str, set[int]] = {}
    for name, number, _ in joints.listed(joints.ends(config["output_layers"])):
        out.setdefault(name, set()).add(number)
    found = {}
    for layer in config["layers"]:
        if layer["class_name"] in MODELS:
            name = str(layer.get("name"))
            count = len(calls[name])
            graph = layer["class_name"] in GRAPHS
            found[name, True] = joints.first_call(count, read.get(name, ()), int(old))
            found[name, False] = joints.first_call(count, out.get(name, ()), int(old or graph))
    return found


def input_shape(config: Config) -> list[int]:
    """The shape of one sample that a Sequential takes. Raises ModelFileError for an open one."""
    while True:
        first = config["layers"][0]
        inner = first["config"]
        known = {"batch_shape": shape} if (shape := built_for(config, first)) else {}
        if first["class_name"] not in MODELS:
            return layers.shape_of(known | inner, f"the model {config.get('name')!r:.60}")
        if isinstance(inner, list):
            inner = {"layers": inner}
        if first["class_name"] in GRAPHS:
            (name, _, _) = joints.listed(joints.ends(inner["input_layers"]))[0]
            begin = next(one for one in inner["layers"] if name_of(one, 0) == name)
            return layers.shape_of(begin["config"], f"the layer {name!r:.60}")
        config = {"build_input_shape": known.get("batch_shape")} | inner


def built_for(config: Config, first: Config) -> Any:
    """What a Sequential, or its first layer, was built for, if the file says so."""
    return config.get("build_input_shape") or (first.get("build_config") or {}).get("input_shape")
