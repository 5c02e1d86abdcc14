"""Optimizers: how a gradient changes a weight. Names, defaults and arithmetic are Keras 3's."""

from minicnn import schedules
from minicnn.names import instead, missing_from
from minicnn.optimizers.adam import Adam, AdamW
from minicnn.optimizers.base import Optimizer
from minicnn.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "get", "schedules"]

__getattr__ = missing_from(__name__, "optimizers", __all__)

NAMES: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its defaults, or the argument itself. Raises ValueError for
    an unknown name.

    >>> optimizers.get("adam").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if str(identifier).lower() not in NAMES:
        raise ValueError(
            f"unknown optimizer {identifier!r}.{instead(str(identifier), 'optimizers', NAMES)}"
        )
    return NAMES[identifier.lower()]()
