"""How much of what BatchNormalization's moving averages began with is still in them."""

from collections.abc import Iterable

from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization

LAG = 0.01  # share of their beginning from which on averages say little: what divides by them is wrong by more


def lagging_momentum(layers: Iterable[Layer]) -> float | None:
    """The largest momentum of the BatchNormalization layers whose averages are to be learnt from 0 and 1.

    After t steps momentum ** t of that beginning is still in them. None when there is no such layer: averages that are
    warmed up do not lag, those of frozen layers do not move, and those of a trained model begin where they were.
    """
    return max((layer.momentum for layer in layers if _begins(layer)), default=None)


def _begins(layer: Layer) -> bool:
    if not isinstance(layer, BatchNormalization) or layer.warmup or not layer.trainable or not layer.built:
        return False
    return not layer.state["moving_mean"].any() and bool((layer.state["moving_variance"] == 1).all())
