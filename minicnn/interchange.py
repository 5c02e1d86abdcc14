"""Weights that go to PyTorch and come from there, as state dicts: arrays by name.

Layouts differ: PyTorch has kernels of convolutions as (F, C, KH, KW) and of linear layers as (out,
in), and flattens pictures channels first, so that the first linear layer behind them has its
inputs in another order. All that is put right here.

What a state dict does not say must be the same in the model: strides, padding, activations, and
three things about batch normalisation. Its epsilon is 1e-5 by default in PyTorch, 1e-3 here: a
model that shall compute the same has BatchNormalization(momentum=0.9, epsilon=1e-5). PyTorch's
momentum is the weight of the batch, 0.1, Keras' that of what was there, 0.9. And PyTorch moves its
running variance by the batch's variance with n - 1, Keras with n, so that trainings drift apart by
a factor of n / (n - 1), which is near 1. Padding: PyTorch's padding=1 with stride 2 is
ZeroPadding2D(1) and "valid", not "same".
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    ReLU,
    ZeroPadding2D,
)
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.saving.tensor_file import tensors
from minicnn.saving.torch_layouts import Parts, flattened, inside, kind_of, weights_of
from minicnn.types import Shape

__all__ = ["from_torch", "to_torch"]

COUNTER = "num_batches_tracked"


# To PyTorch


@known_arguments
def to_torch(model: Model) -> Parts:
    """The model's weights as a state dict: arrays by the names of its layers.

    {name: torch.from_numpy(array) for name, array in to_torch(model).items()} is what
    load_state_dict takes, of a PyTorch network whose modules are called as the layers are. A model
    of from_torch has the names that it came with.

    Raises ValueError for a layer that PyTorch has not alike.

    >>> model = Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv1")])
    >>> {name: array.shape for name, array in interchange.to_torch(model).items()}
    {'conv1.weight': (4, 3, 3, 3), 'conv1.bias': (4,)}
    """
    found: Parts = {}
    for path, _, layout, parts in weights_of(model):
        module = path.replace("/", ".")
        for name, array in parts.items():
            found[f"{module}.{name}"] = np.array(array, np.float32)
        if layout.kind == "batch normalisation":
            found[f"{module}.{COUNTER}"] = np.array(0, np.int64)
    return found


# From PyTorch


@known_arguments
def from_torch(
    state_dict: Mapping[str, Any] | str | os.PathLike,
    model: Model | None = None,
    *,
    input_shape: Shape = (224, 224, 3),
) -> Model:
    """The model with the weights of a PyTorch network.

    Args:
        state_dict: arrays or tensors by name, or the path of a .safetensors file of them. "module."
            before all names, and a dict around it, are taken away; counters of batches are left
            out.
        model: of the same layers: convolutions, linear layers and normalisations each take the
            modules of their kind one after the other, as they are named, with numbers in order.
            Without one, a network with the names of torchvision's resnet18 and resnet34 is built,
            of any width; it ends in logits.
        input_shape: of the pictures of such a network.

    Raises ValueError where layers and modules are not alike, FileNotFoundError, ModelFileError.

    >>> model = Sequential([Input((4, 4, 1)), layers.Flatten(), layers.Dense(2, name="fc")])
    >>> weights = {"0.weight": np.ones((2, 16), np.float32), "0.bias": np.zeros(2, np.float32)}
    >>> interchange.from_torch(weights, model).predict(np.ones((1, 4, 4, 1)), verbose=0)
    array([[16., 16.]], dtype=float32)
    """
    modules = _modules(state_dict)
    if model is None:
        model = _resnet(modules, input_shape)
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no weights yet: build((None, H, W, C)) before from_torch"
        )
    _take(model, modules)
    return model


def _modules(state_dict: Any) -> dict[str, Parts]:
    """The modules' arrays by the modules' names, these in order with numbers as numbers."""
    if isinstance(state_dict, str | os.PathLike):
        state_dict = tensors(state_dict)
    if isinstance(state_dict.get("state_dict"), Mapping):
        state_dict = state_dict["state_dict"]
    names = [name for name in state_dict if name.rpartition(".")[2] != COUNTER]
    prefix = "module." if names and all(name.startswith("module.") for name in names) else ""
    modules: dict[str, Parts] = {}
    for name in names:
        module, _, part = name.removeprefix(prefix).rpartition(".")
        array = np.asarray(state_dict[name])
        if array.dtype.kind != "f":
            raise ValueError(
                f"from_torch expected numbers with a point, received {name!r} of {array.dtype}"
            )
        modules.setdefault(module, {})[part] = array
    return {name: modules[name] for name in sorted(modules, key=_in_order)}


def _in_order(name: str) -> list[Any]:
    """ "layer10.conv2" after "layer9.conv2": numbers as numbers."""
    return [(int(one), "") if one.isdigit() else (-1, one) for one in re.split(r"(\d+)", name)]


def _take(model: Model, modules: dict[str, Parts]) -> None:
    """Put the arrays into the layers, once all are known to fit."""
    left: dict[str, list[str]] = {}
    for name, parts in modules.items():
        left.setdefault(kind_of(parts), []).append(name)
    chosen = []
    for path, layer, layout, own in weights_of(model):
        named = path.replace("/", ".")
        queue = left.get(layout.kind, [])
        if not queue:
            raise ValueError(
                f"from_torch has no {layout.kind} left for {layer}: the model has more of them "
                "than the state dict"
            )
        module = named if named in queue else queue[0]
        queue.remove(module)
        wanted, given = ({k: v.shape for k, v in part.items()} for part in (own, modules[module]))
        if wanted != given:
            raise ValueError(
                f"from_torch expected {wanted} for {layer}, as PyTorch has it, received {given} of "
                f"{module!r}: the layers must be alike, biases too"
            )
        chosen.append((layer, layout, modules[module]))
    rest = [name for names in left.values() for name in names]
    if rest:
        raise ValueError(
            f"{model.name!r} has no layer for {len(rest)} modules of the state dict: "
            f"{', '.join(map(repr, rest)):.200}"
        )
    maps_of = flattened(model)
    for layer, layout, parts in chosen:
        for name, array in layer.weights_by_name.items():
            array[...] = inside(layer, name, layout, parts[layout.names[name]], array.shape,
                                 maps_of.get(id(layer)))  # fmt: skip
        layer.has_fresh_weights, layer._last_trained = False, 0


# torchvision's ResNet-18 and -34


def _resnet(modules: dict[str, Parts], input_shape: Shape) -> Model:
    """The network that has modules of these names, as wide as they are."""
    blocks = [
        [name for name in modules if re.fullmatch(rf"layer{stage}\.\d+\.conv1", name)]
        for stage in range(1, 5)
    ]
    if not all(blocks) or "fc" not in modules or "layer1.0.conv3" in modules:
        raise ValueError(
            "from_torch builds networks with the names of torchvision's resnet18 and resnet34, "
            f"received modules {', '.join(modules):.120}: give a model of the same layers"
        )

    def conv(x: Node, name: str, norm: str, strides: int = 1) -> Node:
        filters, _, size, _ = modules[name]["weight"].shape
        if size > 1:
            x = ZeroPadding2D(size // 2, name=f"{name}.padding")(x)
        x = Conv2D(filters, size, strides, use_bias=False, name=name)(x)
        return BatchNormalization(momentum=0.9, epsilon=1e-5, name=norm)(x)

    inputs = Input(input_shape)
    x = ReLU(name="relu")(conv(inputs, "conv1", "bn1", 2))
    # zeros are as good as nothing around what is not below 0
    x = MaxPooling2D(3, 2, name="maxpool")(ZeroPadding2D(1, name="maxpool.padding")(x))
    for stage, names in enumerate(blocks):
        for number in range(len(names)):
            at = f"layer{stage + 1}.{number}"
            strides = 2 if stage and not number else 1
            y = ReLU(name=f"{at}.relu1")(conv(x, f"{at}.conv1", f"{at}.bn1", strides))
            y = conv(y, f"{at}.conv2", f"{at}.bn2")
            if f"{at}.downsample.0" in modules:
                x = conv(x, f"{at}.downsample.0", f"{at}.downsample.1", strides)
            x = ReLU(name=f"{at}.relu2")(Add(name=f"{at}.add")([y, x]))
    x = GlobalAveragePooling2D(name="avgpool")(x)
    return Model(inputs, Dense(len(modules["fc"]["weight"]), name="fc")(x), name="resnet", seed=0)
