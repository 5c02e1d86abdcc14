"""What writers of graphs share: names, and the layer that an operator is written for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Names:
    """Names of what is written, of which no two are the same."""

    taken: set[str] = field(default_factory=set)

    def unique(self, name: str) -> str:
        """That name, or with a number, which is taken from now on."""
        found, number = name, 0
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found


def called(call: Any) -> Any:
    """The layer of a call in a program: one that is called in several places has another geometry
    in each.
    """
    layer = call.layer
    return layer if layer.input_shape == call.takes else layer.twin(call.takes)


def writer_of(
    layer: Any, table: Mapping[type, Callable[..., Any]], identity: Callable[..., Any], format: str
) -> Callable[..., Any]:
    """The function that writes a layer. Raises ValueError for one that the format cannot say."""
    function = table.get(type(layer), identity if layer.acts_in_training_only else None)
    if function is None:
        raise ValueError(
            f"{layer} has no form in {format}: nobody knows what {type(layer).__name__}, which is "
            "no class of minicnn's, computes: put layers of minicnn in its place"
        )
    return function
