"""The weights in a file of Keras, by minicnn's names.

Where they are depends on who wrote the file:

    Keras 3, TensorFlow's Keras since 2.14    layers/conv2d_1/vars/0: the class of a layer, counted
                                              in the order of the layers, and the weight's number
    TensorFlow's Keras 2.12 and 2.13          the same under _layer_checkpoint_dependencies, where
                                              layers that have weights count twice
    .h5 of any version                        a group for each layer of the model, by name, whose
                                              "weight_names" say where; a model inside has one
"""

from minicnn.errors import ModelFileError
from minicnn.saving.hdf5 import Dataset, Group
from minicnn.saving.keras.parts import Part

OLD, NEW = "_layer_checkpoint_dependencies", "layers"
# what Keras 2 calls a weight of these layers
OTHER_NAMES = {("DepthwiseConv2D", "depthwise_kernel"): "kernel"}


def counted(model: Part, group: Group) -> dict[str, Dataset]:
    """Weights that are found by counting classes."""
    found: dict[str, Dataset] = {}
    old = OLD in group
    if not model.has_weights:
        return found
    inside = group.group(OLD if old else NEW)
    seen: dict[str, int] = {}
    for part in model.parts or ():
        number = seen.get(part.key, 0)
        seen[part.key] = number + (2 if old and part.has_weights else 1)
        if not part.has_weights:
            continue
        here = inside.group(f"{part.key}_{number}" if number else part.key)
        if part.parts is not None:
            found |= counted(part, here)
        else:
            found |= _of_layer(part, [f"vars/{n}" for n in range(len(part.weights))], here)
            if f"{len(part.weights)}" in here.group("vars"):
                _refuse_count(part, len(here.group("vars").names()), here)
    return found


def named(model: Part, group: Group, in_order: bool = False) -> dict[str, Dataset]:
    """Weights of an .h5 file, whose groups have the names of layers.

    in_order: the layers have other names here; those that have weights follow one another as in the
        file, as Keras has it.
    """
    found: dict[str, Dataset] = {}
    parts = [part for part in model.parts or () if part.has_weights]
    names = [part.name for part in parts]
    if in_order:
        listed = group.texts("layer_names")
        names = [name for name in listed if group.group(name).texts("weight_names")]
        if len(names) != len(parts):
            raise ModelFileError(
                f"{group.path!r} has {len(names)} layers with weights, {model.name!r} has "
                f"{len(parts)}"
            )
    for part, name in zip(parts, names, strict=True):
        here = group.group(name)
        weights = here.texts("weight_names")
        if part.parts is not None:
            found |= _inside(part, weights, here)
            continue
        if len(weights) != len(part.weights):
            _refuse_count(part, len(weights), here)
        found |= _of_layer(part, weights, here)
    return found


def _of_layer(part: Part, places: list[str], here: Group) -> dict[str, Dataset]:
    """A layer's weights, which are at those places, in Keras' order."""
    pairs = zip(part.weights, places, strict=True)
    return {f"{part.path}/{name}": here.dataset(place) for name, place in pairs}


def _refuse_count(part: Part, count: int, here: Group) -> None:
    raise ModelFileError(
        f"{here.path!r} has {count} weights of the layer {part.name!r:.60} of class {part.kind}, "
        f"expected {', '.join(part.weights) or 'none'}"
    )


def _inside(model: Part, places: list[str], here: Group) -> dict[str, Dataset]:
    """The weights of a model inside, all in one group: what is trained first, then the rest; the
    last two parts of a place are layer and weight.
    """
    leaves = [leaf for leaf in model.leaves() if leaf.weights]
    found: dict[str, Dataset] = {}
    for place in places:
        *path, name = place.partition(":")[0].split("/")
        for leaf in leaves:
            own = OTHER_NAMES.get((leaf.kind, name), name)
            if path and leaf.name == path[-1] and own in leaf.weights:
                if f"{leaf.path}/{own}" not in found:
                    found[f"{leaf.path}/{own}"] = here.dataset(place)
                    break
        else:
            raise ModelFileError(
                f"{here.path!r} has {place!r:.80} in {model.name!r:.60}, of which it says nothing"
            )
    return found


def constants(model: dict, path: str = "") -> dict[str, list[float]]:
    """Weights here that are arguments in Keras: mean and variance of Normalization."""
    found: dict[str, list[float]] = {}
    for entry in model["layers"]:
        if "shared" in entry:
            continue
        name, config = entry["class"], entry["config"]
        here = f"{path}{config['name']}"
        if "layers" in config:
            found |= constants(config, f"{here}/")
        elif name == "Normalization" and config.get("mean") is not None:
            found |= {f"{here}/{key}": config[key] for key in ("mean", "variance")}
    return found
