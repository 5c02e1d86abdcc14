"""How much of what BatchNormalization's moving averages began with is still in them."""

from collections.abc import Iterable

from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization

# share of their beginning from which on averages say little: what divides by them is wrong by more
LAG = 0.01


def lagging_momentum(layers: Iterable[Layer]) -> float | None:
    """The largest momentum of BatchNormalization layers with averages to be learnt from 0 and 1.

    After t steps momentum ** t of that beginning is still in them. None when there is no such
    layer: averages that are warmed up do not lag, those of frozen layers do not move, and those of
        a trained model begin where they were.
    """
    norms = [layer for layer in layers if isinstance(layer, BatchNormalization)]
    return max((norm.momentum for norm in norms if _begins(norm)), default=None)


def _begins(norm: BatchNormalization) -> bool:
    if norm.warmup or not norm.trainable or not norm.built:
        return False
    return not norm.state["moving_mean"].any() and bool((norm.state["moving_variance"] == 1).all())
