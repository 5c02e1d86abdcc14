"""The layers of a model as Keras' files of weights see them: in a row, each with its class, its
name and the names of its weights.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from minicnn.errors import ModelFileError
from minicnn.saving.keras.layers import weights_of
from minicnn.wording import snake_case

# weights that are not trained
STATE = ("moving_mean", "moving_variance", "mean", "variance", "count")


class Part(NamedTuple):
    """A layer, or a model inside.

    name: in Keras' file.
    path: in minicnn's, "backbone/conv2d".
    kind: class in Keras.
    weights: names in Keras' order.
    trainable: whether an optimizer remembers anything of them.
    parts: of a model.
    """

    name: str
    path: str
    kind: str
    weights: tuple[str, ...] = ()
    trainable: bool = True
    parts: "tuple[Part, ...] | None" = None

    @property
    def key(self) -> str:
        """What Keras' files call its class."""
        return snake_case("Functional" if self.kind == "Model" else self.kind)

    @property
    def has_weights(self) -> bool:
        return bool(self.weights) or any(part.has_weights for part in self.parts or ())

    def leaves(self) -> "Iterator[Part]":
        """Layers, those of models inside too."""
        for part in self.parts or ():
            yield from part.leaves()
        if self.parts is None:
            yield self

    def parameters(self) -> list[str]:
        """The names of all that is trained, in Keras' order."""
        return [
            f"{leaf.path}/{name}"
            for leaf in self.leaves()
            if leaf.trainable
            for name in leaf.weights
            if name not in STATE
        ]


def of_description(model: dict[str, Any], kind: str, path: str = "") -> Part:
    """The parts of a model that description.py describes.

    Raises ModelFileError for a layer that two models share.
    """
    found = []
    for entry in model["layers"]:
        if "shared" in entry:
            raise ModelFileError(
                f"Keras' files cannot say that two models share the layer {entry['shared']!r:.60}: "
                "give each a layer of its own"
            )
        name, config = entry["class"], entry["config"]
        here = f"{path}{config['name']}"
        if name in ("Sequential", "Model"):
            found.append(of_description(config, name, f"{here}/")._replace(path=here))
        elif name != "InputLayer" or kind == "Model":
            trainable = config.get("trainable", True)
            found.append(Part(config["name"], here, name, weights_of(name, config), trainable))
    return Part(model["name"], path, kind, parts=tuple(found))
