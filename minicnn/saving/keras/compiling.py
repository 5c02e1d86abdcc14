"""How a model was compiled, in Keras' words and in minicnn's.

What minicnn has not, a loss of one's own say, does not keep a model from opening: it is then not
compiled, with a warning that names it.
"""

from typing import Any

from minicnn import losses, metrics, optimizers, schedules
from minicnn.errors import ModelFileError, warn
from minicnn.saving import description
from minicnn.saving.fields import class_and_config
from minicnn.saving.hdf5 import Dataset, Group
from minicnn.saving.keras import memory, words
from minicnn.saving.keras.parts import Part
from minicnn.saving.signature import arguments

Config = dict[str, Any]
# arguments of Keras alone, with the values that change nothing
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "loss_scale_factor": (None,),
    "gradient_accumulation_steps": (None,),
    "jit_compile": (True, False),
    "is_legacy_optimizer": (True, False),
    "decay": (0, None),
    "reduction": ("sum_over_batch_size", "auto", "mean"),
    "axis": (-1,),
    "ignore_class": (None,),
    "multi_label": (False, None),
    "num_labels": (None,),
    "label_weights": (None,),
}
OTHER_NAMES = {"lr": "learning_rate", "fn": "", "dtype": ""}
WRAPPERS = ("MeanMetricWrapper", "LossFunctionWrapper")


def translated(
    path: str, training: Any, root: Group, model: Part, weights: dict[str, Dataset]
) -> tuple[Config, dict[str, Dataset]]:
    """What description.py keeps under "compile", and the optimizer's memory by minicnn's names;
    nothing, with a warning, where minicnn has no words for it.
    """
    given = training.get("optimizer_config") or training.get("optimizer")
    if given is None:
        return {}, {}
    try:
        compiled = {
            "optimizer": optimizer(given),
            "iterations": 0,
            "loss": class_and_config(losses.get(loss(training.get("loss")))),
            "metrics": [class_and_config(metric(one)) for one in flat(training.get("metrics"))],
        }
        for what in ("loss_weights", "weighted_metrics"):
            if training.get(what) not in (None, []):
                raise ValueError(f"{what}={training[what]!r:.60}")
        made = description.training_of(compiled | {"epochs_done": 0}, {})
    except (ModelFileError, ValueError, TypeError, LookupError, AttributeError) as error:
        warn(f"{path!r} is opened without its training, of which minicnn cannot do: {error!s:.300}")
        return {}, {}
    found = memory.found(made[0], root, model, weights)
    compiled["iterations"] = found.iterations
    return {"compile": compiled}, found.arrays


def _arguments(cls: type, config: Config, who: str) -> Config:
    """The arguments that minicnn's class takes. Raises ValueError for others that matter."""
    takes = arguments(cls)
    found = {}
    for name, value in config.items():
        own = OTHER_NAMES.get(name, name)
        if own in takes:
            found[own] = words.listed(value)
        elif own and own != "name" and value not in NEUTRAL.get(own, ()):
            raise ValueError(f"{who} with {name}={value!r:.60}")
    return found


def optimizer(value: Any) -> Config:
    """An optimizer, as class and arguments."""
    if isinstance(value, str):
        return class_and_config(optimizers.get(value))
    name, config = words.described(value)
    name = name.removeprefix("Custom>")
    if name not in optimizers.SINGLE:
        raise ValueError(f"the optimizer {name!r:.60}")
    cls = optimizers.SINGLE[name]
    found = _arguments(cls, config, f"the optimizer {name}")
    rate = found.get("learning_rate")
    if isinstance(rate, dict):
        kind, settings = words.described(rate)
        if kind not in schedules.SCHEDULES:
            raise ValueError(f"the schedule {kind!r:.60}")
        of_schedule = _arguments(schedules.SCHEDULES[kind], settings, f"the schedule {kind}")
        found["learning_rate"] = {"class": kind, "config": of_schedule}
    if found.get("weight_decay") == 0 and "weight_decay" in found:
        found["weight_decay"] = None
    return {"class": name, "config": found}


def loss(value: Any) -> Any:
    """A loss, for losses.get."""
    value = alone(value)
    if not isinstance(value, dict):
        return value
    name, config = words.described(value)
    if name == "function":
        return config
    if name not in losses.CLASSES:
        raise ValueError(f"the loss {name!r:.60}")
    cls = losses.CLASSES[name]
    return cls(**_arguments(cls, config, f"the loss {name}"))


def metric(value: Any) -> Any:
    """A metric."""
    if not isinstance(value, dict):
        return metrics.get(value)
    name, config = words.described(value)
    if name == "function":
        return metrics.get(config)
    if name in WRAPPERS and isinstance(config.get("fn"), str):
        made = metrics.get(config["fn"])
        return type(made)(**made.get_config() | {"name": config.get("name", made.name)})
    if name not in metrics.CLASSES:
        raise ValueError(f"the metric {name!r:.60}")
    cls = metrics.CLASSES[name]
    kept = _arguments(cls, config, f"the metric {name}")
    return cls(**kept | {"name": config.get("name")})


def alone(value: Any) -> Any:
    """What is given for the only output, in any form."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and len(value) == 1 and "class_name" not in value:
        return next(iter(value.values()))
    return value


def flat(value: Any) -> list[Any]:
    """The metrics of the only output, in any form."""
    found = value
    if isinstance(found, dict) and "class_name" not in found:
        found = [one for of_output in found.values() for one in flat(of_output)]
    if found is None:
        return []
    if not isinstance(found, list):
        return [found]
    return [one for part in found for one in (part if isinstance(part, list) else [part])]
