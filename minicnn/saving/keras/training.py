"""How a model is compiled, in Keras' words."""

import inspect
from typing import Any

from minicnn import losses, metrics, optimizers, schedules
from minicnn.errors import warn
from minicnn.network import Network
from minicnn.saving.fields import class_and_config
from minicnn.saving.keras.telling import Telling

Config = dict[str, Any]
OWN = ("OneCycle",)  # schedules that Keras has not
OF_KERAS_3 = ("AdamW", "Lion", "Muon")  # optimizers that Keras 2 does not find by these names


def told(path: str, model: Network, telling: Telling) -> Config | None:
    """What Keras' files say of optimizer, loss and metrics; None for a model that is not compiled,
    and, with a warning, where Keras has no words for one of them.
    """
    if model.optimizer is None:
        return None
    try:
        optimizer = _optimizer(class_and_config(model.optimizer), telling)
        loss = _loss(model.loss, telling)
        measured = [_metric(one, telling) for one in model.metrics]
    except ValueError as error:
        warn(f"{path!r} is written without the training, of which Keras cannot do: {error}")
        return None
    common = {"loss": loss, "loss_weights": None, "metrics": measured, "weighted_metrics": None}
    if telling.old:
        return common | {"optimizer_config": optimizer}
    more = {"run_eagerly": False, "steps_per_execution": 1, "jit_compile": False}
    return common | {"optimizer": optimizer} | more


def _optimizer(described: Config, telling: Telling) -> Config:
    kind, config = described["class"], dict(described["config"])
    cls = optimizers.SINGLE.get(kind)
    if cls is None or telling.old and kind in OF_KERAS_3:
        raise ValueError(f"the optimizer {kind}")
    if config.get("include_filters"):
        raise ValueError(f"{kind}'s include_filters")
    rate = config["learning_rate"]
    if isinstance(rate, dict):
        if rate["class"] not in schedules.SCHEDULES or rate["class"] in OWN:
            raise ValueError(f"the schedule {rate['class']}")
        described = {"class_name": rate["class"], "config": rate["config"]}
        module = {"module": "keras.optimizers.schedules", "registered_name": None}
        config["learning_rate"] = module | described  # in Keras 2, too
    usual = {name: one.default for name, one in inspect.signature(cls.__init__).parameters.items()}
    usual |= {"use_ema": False, "ema_momentum": 0.99}
    kept = {
        name: value
        for name, value in config.items()
        if name == "learning_rate" or value is not None and value != usual.get(name)
    }
    return telling.thing("keras.optimizers", kind, kept)


def _loss(loss: Any, telling: Telling) -> Config:
    described = class_and_config(loss)
    if losses.CLASSES.get(described["class"]) is not type(loss):
        raise ValueError(f"the loss {described['class']}")
    config = {key: value for key, value in described["config"].items() if value is not None}
    return telling.thing("keras.losses", described["class"], config)


def _metric(metric: Any, telling: Telling) -> Any:
    kind = type(metric).__name__
    if kind == "Accuracy":  # Keras chooses one by the loss, for this word
        return metric.name if metric.name in ("accuracy", "acc") else "accuracy"
    if metrics.CLASSES.get(kind) is not type(metric):
        raise ValueError(f"the metric {metric.name}")
    config = {key: value for key, value in metric.get_config().items() if value is not None}
    return telling.thing("keras.metrics", kind, config)
