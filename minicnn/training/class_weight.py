"""class_weight: how much the loss of each class's samples counts in training."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minicnn.expect import array, is_integer, number
from minicnn.labels import class_of, is_sparse, sparse_rows
from minicnn.layers.shapes import with_batch
from minicnn.network import Network
from minicnn.types import Array

BALANCED = "balanced"


def class_factors(class_weight: Any, y: Array | None, model: Network, who: str) -> Array:
    """The factor (K,) of each class, from one of fit's forms of class_weight.

        {class: factor}    1 for classes that are not in it
        K factors          in the order of the classes
        "balanced"         n / (present * n_k): n samples in y, n_k of class k, `present` classes
                           that occur. So every class counts the same in all, and a sample 1 on
                           average, as in scikit-learn.

    Raises ValueError for a model that gives several answers per picture, for keys that are no
    classes, for factors that are no finite numbers of at
    least 0, and for "balanced" where y is None: the labels of a source are not known beforehand.
    """
    if len(model.head.output_shape) != 1:
        raise ValueError(
            f"{who} expected class_weight for a model with outputs (N, K), received one with "
            f"{with_batch(model.head.output_shape)}: sample_weight weighs pictures"
        )
    classes = model.classes
    if isinstance(class_weight, Mapping):
        factors = np.ones(classes)
        for key, factor in class_weight.items():
            factors[_class(key, classes, who)] = number(
                factor, f"class_weight[{key!r}]", who, least=0
            )
        return factors
    if isinstance(class_weight, str):
        return _balanced(class_weight, y, classes, who)
    given = array(class_weight, "class_weight", who)
    if given.shape != (classes,):
        raise ValueError(
            f"{who} expected class_weight as a dict, as {classes} numbers, one per class, or as "
            f"{BALANCED!r}, received "
            f"{class_weight!r}"
        )
    return np.array(
        [
            number(factor, f"class_weight[{k}]", who, least=0)
            for k, factor in enumerate(given.tolist())
        ]
    )


def _class(key: Any, classes: int, who: str) -> int:
    is_whole = isinstance(key, float | np.floating) and key == np.floor(key)
    if not (is_integer(key, 0) or is_whole) or not 0 <= key < classes:
        raise ValueError(
            f"{who} expected the classes 0 to {classes - 1} as keys of class_weight, received "
            f"{key!r}: classes count from 0, in the order of the last layer's units"
        )
    return int(key)


def _balanced(word: str, y: Array | None, classes: int, who: str) -> Array:
    if word != BALANCED:
        raise ValueError(
            f"{who} expected class_weight as a dict, a list or {BALANCED!r}, received {word!r}"
        )
    if y is None:
        raise ValueError(
            f"{who} cannot count the labels of a source for class_weight={BALANCED!r}: count them "
            "yourself and hand over a dict with n / (K * n_k) for each class k"
        )
    counts = np.bincount(_classes_of(y, classes, who), minlength=classes)
    present = counts > 0
    return np.divide(len(y), present.sum() * counts, where=present, out=np.ones(classes))


def weighted(weight: Array | None, factors: Array | None, y: Array, who: str) -> Array | None:
    """Sample weights (N,) times the factor of each sample's class."""
    if factors is None:
        return weight
    factor = factors[_classes_of(y, len(factors), who)]
    return factor if weight is None else weight * factor


def _classes_of(y: Array, classes: int, who: str) -> Array:
    """The class of each sample. Raises ValueError for labels that are no classes."""
    owner = f"{who}(class_weight)"
    if is_sparse(y):
        return sparse_rows(y, (len(y), classes), owner)
    return class_of(y, owner)
