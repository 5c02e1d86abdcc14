"""Which attributes of a layer may be assigned to, and when: what would have no effect, or half of
one, is refused.

What a layer is made with (`strides`, `units`) decides on its weights and on how the engine runs it.
Those arguments that are read at every call and may change (`rate`, `epsilon`) are properties of
their classes, which check them.
"""

from functools import cache
from typing import Any

import numpy as np

from minicnn.errors import no_attribute
from minicnn.names.assignment import arguments, declared
from minicnn.types import WeightOwner

CHANGE = ("name", "trainable", "input_shape")  # of every layer; the last one is that of build
OF_BUILD = (
    *("input_shape", "output_shape", "dtype", "activation_layer"),
    *("window", "filling", "places"),
)


def check_assignment(layer: WeightOwner, name: str, value: Any) -> None:
    """Raise AttributeError when the layer has the attribute already, and would not heed another
    value.
    """
    kind: type = type(layer)
    own = vars(layer)
    if name not in own or name not in kept_names(kind):
        return
    of_build = name in OF_BUILD
    if of_build and not layer.built or np.array_equal(value, own[name]):
        return
    why = "was built with" if of_build else "is made with"
    fix = "" if of_build else f", {kind.__name__}(..., {name}={value!r})"
    raise no_attribute(
        f"{layer} {why} {name}={own[name]!r} and keeps it, received {value!r}: make a new "
        f"layer{fix}"
    )


@cache
def kept_names(kind: type) -> frozenset[str]:
    """The arguments of minicnn's own layer classes that their objects read only once, and what
    build decides.
    """
    own = [base for base in kind.__mro__ if base.__module__.startswith("minicnn.")]
    given = {name for base in own for name in arguments(base)}.difference(CHANGE)
    given = {name for name in given if not isinstance(getattr(kind, name, None), property)}
    return frozenset(given | declared(kind).intersection(OF_BUILD))
