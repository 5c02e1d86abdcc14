"""Claimed gradients beside numerical ones: differences of the forward pass.

For a random dy, backward claims gradients of L = sum(y * dy). Each claim is compared with
    D = (8 (L(+h) - L(-h)) - (L(+2h) - L(-2h))) / (12 h)                           error O(h^4)
where one number of the input or of a parameter is moved by h.

Kinks: where forward has a corner within 2h (ReLU at 0, two equal values in a max pool) there is no
derivative to compare with. With S(h) = (L(+h) - 2 L(0) + L(-h)) / h, a smooth L has S(2h) - 2 S(h)
= O(h^3), a corner does not. Such places are left out and counted, so that this guard cannot hide a
mistake either.

Source: the five-point stencil, Abramowitz & Stegun 1964, 25.3.6; the rest, Karpathy's CS231n notes,
    "Gradient checks".
"""

from collections.abc import Callable, Mapping

import numpy as np

from minicnn.testing.gradient_report import GradientReport, TensorCheck
from minicnn.testing.shapes import check_shape
from minicnn.types import Array

SMALL = (
    1e-3  # a gradient below this share of the check's largest is judged as if it were that large
)


def compare(
    name: str,
    forward: Callable[[], Array],
    dy: Array,
    tensors: Mapping[str, tuple[Array, Array]],
    samples: int,
    rng: np.random.Generator,
    tolerance: float,
    h: float,
) -> GradientReport:
    """Compare each (array, claimed gradient of sum(forward() * dy)) with differences of forward.

    An error is relative to the larger of both gradients and of the tensor's root mean square
    gradient, but to no less than what makes the rounding of y, eps |y * dy| / h in the differences,
    a relative error of `tolerance`.
    """
    for key, (_, gradient) in tensors.items():
        if gradient is None:
            raise AssertionError(f"{name}: the gradient of {key} is None, expected an array")
    y = forward().copy()
    resolution = float(np.finfo(y.dtype).eps * np.linalg.norm(y * dy)) / h
    largest = max(float(np.abs(gradient).max(initial=0)) for _, gradient in tensors.values())
    checks = {}
    for key, (array, gradient) in tensors.items():
        check_shape(name, key, gradient.shape, array.shape)
        scale = (
            max(float(np.sqrt(np.mean(gradient**2))), SMALL * largest, resolution / tolerance)
            or 1.0
        )
        worst, kinks = 0.0, 0
        places = rng.choice(array.size, min(samples, array.size), replace=False)
        for place in places:
            index = np.unravel_index(place, array.shape)
            difference = _differences(forward, y, dy, array, index, h)
            if abs(difference[2] - 2 * difference[1]) > tolerance * scale:
                kinks += 1
                continue
            claimed, measured = float(gradient[index]), difference[0]
            worst = max(worst, abs(claimed - measured) / max(abs(claimed), abs(measured), scale))
        checks[key] = TensorCheck(worst, len(places) - kinks, kinks)
    return GradientReport(name, checks)


def _differences(
    forward: Callable[[], Array], y: Array, dy: Array, array: Array, index: tuple, h: float
) -> tuple[float, float, float]:
    """D, S(h) and S(2h) of the module's docstring, for the number array[index]; y = forward() as it
    stands.
    """
    value = array[index]
    change = {}
    for steps in (-2, -1, 1, 2):
        array[index] = value + steps * h
        # L - L(0): exact where y did not change
        change[steps] = float(np.sum((forward() - y) * dy))
    array[index] = value
    slope = (8 * (change[1] - change[-1]) - (change[2] - change[-2])) / (12 * h)
    return slope, (change[1] + change[-1]) / h, (change[2] + change[-2]) / (2 * h)
