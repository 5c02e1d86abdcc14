"""A model that is served: what it takes, what it answers, and that an answer is the same in any
company.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn import explain, models, quantize, runs
from minicnn.errors import ModelFileError
from minicnn.machine.threads import alone
from minicnn.network import Network
from minicnn.network.ending import class_probabilities
from minicnn.network.executor import Execution
from minicnn.training.step import quiet
from minicnn.types import Array

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, eq=False)
class Served:
    """A model under its name, to be asked by one thread.

    The engine keeps its buffers for two sizes of batches, and here they change with every batch. So
    it has an execution of its own for each of a few sizes, and a batch is asked in pieces of these:
    21 pictures as 16 + 4 + 1.

    Attributes:
        name: in addresses and answers.
        model: a Model, or a QuantizedModel.
        classes: their names, or their numbers as text.
        shape: of one input picture, (H, W, C).
        runs: by the sizes of pieces, the largest first, what runs one; empty as long as nobody has
            tried, and for one picture alone where answers would depend on the company.
        explains: whether it can say where it looks.
    """

    name: str
    model: Any
    classes: list[str]
    shape: tuple[int, int, int]
    runs: dict[int, Callable[[Array], Array]] = field(default_factory=dict)
    explains: bool = False

    @property
    def most(self) -> int:
        """How many pictures it can be asked at once."""
        return next(iter(self.runs))

    def predict(self, x: NDArray[np.float32]) -> Array:
        """Probabilities (n, K) for pictures (n, H, W, C)."""
        parts, at = [], 0
        with quiet():
            for size, run in self.runs.items():
                while len(x) - at >= size:
                    parts.append(run(x[at : at + size]))
                    at += size
            outputs = parts[0] if len(parts) == 1 else np.concatenate(parts)
            return class_probabilities(outputs, self.model.ends_in, self.name)

    def heat(self, x: NDArray[np.float32], class_index: int) -> NDArray[np.uint8]:
        """Where it looks in one picture (H, W, C) for a class, by Grad-CAM: (H, W), 255 where
        most.
        """
        with quiet():
            heat = explain.grad_cam(self.model, x, class_index).heat
        most = heat.max()
        if not 0 < most < np.inf:
            return np.zeros(heat.shape, np.uint8)
        return np.rint(heat * (255 / most)).astype(np.uint8)


def load(path: Path, name: str) -> Served:
    """The model in a file, or a run folder's.

    Raises FileNotFoundError; ModelFileError for a damaged file; ValueError for a model that takes
    no pictures, or whose answers are no classes.
    """
    model = _model(runs.model_file(path))
    match model.input_shape:
        case (None, int(height), int(width), (1 | 3) as channels):
            shape = height, width, channels
        case shape:
            raise ValueError(
                f"serve expected a model of pictures (None, H, W, 3) or (None, H, W, 1), received "
                f"{name!r} with input shape {shape}"
            )
    if len(model.output_shape) != 2:
        raise ValueError(
            f"serve expected a model whose answers are classes (None, K), received {name!r} with "
            f"output shape {model.output_shape}"
        )
    # not by asking it, which would start threads, and workers are forked from this process
    units = np.zeros((1, model.output_shape[1]), np.float32)
    classes = class_probabilities(units, model.ends_in, "serve").shape[1]
    names = list(model.class_names or map(str, range(classes)))
    if len(names) != classes:
        raise ValueError(
            f"serve expected a class name for each of the {classes} outputs of {name!r}, received "
            f"{len(names)}: correct its class_names"
        )
    return Served(name, model, names, shape)


def tried(served: Served, most: int) -> Served:
    """The same after it was asked what will be asked: kernels are loaded, threads run, and it is
    known whether up to `most` pictures together are answered, bit for bit, as each alone.

    By the thread that will ask it.
    """
    sizes = sorted({most, *(2**k for k in range(most.bit_length()))}, reverse=True)
    runs = {size: runner(served.model) for size in sizes}
    single = replace(served, runs={1: runs[1]})
    x = np.random.default_rng(0).integers(0, 256, (most, *served.shape)).astype(np.float32)
    expected = single.predict(x).tobytes()
    same = all(
        replace(served, runs={size: runs[size], 1: runs[1]}).predict(x).tobytes() == expected
        for size in sizes
    )
    try:
        single.heat(x[0], 0)
        explains = True
    except (ValueError, AttributeError, TypeError):  # no convolution, or whole numbers
        explains = False
    return replace(served, runs=runs if same else single.runs, explains=explains)


def runner(model: Any) -> Callable[[Array], Array]:
    """What runs a model for batches of one size, its buffers its own."""
    if not isinstance(model, Network):
        return model.predict
    execution = Execution(model.program(), model.engine)

    def run(x: Array) -> Array:
        with alone:
            return execution.outputs(x, training=False)

    return run


def named(word: str) -> tuple[str, Path]:
    """Name and path of `NAME=PATH`, or of a path alone, whose file or run has a name.

    Raises ValueError for a name that cannot stand in an address.
    """
    name, equals, path = word.partition("=")
    if not equals or "/" in name:
        file = runs.model_file(word)
        path = word
        name = file.resolve().parent.name if file.name == "model.safetensors" else file.stem
    if not NAME.fullmatch(name):
        raise ValueError(
            "serve expected the name of a model to have letters, digits and . _ - only, at most "
            f"64, received {name!r}: write NAME={path}"
        )
    return name, Path(path)


def _model(file: Path) -> Any:
    try:
        return models.load_model(file, compile=False)
    except ModelFileError as error:
        try:
            return quantize.load_model(file)  # a network in whole numbers
        except (ModelFileError, ImportError):
            raise error from None
