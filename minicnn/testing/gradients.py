"""Gradient checks: is a layer's backward the derivative of its forward?

Works on any Layer, a user's own included:

    from minicnn.testing import check_layer
    check_layer(MyLayer(), (8, 8, 3))       # raises AssertionError, naming the tensor, unless it is

How: in float64, for a random dy, the gradients that backward claims are compared with differences
of forward (differences.py). Another batch runs before, so that what it leaves shows. dy is drawn at
random because special ones hide mistakes: with dy = 1 everywhere, the true gradient of batch
normalisation is 0, and a backward that returns zeros would pass. Which mistake it is, diagnosis
says.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from minicnn import losses
from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.names import known_arguments
from minicnn.network.ending import probabilities
from minicnn.network.network import Network
from minicnn.testing.diagnosis.diagnose import explained, spare_copy
from minicnn.testing.differences import compare
from minicnn.testing.gradient_report import GradientReport, judged
from minicnn.testing.shapes import check_output, run_backward, telling
from minicnn.types import Array, Shape

TOLERANCE, STEP = 1e-7, 1e-4  # largest relative error of one layer, and h
# Of a whole network: there one weight moves thousands of units, and each must stay clear of its
# corner.
MODEL_TOLERANCE, MODEL_STEP = 1e-6, 1e-5


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
    Where a usual mistake explains what is off, the error says which (diagnosis).

    >>> testing.check_layer(layers.Dense(3), (4,)).error < 1e-7
    True
    """
    spare = spare_copy(layer)  # before anything has run in it
    try:
        report = measure_layer(layer, input_shape, batch=batch, x=x, samples=samples, seed=seed)
        return judged(report, tolerance)
    except AssertionError as error:
        reasons = explained(spare, input_shape, x, seed)
        if not reasons:
            raise
        raise AssertionError(f"{error}\n{reasons}") from None


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
    shapes: Any = input_shape  # of a Merge: several
    layer.build(shapes, rng, np.float64)
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
    layer.needs_input_grad = True
    _run_another_batch(layer, given, seed)
    state = layer.random_state

    def forward() -> Array:
        layer.random_state = state  # the same dropout mask every time
        return layer.forward(given, training=True)

    y = forward()
    dy = rng.standard_normal(y.shape)
    pairs = zip(inputs, run_backward(layer, inputs, dy.copy(), forward), strict=True)
    tensors = {f"x{i}" if len(inputs) > 1 else "x": pair for i, pair in enumerate(pairs, 1)}
    if layer.trainable:
        tensors |= {name: (param, layer.grads[name].copy()) for name, param in layer.params.items()}
    return compare(str(layer), forward, dy, tensors, samples, rng, TOLERANCE, STEP)


def _run_another_batch(layer: Layer, x: Any, seed: int) -> None:
    """Whose traces must not show in the gradients: they are overwritten, never accumulated."""
    state = layer.random_state
    other: Any = [one[::-1].copy() for one in x] if isinstance(x, list) else x[::-1].copy()
    forward = partial(layer.forward, other, training=True)
    y = forward()
    inputs = other if isinstance(other, list) else [other]
    check_output(layer, y, len(inputs[0]))
    run_backward(layer, inputs, np.random.default_rng([seed, 2]).standard_normal(y.shape), forward)
    layer.random_state = state


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
            "differences say little, make it with dtype='float64'"
        )
    return judged(measure_model(model, batch=batch, samples=samples, seed=seed), tolerance)


@known_arguments
def measure_model(
    model: Network, *, batch: int = 2, samples: int = 40, seed: int = 0
) -> GradientReport:
    """Compare all gradients of a built float64 model's outputs, for its parameters and inputs."""
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
    given = dy if len(dy) > 1 else dy[0]

    def again() -> None:
        outputs()
        model.backward(given)

    with telling(model.leaves.values(), again):
        dx = model.backward(given)
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
    return compare(
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


@known_arguments
def measure_loss(
    loss: losses.Loss, *, batch: int = 5, classes: int = 4, seed: int = 0
) -> GradientReport:
    """Compare a loss' gradient with respect to its predictions, for random sample weights and
    targets.

    Losses of softmax and sigmoid see what these give, or logits, and labels of their kind; others
    see numbers between 0.1 and 2 on both sides.
    """
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((batch, classes))
    labels = rng.integers(0, classes, batch)
    y_true: Array
    if loss.fuses is None:
        y_true, y_pred = rng.uniform(0.1, 2, (2, batch, classes))
    else:
        y_pred = logits if loss.from_logits else probabilities(loss.fuses, logits)
        one_hot = np.eye(classes)[labels]
        yes = rng.integers(0, 2, (batch, classes))
        sparse = isinstance(loss, losses.SparseCategoricalCrossentropy)
        y_true = labels if sparse else one_hot if loss.fuses == "softmax" else yes
    weight = rng.random(batch)
    _, dy = loss.value_and_gradient(y_true, y_pred, weight)

    def value() -> Array:
        return np.array(loss.value_and_gradient(y_true, y_pred, weight)[0])

    return compare(
        loss.name, value, np.array(1.0), {"y_pred": (y_pred, dy)}, y_pred.size, rng, TOLERANCE, STEP
    )
