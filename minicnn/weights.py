"""All weights of a model at once. Sequential has these as methods of the same names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from minicnn.kernels.threads import one_at_a_time
from minicnn.types import Array

if TYPE_CHECKING:
    from minicnn.sequential import Sequential


@one_at_a_time
def get_weights(model: "Sequential") -> list[Array]:
    """Copies of all weights, layer by layer, in Keras' order; all of one moment."""
    return [array for layer in model.layers for array in layer.get_weights()]


@one_at_a_time
def set_weights(model: "Sequential", weights: Iterable[Array]) -> None:
    """Overwrite all weights, given in get_weights' order. Raises ValueError when number or shapes differ."""
    weights = list(weights)
    expected = sum(len(layer.weights) for layer in model.layers)
    if len(weights) != expected:
        raise ValueError(f"{model.name!r} expected {expected} weight arrays, received {len(weights)}")
    parts = []
    for layer in model.layers:
        own, weights = weights[: len(layer.weights)], weights[len(layer.weights) :]
        layer.check_weights(own)  # all of them, before any is overwritten
        parts.append(own)
    for layer, own in zip(model.layers, parts, strict=True):
        layer.set_weights(own)
