"""Losses with drawn arguments, for gradient_cases.py: of every one a loss, y_true and y_pred."""

from collections.abc import Callable
from typing import Any

import numpy as np
from gradient_pen import Array, Pen

from minicnn import losses


def scores(pen: Pen) -> Array:
    """Of classes, (N, K)."""
    return 2 * pen.rng.standard_normal((pen.integer(1, 6), pen.integer(2, 6)))


def of_classes(kind: type, sparse: bool = False, focal: bool = False) -> Callable[[Pen], tuple]:
    """One-hot labels, or their numbers, or sure of none; scores, or probabilities."""

    def drawn(pen: Pen) -> tuple:
        z = scores(pen)
        N, K = z.shape
        arguments: dict[str, Any] = {"from_logits": pen.chance()}
        if not sparse:
            arguments["label_smoothing"] = pen.number(0, 0.5) * pen.chance()
        if focal:
            each = pen.rng.uniform(0, 2, K).tolist()
            arguments |= {"gamma": pen.number(0, 4), "alpha": pen.pick((each, each[0]))}
        labels = pen.rng.integers(0, K, N)
        soft = pen.rng.dirichlet(np.ones(K), N)
        y_true = labels if sparse else pen.pick((np.eye(K)[labels], soft))
        # no probability near 0, where log bends within the stencil
        p = 0.9 * np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) + 0.1 / K
        return kind(**arguments), y_true, z if arguments["from_logits"] else p

    return drawn


def of_yes_and_no(kind: type, focal: bool = False) -> Callable[[Pen], tuple]:
    def drawn(pen: Pen) -> tuple:
        z = scores(pen)
        arguments: dict[str, Any] = {
            "from_logits": pen.chance(),
            "label_smoothing": pen.number(0, 0.5) * pen.chance(),
        }
        if focal:
            arguments |= {
                "apply_class_balancing": pen.chance(),
                "alpha": pen.number(0, 1),
                "gamma": pen.number(0, 4),
            }
        y_true = pen.pick((pen.rng.integers(0, 2, z.shape), pen.rng.uniform(0, 1, z.shape)))
        return (
            kind(**arguments),
            y_true,
            z if arguments["from_logits"] else 0.98 / (1 + np.exp(-z)) + 0.01,
        )

    return drawn


def of_numbers(kind: type, positive: bool = False, signs: bool = False) -> Callable[[Pen], tuple]:
    """Of outputs of any rank; positive ones, or labels of -1 and 1, where a loss asks for them."""

    def drawn(pen: Pen) -> tuple:
        shape = (pen.integer(1, 6), *pen.shape(pen.integer(1, 3)))
        y_true, y_pred = 2 * pen.rng.standard_normal((2, *shape))
        if positive:
            y_true, y_pred = np.abs(y_true) + 0.1, np.abs(y_pred) + 0.1
        if signs:
            y_true = pen.pick((np.sign(y_true), (y_true > 0).astype(float)))
        return (
            kind(**({"delta": pen.number(0.1, 3)} if kind is losses.Huber else {})),
            y_true,
            y_pred,
        )

    return drawn


def categorical_hinge(pen: Pen) -> tuple:
    y_pred = scores(pen)
    N, K = y_pred.shape
    return losses.CategoricalHinge(), np.eye(K)[pen.rng.integers(0, K, N)], y_pred


LOSSES: dict[str, Callable[[Pen], tuple]] = {
    "BinaryCrossentropy": of_yes_and_no(losses.BinaryCrossentropy),
    "BinaryFocalCrossentropy": of_yes_and_no(losses.BinaryFocalCrossentropy, focal=True),
    "CategoricalCrossentropy": of_classes(losses.CategoricalCrossentropy),
    "CategoricalFocalCrossentropy": of_classes(losses.CategoricalFocalCrossentropy, focal=True),
    "CategoricalHinge": categorical_hinge,
    "CosineSimilarity": of_numbers(losses.CosineSimilarity),
    "Hinge": of_numbers(losses.Hinge, signs=True),
    "Huber": of_numbers(losses.Huber),
    "KLDivergence": of_numbers(losses.KLDivergence, positive=True),
    "LogCosh": of_numbers(losses.LogCosh),
    "MeanAbsoluteError": of_numbers(losses.MeanAbsoluteError),
    "MeanAbsolutePercentageError": of_numbers(losses.MeanAbsolutePercentageError),
    "MeanSquaredError": of_numbers(losses.MeanSquaredError),
    "MeanSquaredLogarithmicError": of_numbers(losses.MeanSquaredLogarithmicError, positive=True),
    "Poisson": of_numbers(losses.Poisson, positive=True),
    "SparseCategoricalCrossentropy": of_classes(losses.SparseCategoricalCrossentropy, sparse=True),
    "SquaredHinge": of_numbers(losses.SquaredHinge, signs=True),
}
