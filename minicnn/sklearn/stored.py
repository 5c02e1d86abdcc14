"""What pickle and joblib keep of a classifier: its networks as the bytes of model files, which say
all and are checked when they are read.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

from minicnn.models.loading import load_model
from minicnn.models.model import Model

FILE = "model.safetensors"


class Stored(NamedTuple):
    """A model in a file, and what the file does not say of it.

    Attributes:
        file: the bytes.
        own: the classes and functions of the user's own that it names.
        fresh: the layers whose weights have neither been trained nor loaded.
    """

    file: bytes
    own: dict[str, Any]
    fresh: list[str]


def stored(model: Model) -> Stored:
    """A model as it is kept."""
    fresh = [path for path, layer in model.leaves.items() if layer.has_fresh_weights]
    with TemporaryDirectory() as folder:
        model.save(Path(folder, FILE))
        return Stored(Path(folder, FILE).read_bytes(), dict(own_parts(model)), fresh)


def restored(kept: Stored) -> Model:
    """The model. Raises ModelFileError for a damaged file."""
    with TemporaryDirectory() as folder:
        Path(folder, FILE).write_bytes(kept.file)
        model = load_model(Path(folder, FILE), custom_objects=kept.own)
    for path in kept.fresh:
        model.leaves[path].has_fresh_weights = True
    return model


def own_parts(model: Model) -> Iterator[tuple[str, Any]]:
    """What of a model is not minicnn's: classes of layers, loss, metrics and optimizer, and
    functions, by name.
    """
    for part in (*model.leaves.values(), model.optimizer, model.loss, *model.metrics):
        thing = getattr(part, "function", None)
        thing = thing if callable(thing) else type(part)
        if thing.__module__.partition(".")[0] not in ("minicnn", "builtins"):
            yield thing.__name__, thing


class Pickled(BaseEstimator):
    """An estimator that is pickled with its networks as files."""

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {
            name: stored(value) if isinstance(value, Model) and value.built else value
            for name, value in state.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(
            {
                name: restored(value) if isinstance(value, Stored) else value
                for name, value in state.items()
            }
        )
