"""Lesson 4: momentum_step and adam_step."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minicnn.lessons.checks.step import Step, same
from minicnn.lessons.work import Work
from minicnn.optimizers import SGD, Adam, Optimizer
from minicnn.types import Array

RATE = 0.1
Update = Callable[[Array, int], Array]  # what a gradient, the t-th, adds to the weight


def steps(work: Work) -> Iterator[Step]:
    """Several steps beside minicnn's, with gradients of all sizes."""
    rng = np.random.default_rng(2)
    weight = rng.standard_normal(6)
    gradients = rng.standard_normal((5, 6)) * [1e-6, 1e-3, 0.1, 1, 10, 100]

    def momentum() -> str:
        mine, velocity = weight.copy(), np.zeros(6)
        for gradient in gradients:
            work.take("momentum_step")(mine, gradient.copy(), velocity, RATE, 0.9)
        mistakes = {
            "it does not change: weight += ... changes the array that was given, "
            "weight = ... makes another one": weight,
            "velocity is forgotten from step to step: velocity *= ... changes the array that was "
            "given, velocity = ... makes another one": weight - RATE * gradients.sum(axis=0),
            "it goes with the gradient, not against it": _after(weight, gradients, _heavy(-RATE)),
            "the learning rate is missing": _after(weight, gradients, _heavy(1)),
            "the gradient is weakened by 1 - momentum: it counts in full": _after(
                weight, gradients, _heavy(RATE * (1 - 0.9))
            ),
            "the weight is changed before the velocity": _late(weight, gradients),
        }
        exact = _exact(SGD(RATE, momentum=0.9), weight, gradients)
        return same("weight after 5 steps", mine, exact, mistakes)

    def adam() -> str:
        mine, m, v = weight.copy(), np.zeros(6), np.zeros(6)
        for t, gradient in enumerate(gradients, 1):
            work.take("adam_step")(mine, gradient.copy(), m, v, t, RATE)
        variants: dict[str, dict[str, Any]] = {
            "m and v begin at 0, and what corrects this is missing": {"corrected": False},
            "it is divided by v: take the root": {"power": 1.0},
            "v is the mean of gradient squared, here the square is missing": {"square": False},
            "epsilon is added to the root of v, not to v below it": {"inside": True},
            "epsilon is missing": {"epsilon": 0.0},
            "beta_1 and beta_2 have changed places": {"betas": (0.999, 0.9)},
            "it goes with the gradient, not against it": {"rate": -RATE},
            "m and v are forgotten from step to step: m *= ... changes the array that was given, "
            "m = ... makes another one": {"remembers": False},
        }
        mistakes = {told: _after(weight, gradients, _adam(**how)) for told, how in variants.items()}
        unchanged = "it does not change: weight -= ... changes the array that was given"
        exact = _exact(Adam(RATE), weight, gradients)
        return same("weight after 5 steps", mine, exact, {unchanged: weight} | mistakes)

    yield Step("momentum", momentum)
    yield Step("Adam", adam)


def _exact(optimizer: Optimizer, weight: Array, gradients: Array) -> Array:
    """The weight after minicnn's steps."""
    weight = weight.copy()
    for gradient in gradients:
        optimizer.step([("weight", weight, gradient.copy())])
    return weight


def _after(weight: Array, gradients: Array, update: Update) -> Array:
    """The weight after steps of another kind."""
    with np.errstate(all="ignore"):
        return weight + sum(update(gradient, t) for t, gradient in enumerate(gradients, 1))


def _heavy(rate: float) -> Update:
    """Momentum 0.9, with another rate."""
    velocity = np.zeros(6)

    def update(gradient: Array, t: int) -> Array:  # noqa: ARG001  as of Adam
        velocity[...] = 0.9 * velocity - rate * gradient
        return velocity.copy()

    return update


def _late(weight: Array, gradients: Array) -> Array:
    """As with the last gradient not seen."""
    return _after(weight, np.concatenate([np.zeros((1, 6)), gradients[:-1]]), _heavy(RATE))


def _adam(
    *,
    rate: float = RATE,
    betas: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-7,
    corrected: bool = True,
    square: bool = True,
    power: float = 0.5,
    inside: bool = False,
    remembers: bool = True,
) -> Update:
    """Adam, with a mistake."""
    m, v = np.zeros(6), np.zeros(6)

    def update(gradient: Array, t: int) -> Array:
        kept = 1.0 if remembers else 0.0
        m[...] = kept * betas[0] * m + (1 - betas[0]) * gradient
        v[...] = kept * betas[1] * v + (1 - betas[1]) * (gradient**2 if square else gradient)
        factor = np.sqrt(1 - betas[1] ** t) / (1 - betas[0] ** t) if corrected else 1.0
        below = (v + epsilon) ** power if inside else v**power + epsilon
        return -rate * factor * m / below

    return update
