"""The architecture of a model as plain values and as text, which say what a model file says of it
(saving/description.py). Models have these as methods of the same names.
"""

import json
from collections.abc import Mapping
from typing import Any

from minicnn.errors import ModelFileError
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.saving import description, fields, restoring
from minicnn.saving.vocabulary import callers_classes


def get_config(model: Network) -> dict[str, Any]:
    """The architecture as plain values: layers, their arguments and how they are joined, without
    weights and without what compile chose. `from_config` makes a model of it.

    Raises ValueError for a model that is not built.
    """
    if not model.built:
        raise ValueError(
            f"{model.name!r} has no shapes to describe yet: add an Input, or call build((None, H, "
            "W, C))"
        )
    return json.loads(json.dumps(description.described(model)["model"]))  # tuples become lists


@known_arguments
def to_json(model: Network, **options: Any) -> str:
    """The architecture as text, of which models.model_from_json makes a model.

    options: of json.dumps, such as indent=2.

    Raises ValueError for a model that is not built.
    """
    kind = "Sequential" if model.is_chain else "Model"
    return json.dumps({"class_name": kind, "config": get_config(model)}, **options)


def made(
    config: Mapping[str, Any], classes: Mapping[str, Any], known: Mapping[str, type] | None
) -> Any:
    """The model that a config describes, with fresh weights. Raises ModelFileError for others."""
    needed = [name for name in fields.WHOLE if name not in fields.OPTIONAL["model"]]
    if not isinstance(config, Mapping) or not config.keys() >= {*needed}:
        raise ModelFileError(
            "from_config expected what a model's get_config() gives, a dict with "
            f"{', '.join(needed)}, received {config!r:.80}"
        )
    callers = callers_classes(known, config, "from_config")
    with description.refusing("config"):
        model = restoring.made(dict(config), classes, callers, None)
        description.check_built(model)
    return model
