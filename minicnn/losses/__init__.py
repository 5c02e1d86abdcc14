"""Losses: how far predictions are from what is wanted, and the gradient that training starts from.

base.py                       what every loss is
categorical_crossentropy.py   of classes that exclude one another
binary_crossentropy.py        of outputs that are each a yes or no
focal.py                      both, with less weight on what is easy
elementwise.py                what losses that compare outputs one by one have in common
regression.py, robust.py      of numbers
divergences.py, cosine_similarity.py, hinge.py
own.py                        functions of one's own

Every loss is there as a class, by name, and as a function that returns the loss of every sample.
"""

from collections.abc import Callable, Mapping
from typing import Any

from minicnn.losses.base import Loss
from minicnn.losses.binary_crossentropy import BinaryCrossentropy, binary_crossentropy
from minicnn.losses.categorical_crossentropy import (
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from minicnn.losses.cosine_similarity import CosineSimilarity, cosine_similarity
from minicnn.losses.divergences import KLDivergence, Poisson, kl_divergence, poisson
from minicnn.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from minicnn.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from minicnn.losses.own import FunctionLoss
from minicnn.losses.regression import (
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from minicnn.losses.robust import Huber, LogCosh, huber, log_cosh
from minicnn.names import instead, known_arguments, missing_from
from minicnn.names.described import described, from_description

# The class that each function is of.
FUNCTIONS: dict[Callable, type[Loss]] = {
    binary_crossentropy: BinaryCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    categorical_hinge: CategoricalHinge,
    cosine_similarity: CosineSimilarity,
    hinge: Hinge,
    huber: Huber,
    kl_divergence: KLDivergence,
    log_cosh: LogCosh,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_error: MeanSquaredError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    poisson: Poisson,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    squared_hinge: SquaredHinge,
}

SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

__getattr__ = missing_from(__name__, "losses", __all__)

NAMES: dict[str, type[Loss]] = {function.__name__: cls for function, cls in FUNCTIONS.items()}
CLASSES: dict[str, type[Loss]] = {cls.__name__: cls for cls in FUNCTIONS.values()}


def get(identifier: "str | Loss | type[Loss] | Mapping[str, Any] | Callable") -> Loss:
    """The loss of that name, class, function or description; the argument itself when it is a loss.

    A function of one's own becomes one, too: it is called with (y_true, y_pred) and returns the
    loss of each sample and its gradient with respect to y_pred.

    Raises ValueError for anything else.

    >>> losses.get("categorical_crossentropy").name
    'categorical_crossentropy'
    >>> losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta
    2.0
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return FUNCTIONS[identifier]() if identifier in FUNCTIONS else FunctionLoss(identifier)
    word = str(identifier)
    name = SHORT.get(word.lower(), word)
    if name not in NAMES and name not in CLASSES:
        raise ValueError(f"unknown loss {identifier!r}.{instead(word, 'losses', NAMES)}")
    return (NAMES | CLASSES)[name]()


@known_arguments
def serialize(loss: Loss) -> dict[str, Any]:
    """The description of a loss, of which deserialize makes one like it.

    >>> losses.serialize(losses.MeanSquaredError())
    {'class_name': 'MeanSquaredError', 'config': {'name': 'mean_squared_error'}}
    """
    return described(get(loss))


@known_arguments
def deserialize(
    name: Mapping[str, Any], custom_objects: Mapping[str, type[Loss]] | None = None
) -> Loss:
    """The loss that a description is of; custom_objects are classes of one's own, by name.

    >>> losses.deserialize({"class_name": "Huber", "config": {"delta": 2.0}}).delta
    2.0
    """
    return from_description(name, CLASSES, "losses", custom_objects)
