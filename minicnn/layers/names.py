"""The names of a model's layers."""

from collections.abc import Sequence
from typing import Any


class Names:
    """Gives names, Keras' where a layer has none: conv2d, conv2d_1, conv2d_2 ... Its work does not
    grow with the model.

    Args:
        owner: the model's name, for messages.
    """

    def __init__(self, owner: str):
        self.owner = owner
        self._layers: dict[str, Any] = {}
        self._numbers: dict[str, int] = {}  # by what a name begins with: all lower ones are taken

    def give(self, layer: Any, layers: Sequence[Any]) -> None:
        """See that the layer has a name that none of `layers` has.

        Raises ValueError for one that is taken.
        """
        if len(self._layers) != len(layers):  # the model's list has been changed
            self._layers, self._numbers = {other.name: other for other in layers}, {}
        if self._layers.get(layer.name) is layer:
            raise ValueError(
                f"{layer} is in {self.owner!r} already: every place in a Sequential needs a layer "
                "of its own, a layer that is shared needs a Model"
            )
        if layer.name and not layer.is_named_by_itself:
            if layer.name in self._layers or "/" in layer.name:
                taken = ", ".join(map(repr, sorted(self._layers)))
                raise ValueError(
                    f"{layer}: names must be unique in a model and have no '/'; taken are "
                    f"{taken:.1000}"
                )
            return
        base = layer.own_name
        number = self._numbers.get(base, 0)
        while _numbered(base, number) in self._layers:
            number += 1
        layer.name, self._numbers[base] = _numbered(base, number), number

    def keep(self, layer: Any) -> None:
        """The layer is in the model now."""
        self._layers[layer.name] = layer


def _numbered(base: str, number: int) -> str:
    return f"{base}_{number}" if number else base
