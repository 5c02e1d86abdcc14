"""Files of Keras, written."""

import io
import json
from typing import Any

import numpy as np

from minicnn.network import Network
from minicnn.saving import atomic, description
from minicnn.saving import weights as saved
from minicnn.saving.keras import archive, flattening, memory, parts, training
from minicnn.saving.keras.arrays import NEW
from minicnn.saving.keras.parts import Part
from minicnn.saving.keras.telling import Telling
from minicnn.saving.packages import need
from minicnn.types import Array

# what files say that wrote them: one that has all that is said in them
KERAS_3, KERAS_2 = "3.8.0", "2.13.1"
LONGEST = 64_000  # bytes of an attribute


def write(path: str, model: Network) -> None:
    """Write a model, or with .weights.h5 its weights, for Keras. Raises ValueError for what Keras
    has not, ImportError without h5py.
    """
    need("h5py", "to write files of Keras", "keras")
    import h5py

    config, arrays = saved.contents(model)
    kind = "Sequential" if model.is_chain else "Model"
    whole, described = parts.of_description(config["model"], kind), config["model"]
    _say_constants(described, arrays)
    name = path.lower()
    made = io.BytesIO()
    old = not name.endswith((".keras", ".weights.h5"))
    if old and any(part.parts is not None for part in whole.parts or ()):
        kind, described, whole = flattening.flattened(kind, described)
    telling = Telling(old, described["dtype"])
    told = telling.model(kind, described, _shapes(model))
    trained = training.told(path, model, telling)
    with h5py.File(made, "w") as file:
        if old:
            file.attrs["keras_version"], file.attrs["backend"] = KERAS_2, "tensorflow"
            file.attrs["model_config"] = json.dumps(told)
            _legacy(file.create_group("model_weights"), whole, arrays)
            if trained is not None:
                # without the optimizer's memory: Keras 3 reads it of no .h5 file, not of its own
                # either, and where there is one it does not train the model any more
                file.attrs["training_config"] = json.dumps(trained)
        else:
            _counted(file, whole, arrays)
            if trained is not None:
                told |= {"compile_config": trained}
                _memory(file, model, whole, arrays)
    if not name.endswith(".keras"):
        atomic.write(path, [made.getbuffer()])
        return
    metadata = json.dumps({"keras_version": KERAS_3})
    atomic.write(path, [archive.packed(json.dumps(told), metadata, made.getvalue())])


def _say_constants(model: Any, arrays: dict[str, Array], path: str = "") -> None:
    """Put what are weights here and arguments in Keras into the arguments, as it is by now."""
    for entry in model["layers"]:
        config = entry["config"]
        if "layers" in config:
            _say_constants(config, arrays, f"{path}{config['name']}/")
        elif entry["class"] == "Normalization" and config.get("mean") is not None:
            for name in ("mean", "variance"):
                now = arrays[f"{path}{config['name']}/{name}"]
                if not np.array_equal(
                    now, np.broadcast_to(config[name], now.shape).astype(now.dtype)
                ):
                    config[name] = now.tolist()


def _shapes(model: Network) -> Any:
    """The shapes of one sample at every node, and those of models inside, by name."""
    inside = {one.name: _shapes(one) for one in model.layers if isinstance(one, Network)}
    return [list(node.sample_shape) for node in model.nodes], inside


def _counted(group: Any, model: Part, arrays: dict[str, Array]) -> None:
    """Weights by class, counted."""
    inside, seen = group.require_group(NEW), dict[str, int]()
    for part in model.parts or ():
        number = seen.get(part.key, 0)
        seen[part.key] = number + 1
        here = inside.create_group(f"{part.key}_{number}" if number else part.key)
        here.attrs["name"] = part.name
        if part.parts is not None:
            _counted(here, part, arrays)
        variables = here.create_group("vars")
        for n, name in enumerate(part.weights):
            variables.create_dataset(str(n), data=arrays[f"{part.path}/{name}"])


def _legacy(group: Any, model: Part, arrays: dict[str, Array]) -> None:
    """Weights by name."""
    group.attrs["keras_version"], group.attrs["backend"] = KERAS_2, "tensorflow"
    listed = model.parts or ()
    _texts(group, "layer_names", [part.name for part in listed])
    for part in listed:
        here = group.create_group(part.name)
        _texts(here, "weight_names", [f"{part.name}/{name}:0" for name in part.weights])
        for name in part.weights:
            here.create_dataset(f"{part.name}/{name}:0", data=arrays[f"{part.path}/{name}"])


def _texts(group: Any, name: str, texts: list[str]) -> None:
    """An attribute that is a list of texts, in several parts where it is long."""
    values = np.array([text.encode() for text in texts]) if texts else np.zeros(0, "S1")
    count = -(-max(values.nbytes, 1) // LONGEST)
    if count == 1:
        group.attrs[name] = values
        return
    for n, part in enumerate(np.array_split(values, count + 1)):
        group.attrs[f"{name}{n}"] = part


def _memory(file: Any, model: Network, whole: Part, arrays: dict[str, Array]) -> None:
    """What the optimizer remembers, as Keras 3 numbers it."""
    optimizer = model.optimizer
    if not optimizer.slots and not optimizer.iterations:
        return
    values: list[Any] = [np.int64(optimizer.iterations)]
    if optimizer.schedule is None:
        values.append(np.float32(optimizer.learning_rate))
    shapes = {name: arrays[name].shape for name in whole.parameters()}
    for name, slot in memory.order(optimizer, shapes):
        stored = arrays.get(f"{description.OPTIMIZER}{name}/{slot}")
        if stored is None:  # of a parameter that has not been trained yet
            value = arrays[name]
            stored = value if slot == memory.AVERAGE else optimizer.fresh(value)
        values.append(stored)
    variables = file.create_group("optimizer/vars")
    for n, value in enumerate([*values, *memory.last(optimizer)]):
        variables.create_dataset(str(n), data=value)
