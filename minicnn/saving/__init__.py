"""Files that models are kept in; and `saving.load_model`, as Keras has it."""

from importlib import import_module
from typing import Any

from minicnn.names import missing_from

__all__ = ["load_model"]

not_there = missing_from(__name__, "saving", __all__)


def __getattr__(name: str) -> Any:
    """models.load_model, which lies above this room and is loaded when somebody asks for it."""
    return import_module("minicnn.models").load_model if name in __all__ else not_there(name)
