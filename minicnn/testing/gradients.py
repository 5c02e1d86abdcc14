"""Gradient checks: is a layer's backward the derivative of its forward?

Works on any Layer, a user's own included:

    from minicnn.testing import check_layer
    check_layer(MyLayer(), (8, 8, 3))       # raises AssertionError, naming the tensor, unless it is

How: in float64, for a random dy, backward claims gradients of L = sum(y * dy). Each claim is
compared with
    D = (8 (L(+h) - L(-h)) - (L(+2h) - L(-2h))) / (12 h)             error O(h^4)
where one number of the input or of a parameter is moved by h. dy is drawn at random because special
ones hide mistakes: with dy = 1 everywhere, the true gradient of batch normalisation is 0, and a
backward that returns zeros would pass.

Kinks: where forward has a corner within 2h (ReLU at 0, two equal values in a max pool) there is no
derivative to compare with. With S(h) = (L(+h) - 2 L(0) + L(-h)) / h, a smooth L has S(2h) - 2 S(h)
= O(h^3), a corner does not. Such places are left out and counted, so that this guard cannot hide a
mistake either.

Source: the five-point stencil, Abramowitz & Stegun 1964, 25.3.6; the rest, Karpathy's CS231n notes,
    "Gradient checks".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn import losses
from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.layers.softmax import softmax
from minicnn.names import known_arguments
from minicnn.network.network import Network
from minicnn.types import Array, Shape
from minicnn.wording import percent

TOLERANCE, STEP = 1e-7, 1e-4  # largest relative error of one layer, and h
# Of a whole network: there one weight moves thousands of units, and each must stay clear of its
# corner.
MODEL_TOLERANCE, MODEL_STEP = 1e-6, 1e-5
SMALL = (
    1e-3  # a gradient below this share of the check's largest is judged as if it were that large
)


@dataclass(frozen=True)
class TensorCheck:
    """The comparison of one tensor's gradient."""

    error: float  # worst relative error
    checked: int  # numbers compared
    kinks: int  # numbers left out


@dataclass(frozen=True)
class GradientReport:
    """The comparison of all gradients of one layer or model; str() is a table."""

    name: str
    tensors: Mapping[str, TensorCheck]

    @property
    def error(self) -> float:
        """The worst relative error of any tensor."""
        return max(tensor.error for tensor in self.tensors.values())

    @property
    def kinks(self) -> float:
        """The share of numbers left out."""
        left_out = sum(tensor.kinks for tensor in self.tensors.values())
        return left_out / max(1, left_out + sum(tensor.checked for tensor in self.tensors.values()))

    def __str__(self) -> str:
        rows = [
            f"  {name:<32} {tensor.error:.1e}  ({tensor.checked} checked, {tensor.kinks} kinks "
            "left out)"
            for name, tensor in self.tensors.items()
        ]
        return "\n".join([f"{self.name}: worst relative error {self.error:.1e}", *rows])


@known_arguments
def check_layer(
    layer: Layer,
    input_shape: Shape | Sequence[Shape],
    *,
    batch: int = 2,
    x: Array | Sequence[Array] | None = None,
    tolerance: float = TOLERANCE,
    samples: int = 40,
    seed: int = 0,
) -> GradientReport:
    """Check every gradient of a layer for samples of input_shape (without N).

    Args:
        layer: is built here, in float64, and its parameters are drawn at random.
        input_shape: of a Merge, the list of the shapes of all inputs.
        batch: N, unless x is given.
        x: the input (N, *input_shape), standard normal unless given; of a Merge, the list of all
            inputs.
        tolerance: the largest relative error to pass.
        samples: how many numbers of each tensor are moved; all, when it has no more.
        seed: of everything drawn.

    Raises AssertionError with a table of all tensors when one is off, or when over 1 % are kinks.

    >>> testing.check_layer(layers.Dense(3), (4,)).error < 1e-7
    True
    """
    report = measure_layer(layer, input_shape, batch=batch, x=x, samples=samples, seed=seed)
    return judged(report, tolerance)


@known_arguments
def measure_layer(
    layer: Layer,
    input_shape: Shape | Sequence[Shape],
    *,
    batch: int = 2,
    x: Array | Sequence[Array] | None = None,
    samples: int = 40,
    seed: int = 0,
) -> GradientReport:
    """What check_layer checks, without the verdict."""
    rng = np.random.default_rng(seed)
    layer.build(input_shape, rng, np.float64)  # type: ignore[arg-type]  # of a Merge: several shapes
    for param in layer.params.values():
        param[...] = rng.standard_normal(param.shape)

    def listed(one_or_more: Any) -> list:
        return list(one_or_more) if isinstance(layer, Merge) else [one_or_more]

    drawn = (
        [rng.standard_normal((batch, *shape)) for shape in listed(layer.input_shape)]
        if x is None
        else listed(x)
    )
    inputs = [array.astype(np.float64, order="K") for array in drawn]
    given: Any = inputs if isinstance(layer, Merge) else inputs[0]
    state = layer.random_state

    def forward() -> Array:
        layer.random_state = state  # the same dropout mask every time
        return layer.forward(given, training=True)

    y = forward()
    dy = rng.standard_normal(y.shape)
    layer.needs_input_grad = True
    pairs = zip(inputs, listed(layer.backward(dy)), strict=True)
    tensors = {f"x{i}" if len(inputs) > 1 else "x": pair for i, pair in enumerate(pairs, 1)}
    if layer.trainable:
        tensors |= {name: (param, layer.grads[name].copy()) for name, param in layer.params.items()}
    return _compare(str(layer), forward, dy, tensors, samples, rng, TOLERANCE, STEP)


@known_arguments
def check_model(
    model: Network,
    *,
    batch: int = 2,
    tolerance: float = MODEL_TOLERANCE,
    samples: int = 40,
    seed: int = 0,
) -> GradientReport:
    """Check every gradient of a built model: of all its outputs, for its parameters and its inputs.

    Args:
        model: of dtype="float64", a Sequential or any Model; its weights stay as they are.
        batch, tolerance, samples, seed: as in check_layer.

    Raises ValueError for a model in float32; AssertionError as check_layer does.
    """
    if model.dtype != np.float64:
        raise ValueError(
            f"check_model expected {model.name!r} in float64, received {model.dtype}: in float32 "
            "differences say "
            "little, make it with dtype='float64'"
        )
    return judged(measure_model(model, batch=batch, samples=samples, seed=seed), tolerance)


@known_arguments
def measure_model(
    model: Network, *, batch: int = 2, samples: int = 40, seed: int = 0
) -> GradientReport:
    """Compare all gradients of a built float64 model, for its parameters and its inputs."""
    rng = np.random.default_rng(seed)
    inputs = [rng.standard_normal((batch, *node.sample_shape)) for node in model.inputs]
    x = inputs if len(inputs) > 1 else inputs[0]
    states = {layer: layer.random_state for layer in model.leaves.values()}

    def outputs() -> list[Array]:
        for layer, state in states.items():
            layer.random_state = state
        y = model.forward(x, training=True)
        return y if isinstance(y, list) else [y]

    dy = [rng.standard_normal(y.shape) for y in outputs()]
    dx = model.backward(dy if len(dy) > 1 else dy[0])
    tensors = {
        "x" if len(inputs) == 1 else node.name: (
            array,
            np.zeros_like(array) if one is None else one,
        )
        for node, array, one in zip(
            model.inputs, inputs, dx if len(inputs) > 1 else [dx], strict=True
        )
    }
    tensors |= {name: (value, grad.copy()) for name, value, grad in model.parameters()}
    return _compare(
        model.name,
        lambda: _joined(outputs()),
        _joined(dy),
        tensors,
        samples,
        rng,
        MODEL_TOLERANCE,
        MODEL_STEP,
    )


def _joined(arrays: list[Array]) -> Array:
    """All numbers of several outputs, in one row."""
    return np.concatenate([array.reshape(-1) for array in arrays])


def judged(report: GradientReport, tolerance: float) -> GradientReport:
    """The report, where it is a good one. Raises AssertionError with it when not."""
    if not report.error <= tolerance:
        raise AssertionError(
            f"backward is not the derivative of forward: {report}\n  expected at most "
            f"{tolerance:.0e}"
        )
    if report.kinks > 0.01 and sum(tensor.kinks for tensor in report.tensors.values()) > 1:
        raise AssertionError(
            f"{percent(report.kinks)} of the places are kinks, expected at most 1 %: {report}"
        )
    return report


@known_arguments
def measure_loss(
    loss: losses.CategoricalCrossentropy, *, batch: int = 5, classes: int = 4, seed: int = 0
) -> GradientReport:
    """Compare a loss' gradient with respect to its predictions, for random sample weights and
    targets.
    """
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((batch, classes))
    y_pred = logits if loss.from_logits else softmax(logits)
    labels = rng.integers(0, classes, batch)
    y_true: Array = (
        labels
        if isinstance(loss, losses.SparseCategoricalCrossentropy)
        else np.eye(classes)[labels]
    )
    weight = rng.random(batch)
    _, dy = loss.value_and_gradient(y_true, y_pred, weight)

    def value() -> Array:
        return np.array(loss.value_and_gradient(y_true, y_pred, weight)[0])

    return _compare(
        loss.name, value, np.array(1.0), {"y_pred": (y_pred, dy)}, y_pred.size, rng, TOLERANCE, STEP
    )


def _compare(
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
    y = forward().copy()
    resolution = float(np.finfo(y.dtype).eps * np.linalg.norm(y * dy)) / h
    largest = max(float(np.abs(gradient).max(initial=0)) for _, gradient in tensors.values())
    checks = {}
    for key, (array, gradient) in tensors.items():
        if gradient.shape != array.shape:
            raise AssertionError(
                f"{name}: the gradient of {key} has shape {gradient.shape}, expected {array.shape}"
            )
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
        change[steps] = float(
            np.sum((forward() - y) * dy)
        )  # L - L(0): exact where y did not change
    array[index] = value
    slope = (8 * (change[1] - change[-1]) - (change[2] - change[-2])) / (12 * h)
    return slope, (change[1] + change[-1]) / h, (change[2] + change[-2]) / (2 * h)
