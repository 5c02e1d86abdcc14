"""Metrics: numbers of all samples seen since the last reset, beside the loss.

base.py               what every metric is: a mean over samples
accuracy.py, top_k.py how many answers are right
counts.py             precision, recall and the counts that they are made of
auc.py, f_score.py    what is made of several of these
of_losses.py          losses as metrics
own.py                functions

Those that are means over samples are there as functions, too, which return one number per sample;
those of losses are the losses' own.
"""

from collections.abc import Callable, Mapping
from typing import Any

from minicnn import losses
from minicnn.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from minicnn.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from minicnn.metrics.auc import AUC
from minicnn.metrics.base import Metric
from minicnn.metrics.counts import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from minicnn.metrics.f_score import F1Score, FBetaScore
from minicnn.metrics.of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from minicnn.metrics.own import FunctionMetric
from minicnn.metrics.top_k import (
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from minicnn.names import instead, known_arguments, missing_from
from minicnn.names.described import described, from_description
from minicnn.wording import snake_case

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
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
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

__getattr__ = missing_from(__name__, "metrics", __all__)

CLASSES: dict[str, type[Metric]] = {
    cls.__name__: cls
    for cls in (
        AUC,
        Accuracy,
        BinaryAccuracy,
        BinaryCrossentropy,
        CategoricalAccuracy,
        CategoricalCrossentropy,
        CategoricalHinge,
        CosineSimilarity,
        F1Score,
        FBetaScore,
        FalseNegatives,
        FalsePositives,
        Hinge,
        KLDivergence,
        LogCoshError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        Poisson,
        Precision,
        Recall,
        RootMeanSquaredError,
        SparseCategoricalAccuracy,
        SparseCategoricalCrossentropy,
        SparseTopKCategoricalAccuracy,
        SquaredHinge,
        TopKCategoricalAccuracy,
        TrueNegatives,
        TruePositives,
    )
}

SHORT = {"acc": "accuracy", "logcosh": "log_cosh_error"} | losses.SHORT

# Keras' names of the classes in small letters: "mean_squared_error", "auc", "f1_score"
NAMES: dict[str, type[Metric]] = {snake_case(name): cls for name, cls in CLASSES.items()}


def get(identifier: "str | Metric | type[Metric] | Mapping[str, Any] | Callable") -> Metric:
    """The metric of that name (which it also has in logs), class, function or description; the
    argument itself when it is a metric.

    A function of one's own becomes one, too: it is called with (y_true, y_pred), and what it
    returns is averaged.

    Raises ValueError for anything else.

    >>> metrics.get("acc").name, metrics.get("mse").name
    ('acc', 'mse')
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier):
        name = getattr(identifier, "__name__", "")
        own = globals().get(name) is identifier and name in NAMES
        return NAMES[name](name=name) if own else FunctionMetric(identifier)
    word = str(identifier)
    name = SHORT.get(word.lower(), word)
    if name not in NAMES and name not in CLASSES:
        raise ValueError(f"unknown metric {identifier!r}.{instead(word, 'metrics', NAMES)}")
    return (NAMES | CLASSES)[name](name=word)


@known_arguments
def serialize(metric: Metric) -> dict[str, Any]:
    """The description of a metric, of which deserialize makes one like it.

    >>> metrics.serialize(metrics.TopKCategoricalAccuracy(k=3, name="top3"))
    {'class_name': 'TopKCategoricalAccuracy', 'config': {'k': 3, 'name': 'top3'}}
    """
    return described(get(metric))


@known_arguments
def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type[Metric]] | None = None
) -> Metric:
    """The metric that a description is of; custom_objects are classes of one's own, by name.

    >>> metrics.deserialize({"class_name": "AUC", "config": {"curve": "PR"}}).curve
    'PR'
    """
    return from_description(config, CLASSES, "metrics", custom_objects)
