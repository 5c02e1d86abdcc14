"""Optimizers: how a gradient changes a weight. Names, defaults and arithmetic are Keras 3's.

base.py       what every optimizer is: a step for all parameters, decay, averages
clipping.py   gradients that are too large
rate.py       the learning rate as it is read
multi_optimizer.py   one for some weights, another for others
"""

from collections.abc import Mapping
from typing import Any

from minicnn.names import instead, known_arguments, missing_from
from minicnn.names.described import described, from_description
from minicnn.optimizers import schedules
from minicnn.optimizers.adadelta import Adadelta
from minicnn.optimizers.adagrad import Adagrad
from minicnn.optimizers.adam import Adam, AdamW
from minicnn.optimizers.adamax import Adamax
from minicnn.optimizers.base import Optimizer
from minicnn.optimizers.lion import Lion
from minicnn.optimizers.multi_optimizer import MultiOptimizer, OptimizerMap
from minicnn.optimizers.muon import Muon
from minicnn.optimizers.nadam import Nadam
from minicnn.optimizers.rmsprop import RMSprop
from minicnn.optimizers.sgd import SGD
from minicnn.optimizers.single import SINGLE

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

__getattr__ = missing_from(__name__, "optimizers", __all__)

CLASSES: dict[str, type[Optimizer]] = {**SINGLE, "MultiOptimizer": MultiOptimizer}
NAMES: dict[str, type[Optimizer]] = {name.lower(): cls for name, cls in SINGLE.items()}


def get(identifier: "str | Optimizer | type[Optimizer] | Mapping[str, Any]") -> Optimizer:
    """The optimizer of that name or class with its defaults, or of that description; the argument
    itself when it is an optimizer.

    Raises ValueError for an unknown name.

    >>> optimizers.get("adam").learning_rate
    0.001
    >>> optimizers.get({"class_name": "SGD", "config": {"momentum": 0.9}}).momentum
    0.9
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        make: Any = identifier  # a subclass may have a learning rate of its own
        return make()
    if str(identifier).lower() not in NAMES:
        raise ValueError(
            f"unknown optimizer {identifier!r}.{instead(str(identifier), 'optimizers', NAMES)}"
        )
    found: Any = NAMES[str(identifier).lower()]
    return found()


@known_arguments
def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The description of an optimizer, without what it remembers; deserialize makes one like it.

    >>> optimizers.serialize(optimizers.SGD(0.1))["config"]["learning_rate"]
    0.1
    """
    return described(get(optimizer))


@known_arguments
def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Optimizer]] | None = None
) -> Optimizer:
    """The optimizer that a description is of; custom_objects are classes of one's own, by name.

    >>> optimizers.deserialize({"class_name": "Adam", "config": {"learning_rate": 0.01}})
    ... # doctest: +ELLIPSIS
    <minicnn.optimizers.adam.Adam object at ...>
    """
    return from_description(config, CLASSES | NAMES, "optimizers", custom_objects)
