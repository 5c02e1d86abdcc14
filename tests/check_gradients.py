"""Gradients of every layer, activation, loss and regularizer, for 200 drawn cases each.

    python tests/check_gradients.py [count]

prints one JSON line (the last one is docs/results/gradients.json) and exits with 1 when a bar is
missed, or when something in minicnn has no case in gradient_cases.py. A minute. The n-th case of a
class is the same on every machine.

A case has shapes, arguments, numbers and a dy that are drawn, in float64. Of every input and every
weight the gradient g that is claimed is compared with differences in one drawn direction v:

    g . v = dL(x + t v)/dt at t = 0,   L = sum(y * dy)

by the five-point stencil of minicnn/testing/differences.py. A wrong number anywhere in g shows in
g . v, for v has something of every place.

Kinks: where forward has a corner within the stencil there is nothing to compare with. With
S(h) = (L(h) - 2 L(0) + L(-h)) / h, S(2h) - 2 S(h) is O(h^3) where L is smooth, and not where it is
not. Such numbers are drawn anew, x, weights, dy and v, for the same layer, and are counted: of no
class more than a fiftieth may be at kinks. What noise draws is held fixed by setting random_state
back before every forward.
"""

import json
import platform
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gradient_cases as cases
import numpy as np

from minicnn import activations, layers
from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.machine import processor

Array = np.ndarray
COUNT, BAR = 200, 1e-7
STEP = 1e-5  # h: far from corners soon, and the differences' rounding is still below 1e-10
KINKS, TRIES = 0.02, 30  # the largest share, and how often numbers are drawn for one case

# forward for the numbers as they stand, dy, and of each array that may be moved its gradient
Claim = tuple[Callable[[], Array], Array, dict[str, tuple[Array, Array]]]


class Kink(Exception):
    """There is a corner nearby."""


def error_of(forward: Callable[[], Array], dy: Array, x: Array, g: Array, v: Array) -> float:
    """The error of g, relative to the largest of g . v, of what is measured, and of |g|.

    |g| is the size that g . v usually has: it may be 0 by chance. No error is relative to less than
    what makes the rounding of y, eps |y dy| / h in the differences, one of BAR. Raises Kink.
    """
    y, there = forward().copy(), x.copy()
    change = {}
    for steps in (-2, -1, 1, 2):
        x[...] = there + steps * STEP * v
        change[steps] = float(np.sum((forward() - y) * dy))  # L - L(0)
    x[...] = there
    measured = (8 * (change[1] - change[-1]) - (change[2] - change[-2])) / (12 * STEP)
    claimed = float(np.sum(g * v))
    rounding = float(np.finfo(y.dtype).eps * np.linalg.norm(y * dy)) / STEP
    scale = max(abs(claimed), abs(measured), float(np.linalg.norm(g)), rounding / BAR) or 1.0
    bend, far_bend = (change[1] + change[-1]) / STEP, (change[2] + change[-2]) / (2 * STEP)
    if abs(far_bend - 2 * bend) > BAR * scale:
        raise Kink
    return abs(claimed - measured) / scale


def drawn_like(rng: np.random.Generator, shape: tuple[int, ...], size: float = 1.0) -> Array:
    """Normal numbers, now and then in every other place of memory."""
    if shape and rng.random() < 0.3:
        return size * rng.standard_normal((*shape[:-1], 2 * shape[-1]))[..., ::2]
    return size * rng.standard_normal(shape)


def claim_of_layer(layer: Layer, shape: Any, rng: np.random.Generator) -> Claim:
    """A built layer's claim, of numbers that are drawn here."""
    for param in layer.params.values():
        param[...] = rng.standard_normal(param.shape)
    for name in layer.state.keys() & {"moving_mean", "moving_variance"}:
        layer.state[name][...] = rng.uniform(0.5, 2, layer.state[name].shape)
    batch, size = int(rng.integers(1, 4)), rng.choice([0.5, 1.0, 1.5])
    if isinstance(layer, layers.BatchNormalization):
        batch += 1  # of one number there is no variance
    if hasattr(layer, "value_range"):
        size = 1.0  # so that few are cut off: a number at the edge is at a kink
    shapes = shape if isinstance(layer, Merge) else [shape]
    inputs = [drawn_like(rng, (batch, *one), size) for one in shapes]
    given: Any = inputs if isinstance(layer, Merge) else inputs[0]
    state = layer.random_state

    def forward() -> Array:
        layer.random_state = state  # the same noise every time
        return layer.forward(given, training=True)

    dy = drawn_like(rng, forward().shape)
    gradients = layer.backward(dy)
    listed = gradients if isinstance(layer, Merge) else [gradients]
    tensors = {f"x{n}": pair for n, pair in enumerate(zip(inputs, listed, strict=True), 1)}
    if layer.trainable:
        tensors |= {name: (w, layer.grads[name].copy()) for name, w in layer.params.items()}
    return forward, dy, tensors


def claims_of_layer(make: Callable, pen: cases.Pen) -> Callable[[np.random.Generator], Claim]:
    layer, shape = make(pen)
    layer.build(shape, pen.rng, np.float64)
    return lambda rng: claim_of_layer(layer, shape, rng)


def claims_of_activation(name: str) -> Callable:
    def make(pen: cases.Pen) -> tuple:
        return layers.Activation(name), pen.shape()

    return lambda pen: claims_of_layer(make, pen)


def claims_of_loss(make: Callable) -> Callable:
    """y_pred's, with sample weights (N,) or (N, 1), or without."""

    def drawn(pen: cases.Pen) -> Callable[[np.random.Generator], Claim]:
        state = pen.rng.bit_generator.state

        def claim(rng: np.random.Generator) -> Claim:
            pen.rng.bit_generator.state = state  # the same loss
            loss, y_true, y_pred = make(pen)
            y_pred = y_pred + 0.01 * rng.standard_normal(y_pred.shape) * (loss.fuses is None)
            weight = [None, rng.random(len(y_pred)), rng.random((len(y_pred), 1))][
                rng.integers(0, 3)
            ]

            def value() -> Array:
                return np.array(loss.value_and_gradient(y_true, y_pred, weight)[0])

            gradient = loss.value_and_gradient(y_true, y_pred, weight)[1]
            return value, np.array(1.0), {"y_pred": (y_pred, gradient)}

        return claim

    return drawn


def claims_of_regularizer(make: Callable) -> Callable:
    def drawn(pen: cases.Pen) -> Callable[[np.random.Generator], Claim]:
        regularizer, shape = make(pen), pen.shape()

        def claim(rng: np.random.Generator) -> Claim:
            w = drawn_like(rng, shape)
            return (
                lambda: np.array(regularizer(w)),
                np.array(1.0),
                {"w": (w, regularizer.gradient(w))},
            )

        return claim

    return drawn


def subjects() -> dict[str, Callable]:
    """All that is checked, by name: of a pen comes a case, and of a generator a claim of it."""

    def of_layer(make: Callable) -> Callable:
        return lambda pen: claims_of_layer(make, pen)

    return (
        {f"layers.{name}": of_layer(make) for name, make in cases.LAYERS.items()}
        | {f"activations.{name}": claims_of_activation(name) for name in activations.NAMES}
        | {f"losses.{name}": claims_of_loss(make) for name, make in cases.LOSSES.items()}
        | {
            f"regularizers.{name}": claims_of_regularizer(make)
            for name, make in cases.REGULARIZERS.items()
        }
    )


SUBJECTS = subjects()


def errors(name: str, number: int) -> tuple[dict[str, float], int]:
    """The error of each gradient of one case, and how often its numbers were at a kink."""
    seed = zlib.crc32(name.encode()), number
    claims = SUBJECTS[name](cases.Pen(np.random.default_rng(seed)))
    for kinks in range(TRIES):
        rng = np.random.default_rng((*seed, kinks))
        forward, dy, tensors = claims(rng)
        try:
            return {
                key: error_of(forward, dy, x, g, rng.standard_normal(x.shape))
                for key, (x, g) in tensors.items()
            }, kinks
        except Kink:
            continue
    return {"a place without a kink": np.inf}, TRIES


def check(names: Iterable[str], count: int) -> dict[str, Any]:
    """The worst errors of those subjects, what missed its bar, and how much was at kinks."""
    worst: dict[str, float] = {}
    missed, kinked, compared = [], {}, 0
    for name in names:
        found, kinks = {}, 0
        for number in range(count):
            found[number], tries = errors(name, number)
            kinks += tries
            missed += [
                f"{name}, case {number}, {key}: {error:.1e}"
                for key, error in found[number].items()
                if not error <= BAR
            ]
        worst[name] = max(max(one.values(), default=0.0) for one in found.values())
        compared += sum(map(len, found.values()))
        if kinks:
            kinked[name] = round(kinks / (count + kinks), 4)
    return {"missed": missed, "gradients": compared, "kinks": kinked, "worst": worst}


def main(count: int) -> int:
    began, names = time.time(), list(SUBJECTS)
    found = check(tell(names), count)
    found["missed"] += [
        f"{name}: {share:.1%} of what was drawn is at kinks"
        for name, share in found["kinks"].items()
        if share > KINKS
    ]
    without = cases.without_a_case()
    passed = not (found["missed"] or without)
    result = {
        "check": "gradients in drawn directions", "passed": passed, "subjects": len(names),
        "cases_each": count, "bar": BAR, "largest": max(found["worst"].values()),
        "without_a_case": without, **found, "seconds": round(time.time() - began),
        "processor": processor.target()[0], "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if passed else 1


def tell(names: list[str]) -> Iterator[str]:
    for name in names:
        print(name, file=sys.stderr, flush=True)
        yield name


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
