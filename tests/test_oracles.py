"""All that computes has values by Keras in tests/golden, or stands below with the reason why not.

Gradients: gradient_cases.py names what it has no cases for, and test_gradients_drawn.py asks it.
"""

from collections.abc import Iterable
from typing import Any

import pytest
from golden import (
    make_augmentation,
    make_heavy_layers,
    make_layers,
    make_light_layers,
    make_losses,
    make_metrics,
    make_optimizers,
    make_training,
)

from minicnn import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)

MODULES = {
    module.__name__.removeprefix("minicnn."): module
    for module in (
        activations,
        constraints,
        initializers,
        layers,
        losses,
        metrics,
        optimizers,
        regularizers,
        schedules,
    )
}


def first(rows: Iterable[tuple]) -> set[str]:
    """The classes of rows that begin with them."""
    return {row[0] for row in rows}


# The classes, and the names of activations, that have golden values; the tests that read these
# files insist on a value for each case.
GOLDEN = {
    "activations": set(make_light_layers.NAMES),
    "constraints": first(make_heavy_layers.CONSTRAINTS),
    "initializers": first(make_heavy_layers.INITIALIZERS),
    "layers": {
        case.layer
        for file in (make_augmentation, make_heavy_layers, make_layers, make_light_layers)
        for case in file.CASES.values()
    },
    "losses": first([*make_losses.LOSSES.values(), *make_layers.LOSSES.values()]),
    "metrics": first([*make_metrics.METRICS.values(), *make_layers.METRICS.values()]),
    "optimizers": first([*make_optimizers.OPTIMIZERS.values(), *make_training.TRAININGS.values()]),
    "regularizers": first(make_heavy_layers.REGULARIZERS),
    "schedules": first(make_training.SCHEDULES),
}

# What finds and describes, and what the others are subclasses of: they compute nothing.
NOTHING = {
    *("Constraint", "Initializer", "Layer", "LearningRateSchedule", "Loss", "Merge", "Metric"),
    *("Optimizer", "Regularizer", "deserialize", "get", "schedules", "serialize"),
    *("Input", "InputLayer", "OptimizerMap"),
}

DRAWS = "Keras draws other noise; test_light_layers.py measures what is drawn"
WITHOUT = {
    "layers.Dropout": DRAWS,
    "layers.GaussianDropout": DRAWS,
    "layers.GaussianNoise": DRAWS,
    "layers.SpatialDropout2D": DRAWS,
    "layers.RandomCrop": "Keras cuts a batch at one place; test_augmentation.py cuts by NumPy",
    "layers.LocalResponseNormalization": "Keras has none; test_local_response.py has ONNX' formula",
    "metrics.Accuracy": "Keras' compares labels with labels; this is metrics=['accuracy'], for "
    "which Keras takes one of three other accuracies, and these have values",
    "schedules.OneCycle": "Keras has none; its values are PyTorch's, test_schedules.py",
}


def class_of(kind: str, value: Any) -> str:
    """The class that a name stands for: its own, or that whose function it is."""
    if value in losses.FUNCTIONS:  # which are metrics too
        return losses.FUNCTIONS[value].__name__
    if kind == "metrics" and not isinstance(value, type):
        return type(metrics.get(value)).__name__
    if kind == "layers" and not isinstance(value, type):
        return value.__name__.title()  # add is Add
    return value.__name__


NAMES = [
    (kind, name)
    for kind, module in MODULES.items()
    for name in module.__all__
    if name not in NOTHING
]


@pytest.mark.parametrize("kind, name", NAMES, ids=[".".join(pair) for pair in NAMES])
def test_it_has_golden_values_or_a_reason(kind, name):
    value = getattr(MODULES[kind], name)
    of = class_of(kind, value)
    has_values = of in GOLDEN["losses" if value in losses.FUNCTIONS else kind]
    assert has_values != (f"{kind}.{of}" in WITHOUT), f"{of} has no case in tests/golden"


def test_those_with_a_reason_are_there():
    assert WITHOUT.keys() <= {".".join(pair) for pair in NAMES}
