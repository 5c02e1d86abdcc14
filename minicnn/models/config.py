"""Models made of what others say of themselves, and like others."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.layers.base import Layer
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.network.clone import clone


@known_arguments
def model_from_config(
    config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
) -> Model:
    """The model whose get_config this is, with fresh weights; a Sequential where that was one.

    custom_objects: classes of your own layers by name.

    Raises ModelFileError for what describes no model.

    >>> model = Sequential([Input((4,)), layers.Dense(2)])
    >>> models.model_from_config(model.get_config())
    <Sequential 'sequential': 1 layer, 10 parameters>
    """
    return Model.from_config(config, custom_objects)


@known_arguments
def model_from_json(json_string: str, custom_objects: Mapping[str, type] | None = None) -> Model:
    """The model whose to_json this is, with fresh weights, not compiled.

    custom_objects: classes of your own layers by name.

    Raises ModelFileError for what is no such text.

    >>> model = Sequential([Input((4,)), layers.Dense(2)])
    >>> models.model_from_json(model.to_json())
    <Sequential 'sequential': 1 layer, 10 parameters>
    """
    expected = "model_from_json expected the text that minicnn's model.to_json() gives, received"
    try:
        found = json.loads(json_string)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"{expected} what is no JSON ({error!s:.100})") from error
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise ModelFileError(f"{expected} {json_string!r:.60}")
    if "module" in found:
        raise ModelFileError(
            f"{expected} Keras' own: its words for layers are others, build the model anew"
        )
    return Model.from_config(found["config"], custom_objects)


@known_arguments
def clone_model(model: Model, clone_function: Callable[[Layer], Layer] | None = None) -> Model:
    """A model of the same structure with fresh weights, not compiled.

    They are drawn by the model's seed, if it was given one; else by another.

    Args:
        clone_function: makes the layer for the place of another; layer.clone() unless given.

    >>> model = Sequential([Input((4,)), layers.Dense(2)])
    >>> models.clone_model(model)
    <Sequential 'sequential': 1 layer, 10 parameters>
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model expected a model, received {model!r:.80}")
    seed = model.seed if model.is_seeded else None
    return clone(model, clone_function or Layer.clone, seed=seed)
