"""minicnn's layers in Keras' words: those of Keras 3, or those of Keras 2, which every Keras
understands.
"""

from typing import Any

from minicnn.saving.keras.layers import KINDS, SLOPE

Config = dict[str, Any]
# arguments that only say how an average begins or how a picture is filled up before it is cropped
LEFT_OUT = {("BatchNormalization", "warmup")}
ONLY = {
    ("RandomCrop", "padding"): 0,
    ("RandomCrop", "padding_mode"): "reflect",
    ("RandomFlip", "alternate"): False,
}
# Keras 2 knows no such argument, and does what these say
OF_KERAS_3 = {("RandomContrast", "value_range"): [0, 255]}
NEW_LAYERS = ("RandomErasing",)
SAME = "elu exponential gelu linear relu selu sigmoid softmax softplus softsign swish tanh".split()
ACTIVATIONS_OF_2 = {name: name for name in SAME} | {"silu": "swish"}


class Telling:
    """Keras' words for the layers of a model.

    Args:
        old: those of Keras 2.
        dtype: of the model.
    """

    def __init__(self, old: bool, dtype: str):
        self.old, self.dtype = old, dtype

    def layer(self, kind: str, config: Config) -> Config:
        """A layer: its class, its arguments, and around them what Keras wants.

        Raises ValueError for one that Keras has not.
        """
        who = f"{kind} {config['name']!r}"
        if kind == "GELU" and not config.get("approximate"):
            kind, config = "Activation", self._plain(config) | {"activation": "gelu"}
        if KINDS.get(kind) is None or KINDS[kind].layer != kind:
            raise ValueError(f"Keras has no layer {who}: export the model without it")
        if self.old and kind in NEW_LAYERS:
            raise ValueError(f"Keras 2 has no layer {who}: export to .keras")
        if kind == "InputLayer":
            shape = {"batch_input_shape" if self.old else "batch_shape": [None, *config["shape"]]}
            return self.around(kind, shape | {"dtype": self.dtype, "name": config["name"]})
        told = {"dtype": self.dtype}
        for argument, value in config.items():
            if ONLY.get((kind, argument), value) != value:
                raise ValueError(f"Keras cannot say what {who} does, {argument}={value!r}")
            known = {(kind, argument)} & {*LEFT_OUT, *ONLY}
            if value is None or known or self.old and (kind, argument) in OF_KERAS_3:
                continue
            if argument == "trainable" and (value or not KINDS[kind].weights):
                continue  # SpatialDropout2D does not even take it
            name = argument
            if self.old and kind == "LeakyReLU":
                name = {own: theirs for theirs, own in SLOPE}.get(argument, argument)
            told[name] = self.value(argument, value, who)
        return self.around(kind, told)

    @staticmethod
    def _plain(config: Config) -> Config:
        return {key: config[key] for key in ("name", "trainable") if key in config}

    def around(self, kind: str, config: Config) -> Config:
        if self.old:
            return {"class_name": kind, "config": config}
        return self.thing("keras.layers", kind, config)

    def thing(self, module: str, kind: str, config: Config) -> Config:
        """A class of Keras' and its arguments."""
        if self.old:
            return {"class_name": kind, "config": config}
        return {"module": module, "class_name": kind, "config": config, "registered_name": None}

    def value(self, argument: str, value: Any, who: str) -> Any:
        if argument == "activation":
            return self.activation(value, who)
        for ending in ("initializer", "regularizer", "constraint"):
            if argument.endswith(f"_{ending}") and isinstance(value, dict):
                return self.thing(f"keras.{ending}s", value["class_name"], value["config"])
        return value

    def activation(self, value: Any, who: str) -> Any:
        """An activation. Raises ValueError for one that Keras cannot say so."""
        if isinstance(value, dict):
            if self.old or value["class"] == "GELU":
                advice = "export to .keras" if self.old else "put a layer in its place"
                raise ValueError(
                    f"Keras{' 2' * self.old} cannot say what {who} does, activation={value}: "
                    f"{advice}"
                )
            return self.thing("keras.layers", value["class"], value["config"])
        if self.old and value not in ACTIVATIONS_OF_2:
            raise ValueError(
                f"Keras 2 has no activation {value!r} as Keras 3 and {who} have it: export to "
                ".keras"
            )
        return ACTIVATIONS_OF_2[value] if self.old else value

    # Models

    def model(self, kind: str, model: Config, shapes: Any) -> Config:
        """A model, whole or inside another, of which description.py speaks.

        shapes: of one sample at every node of a graph, and shapes of models inside, by name.
        """
        if kind == "Sequential":
            shape = list(model["input_shape"][1:])
            begin = {"name": f"{model['name']}_input", "shape": shape}
            told = [self.layer("InputLayer", begin)]
            told += [self.entry(one, shapes) for one in model["layers"]]
            config = {"name": model["name"], "layers": told}
            if self.old:
                return {"class_name": "Sequential", "config": config}
            return self.thing("keras", "Sequential", config)
        config = {"name": model["name"]} | self.graph(model, shapes)
        if self.old:
            return {"class_name": "Functional", "config": config}
        return self.thing("keras.src.models.functional", "Functional", config)

    def entry(self, entry: Config, shapes: Any) -> Config:
        kind, config = entry["class"], entry["config"]
        if kind in ("Sequential", "Model"):
            return self.model(kind, config, shapes[1].get(config["name"]))
        return self.layer(kind, config)

    def graph(self, model: Config, shapes: Any) -> Config:
        nodes, entries = model["nodes"], {one["config"]["name"]: one for one in model["layers"]}
        calls: dict[str, list[Any]] = {name: [] for name in entries}
        places: list[tuple[str, int, int]] = []  # layer, number of its call, which output
        for number, node in enumerate(nodes):
            name = node["layer"]
            if "call" in node:
                places.append((name, places[node["call"]][1], node.get("index", 0)))
                continue
            places.append((name, len(calls[name]), node.get("index", 0)))
            inputs = node.get("inputs", [number - 1])
            is_input = entries[name]["class"] == "InputLayer"
            calls[name].append(() if is_input else (inputs, node.get("training")))
        told = []
        for name, entry in entries.items():
            inbound = [self.call(entry, call, places, shapes) for call in calls[name] if call]
            told.append(self.entry(entry, shapes) | {"name": name, "inbound_nodes": inbound})

        def end(n: int) -> list[Any]:
            name, call, index = places[n]
            # among the outputs, Keras 3 counts a call of its own for models inside
            return [name, call + (entries[name]["class"] == "Model"), index]

        def ends(found: Any) -> Any:
            if isinstance(found, dict):
                return {key: end(n) for key, n in found.items()}
            several = [end(n) for n in (found if isinstance(found, list) else [found])]
            return several[0] if not self.old and len(several) == 1 else several

        return {
            "layers": told,
            "input_layers": ends(model["inputs"]),
            "output_layers": ends(model["outputs"]),
        }

    def call(
        self,
        entry: Config,
        call: tuple[list[int], bool | None],
        places: list[tuple[str, int, int]],
        shapes: Any,
    ) -> Any:
        """One entry of inbound_nodes."""
        inputs, training = call
        given = {} if training is None else {"training": training}
        if self.old:
            return [
                [name, number, index, given] for name, number, index in (places[n] for n in inputs)
            ]
        told = [
            {
                "class_name": "__keras_tensor__",
                "config": {
                    "shape": [None, *shapes[0][n]],
                    "dtype": self.dtype,
                    "keras_history": list(places[n]),
                },
            }
            for n in inputs
        ]
        several = len(told) > 1 or entry["class"] in (
            "Add Average Concatenate Maximum Minimum Multiply Subtract".split()
        )
        return {"args": [told] if several else told, "kwargs": given}
