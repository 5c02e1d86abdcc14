"""Lesson 3: softmax_cross_entropy."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minicnn.lessons.checks.step import Numbers, Step, same
from minicnn.lessons.work import Work
from minicnn.losses import SparseCategoricalCrossentropy
from minicnn.types import Array

N, K, H = 4, 3, 1e-4  # samples, classes, and how far a logit is moved


def steps(work: Work) -> Iterator[Step]:
    """The loss beside minicnn's, dlogits beside measured derivatives, and large logits."""
    rng = np.random.default_rng(2)
    logits, labels = rng.standard_normal((N, K)), np.array([0, 2, 1, 1])
    exact = SparseCategoricalCrossentropy(from_logits=True)

    def results(given: Array) -> tuple[Any, Any]:
        returned = work.take("softmax_cross_entropy")(given.copy(), labels.copy())
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise AssertionError(
                "softmax_cross_entropy expected to return loss, dlogits, received "
                f"{type(returned).__name__}"
            )
        return returned

    def loss() -> str:
        value = exact.value_and_gradient(labels, logits)[0]
        mistakes: dict[str, Numbers] = {
            "it is the sum over the batch, where the mean is wanted": value * N,
            "its sign is turned round: it is minus the logarithm": -value,
            "the softmax runs along the wrong axis: each row is a sample": _along_wrong_axis(
                logits, labels
            ),
            "it is the mean over all classes too: only that of the label counts": value / K,
        }
        return same("loss", results(logits)[0], value, mistakes)

    def gradient() -> str:
        measured = _measured(exact, logits, labels)
        true = np.eye(K)[labels]
        mistakes = {
            "the loss is a mean: divide by N": measured * N,
            "it is divided by N twice": measured / N,
            "its sign is turned round: p - true, not true - p": -measured,
            "1 is to be taken away at the labels: this is p / N": measured + true / N,
            "divide by N after 1 has been taken away, not before": measured + true / N - true,
        }
        return same("dlogits", results(logits)[1], measured, mistakes)

    def large() -> str:
        far = np.array([[1000.0, 0.0, -1000.0]] * N)
        with np.errstate(all="ignore"):
            value, dlogits = results(far)
        if not (np.isfinite(value) and np.isfinite(dlogits).all()):
            raise AssertionError(
                "logits of 1000 make the loss or its gradient infinite or NaN: take the largest "
                "logit of each row away before exp, and take the logarithm of the sum, not of p"
            )
        expected, gradient = exact.value_and_gradient(labels, far)
        same("loss", value, expected)
        return f"for logits of 1000 too: {same('dlogits', dlogits, gradient)}"

    yield Step("loss", loss)
    yield Step("gradient", gradient)
    yield Step("large logits", large)


def _along_wrong_axis(logits: Array, labels: Array) -> Array:
    p = np.exp(logits) / np.exp(logits).sum(axis=0)
    return -np.log(p[np.arange(N), labels]).mean()


def _measured(loss: SparseCategoricalCrossentropy, logits: Array, labels: Array) -> Array:
    """The differences of the loss when one logit after the other is moved, by four points."""
    gradient = np.empty_like(logits)
    for place in np.ndindex(logits.shape):
        one = np.zeros_like(logits)
        one[place] = H
        value = {k: loss.value_and_gradient(labels, logits + k * one)[0] for k in (-2, -1, 1, 2)}
        gradient[place] = (8 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12 * H)
    return gradient
