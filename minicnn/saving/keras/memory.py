"""What an optimizer remembers, in Keras' order: the number of steps, the learning rate, and then
for every parameter what GROUPS says, all of the first group before all of the second.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from minicnn.optimizers import Nadam
from minicnn.optimizers.base import AVERAGE
from minicnn.saving.description import OPTIMIZER
from minicnn.saving.hdf5 import Dataset, Group
from minicnn.saving.keras.parts import Part
from minicnn.types import Shape

# minicnn's slots; one group goes parameter by parameter
GROUPS: dict[str, tuple[tuple[str, ...], ...]] = {
    "SGD": (("velocity",),),
    "Adam": (("m", "v"), ("largest_v",)),
    "AdamW": (("m", "v"), ("largest_v",)),
    "RMSprop": (("velocity",), ("momentum",), ("average_gradient",)),
    "Nadam": (("momentum", "velocity"),),
    "Adagrad": (("accumulator",),),
    "Adadelta": (("accumulated_grad", "accumulated_delta_var"),),
    "Adamax": (("momentum", "norm"),),
    "Lion": (("momentum",),),
    "Muon": (("momentum", "velocity"),),
}
LEGACY = "optimizer_weights"  # the group in an .h5 file


class Memory(NamedTuple):
    """What was found: nothing, where it does not fit."""

    iterations: int = 0
    arrays: dict[str, Dataset] = {}  # noqa: RUF012


def groups(optimizer: Any, plain: bool = True) -> tuple[tuple[str, ...], ...]:
    """Those of an optimizer with its arguments.

    plain: SGD without momentum remembers nothing, as in Keras 3; in Keras 2 it remembers zeros.
    """
    name = type(optimizer).__name__
    slots = set(optimizer.slot_names)
    if plain and name == "SGD" and not optimizer.momentum:
        slots.discard("velocity")
    found = [tuple(slot for slot in group if slot in slots) for group in GROUPS.get(name, ())]
    return tuple(group for group in (((AVERAGE,) if AVERAGE in slots else ()), *found) if group)


def order(
    optimizer: Any, parameters: Mapping[str, Shape], plain: bool = True
) -> list[tuple[str, str]]:
    """(parameter, slot) as they follow one another in Keras' files, for parameters and their
    shapes.
    """
    return [
        (name, slot)
        for group in groups(optimizer, plain)
        for name, shape in parameters.items()
        for slot in group
        if slot in optimizer.slot_names_for(name, shape)
    ]


def last(optimizer: Any) -> list[np.float32]:
    """What Keras 3 keeps besides: of Nadam, the product of all its momentums so far."""
    if not isinstance(optimizer, Nadam):
        return []
    return [np.float32(optimizer.product(optimizer.iterations))]


def orders(
    optimizer: Any, parameters: Mapping[str, Shape], old: bool
) -> Iterator[list[tuple[str, str]]]:
    """The orders in which different versions wrote; old: Keras before 2.11 has each slot of all
    parameters together.
    """
    for plain in (True, False):
        found = order(optimizer, parameters, plain)
        if old:
            slots = list(dict.fromkeys(slot for _, slot in found))
            found.sort(key=lambda pair: slots.index(pair[1]))
        yield found


def found(optimizer: Any, root: Group, model: Part, weights: dict[str, Dataset]) -> Memory:
    """The memory in a file that is for this model. Where there is none, or one of another order,
    the optimizer begins anew.
    """
    stored = list(_stored(root))
    old = LEGACY in root and not re.search(r"\biteration(:0)?$", _names(root)[0])
    if not stored or stored[0].shape or stored[0].dtype.kind not in "iu":
        return Memory()
    iterations = int(stored[0].read("int64"))
    rest = stored[1:]
    if rest and not rest[0].shape:  # TensorFlow's Keras 2.13 has no learning rate there
        rest = rest[1:]
    if rest and not rest[-1].shape:  # a product that Nadam keeps, which the steps tell as well
        rest = rest[:-1]
    shapes = {name: weights[name].shape for name in model.parameters()}
    for pairs in orders(optimizer, shapes, old):
        if iterations >= 0 and [one.shape for one in rest] == [weights[n].shape for n, _ in pairs]:
            names = [f"{OPTIMIZER}{name}/{slot}" for name, slot in pairs]
            return Memory(iterations, dict(zip(names, rest, strict=True)))
    return Memory()


def _stored(root: Group) -> Iterator[Dataset]:
    """The optimizer's variables, in their order."""
    if LEGACY in root:
        for name in _names(root):
            yield root.group(LEGACY).dataset(name)
    elif "optimizer" in root and "vars" in root.group("optimizer"):
        group = root.group("optimizer").group("vars")
        for number in range(len(group.names())):
            yield group.dataset(str(number))


def _names(root: Group) -> list[str]:
    return root.group(LEGACY).texts("weight_names") or [""]
