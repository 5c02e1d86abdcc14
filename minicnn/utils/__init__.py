"""Small helpers that Keras scripts expect under `keras.utils`."""

from collections.abc import Iterable
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from minicnn.backend import clear_session
from minicnn.expect import is_integer, numbers
from minicnn.labels import to_categorical
from minicnn.names import known_arguments, missing_from
from minicnn.network import Network
from minicnn.seeds import set_random_seed
from minicnn.training.py_dataset import PyDataset

if TYPE_CHECKING:  # what type checkers see; it is loaded below, when somebody asks for it
    from minicnn.preprocessing.from_directory import image_dataset_from_directory
    from minicnn.preprocessing.pictures import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "plot_model",
    "save_img",
    "set_random_seed",
    "to_categorical",
]

Sequence = PyDataset  # Keras 2's name of it

# Where the names are that need Pillow, which costs 50 ms: who makes labels one-hot does not pay it.
PLACES = {
    "array_to_img": "pictures",
    "image_dataset_from_directory": "from_directory",
    "img_to_array": "pictures",
    "load_img": "pictures",
    "save_img": "pictures",
}

not_there = missing_from(__name__, "utils", __all__)


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        return not_there(name)
    place = import_module(f"minicnn.preprocessing.{PLACES[name]}")
    value = globals()[name] = getattr(place, name)
    return value


@known_arguments
def normalize(x: ArrayLike, axis: int | Iterable[int] = -1, order: int = 2) -> np.ndarray:
    """x divided by its norm along an axis, where that is not 0: not the step that brings pixels to
    0 ... 1.

        y = x / (sum |x|**order) ** (1 / order)

    Raises ValueError for an order that is no whole number above 0, for other axes, and for words.

    >>> utils.normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = numbers(x, "x", "normalize")
    if not is_integer(order):
        raise ValueError(f"normalize expected order as a whole number above 0, received {order!r}")
    axes = tuple(axis) if isinstance(axis, Iterable) and not isinstance(axis, str) else (axis,)
    if not all(is_integer(one, -x.ndim) and one < x.ndim for one in axes):
        raise ValueError(
            f"normalize expected axis as one of the {x.ndim} axes of x, or several, received "
            f"{axis!r}"
        )
    norm = (np.abs(x) ** order).sum(axes, keepdims=True) ** (1 / order)
    return x / np.where(norm == 0, 1, norm)


@known_arguments
def plot_model(
    model: Network,
    to_file: str | PathLike[str] = "model.png",
    expand_nested: bool = False,
    dpi: int = 200,
) -> Any:
    """Save plots.network(model), which shows shapes and names of layers, to a file, and return it.

    >>> model = Sequential([Input((4,)), layers.Dense(2)])
    >>> utils.plot_model(model, "model.png").data["layers"][-1]["class"]
    'Dense'
    """
    from minicnn.plots import network  # costs 200 ms, for matplotlib, and only this needs it

    plot = network(model, expand_nested=expand_nested)
    plot.save(Path(to_file), dpi=dpi)
    return plot
