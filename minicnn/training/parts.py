"""The parts of a training, under the names by which messages call them: those of its model, those
that compile was given, and its callbacks.
"""

from typing import Any

from minicnn.saving import structure
from minicnn.training.callbacks import Callback


def parts_of(config: dict[str, Any]) -> dict[str, Any]:
    """What a model file says of model and training, under the names that appear in messages."""
    model, compiled = _by_name(config["model"]), config["compile"]
    parts = {
        name: part for name, part in model.items() if name not in ("name", "seed", "class_names")
    }
    parts["metrics"] = {
        metric["config"].get("name", str(i)): metric for i, metric in enumerate(compiled["metrics"])
    }
    return parts | {name: compiled[name] for name in ("optimizer", "loss")}


def _by_name(model: dict[str, Any]) -> dict[str, Any]:
    """What it says of a model, layers by name and nodes by number, also in models inside."""
    layers = {}
    for number, layer in enumerate(model["layers"]):
        config = layer.get("config", {})
        is_model = layer.get("class") in (structure.CHAIN, structure.GRAPH)
        layers[config.get("name", str(number))] = (
            layer | {"config": _by_name(config)} if is_model else layer
        )
    nodes = (
        {"nodes": {str(n): node for n, node in enumerate(model["nodes"])}}
        if "nodes" in model
        else {}
    )
    return model | {"layers": layers} | nodes


def named(callbacks: list[Callback]) -> list[tuple[str, Callback]]:
    """Callbacks by the names of their classes; the second of a class as "EarlyStopping 2"."""
    seen: dict[str, int] = {}
    found = []
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        found.append((name if seen[name] == 1 else f"{name} {seen[name]}", callback))
    return found
