"""Names that Keras' modules have and these have not: `keras.Model`, `from minicnn.layers import
LSTM`.
"""

import sys
from collections.abc import Callable, Iterable
from opcode import opname
from types import FrameType
from typing import NoReturn

from minicnn.errors import no_attribute
from minicnn.names.words import instead


def missing_from(module: str, kind: str, choices: Iterable[str]) -> Callable[[str], NoReturn]:
    """What a module calls its `__getattr__`: raises AttributeError with advice for a name that is
    not there.

    In `from module import name` it raises ImportError: there Python throws the text of an
    AttributeError away.
    """

    def __getattr__(name: str) -> NoReturn:
        advice = "" if name.startswith("_") else f".{instead(name, kind, choices)}"
        asking: FrameType | None = sys._getframe(1)
        while asking and asking.f_code.co_name == "__getattr__":  # of a module that has more to do
            asking = asking.f_back
        if asking and imports_a_name(asking):
            raise ImportError(f"cannot import name {name!r} from {module!r}{advice}", name=name)
        raise no_attribute(f"module {module!r} has no attribute {name!r}{advice}")

    return __getattr__


def imports_a_name(frame: FrameType) -> bool:
    """Whether a frame is at the `name` of a `from module import name`."""
    return opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"
