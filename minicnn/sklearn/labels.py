"""Labels of any kind, words too, as the numbers of their classes, and as what a loss wants."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.class_weight import compute_class_weight

from minicnn.labels import to_categorical
from minicnn.losses import SparseCategoricalCrossentropy
from minicnn.network import Network
from minicnn.training import checks
from minicnn.types import Array

NAMED = 5  # labels in a message


def check_one_per_sample(y: Any, who: str) -> None:
    """Raise ValueError for one-hot labels."""
    shape = np.asarray(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(
            f"{who} expected labels (N,), received shape {shape}: y should be a 1d array, of one-"
            "hot labels it is y.argmax(axis=1)"
        )


def several(classes: Array, who: str) -> Array:
    """classes itself. Raises ValueError unless there is something to tell apart."""
    if len(classes) < 2:
        raise ValueError(
            f"{who} expected labels of at least 2 classes, received {len(classes)} class: "
            f"{listed(classes)}"
        )
    return classes


def numbered(y: Array, classes: Array, who: str) -> Array:
    """The place of each label (N,) among the sorted classes.

    Raises ValueError for labels that are none of them.
    """
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"{who} expected labels of the classes {listed(classes)}, received {listed(unknown)}: "
            "all classes must be known from the beginning, fit anew or name them in partial_fit"
        )
    return np.searchsorted(classes, y)


def listed(labels: Array) -> str:
    """The first labels, for messages."""
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return ", ".join(repr(label) for label in labels[:NAMED].tolist()) + more


def targets(numbers: Array, model: Network) -> Array:
    """What a compiled model's loss wants of samples of these classes: their numbers, if it is the
    sparse one or the model has a single unit, else one-hot rows.
    """
    units = model.head.output_shape[-1]
    sparse = units == 1 or isinstance(model.loss, SparseCategoricalCrossentropy)
    return numbers if sparse else to_categorical(numbers, units)


def weights(sample_weight: Any, n: int, who: str) -> Array | None:
    """The weights (n,) of n samples, None if there are none.

    Raises ValueError for others, and where all are zero.
    """
    if sample_weight is None:
        return None
    found = checks.sample_weights(sample_weight, n, who)
    check_consistent_length(found, np.empty(n))
    if not found.any():
        raise ValueError(
            f"{who} expected sample_weight with a number that is not zero, received {n} times "
            "zero: leave it out, for every sample to count"
        )
    return found


def factors(class_weight: Any, classes: Array, y: Array, who: str) -> Array | None:
    """The factor of each class, in their order, of {label: factor} or "balanced".

    Raises ValueError for labels that are no classes, and for other words.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, Mapping):
        unknown = [label for label in class_weight if label not in classes.tolist()]
        if unknown:
            raise ValueError(
                f"{who} expected the classes {listed(classes)} as keys of class_weight, received "
                f"{unknown[0]!r}: the keys are labels as in y"
            )
    elif class_weight != "balanced":
        raise ValueError(
            f"{who} expected class_weight as None, 'balanced' or {{label: factor}}, received "
            f"{class_weight!r:.80}"
        )
    return compute_class_weight(class_weight, classes=classes, y=y)
