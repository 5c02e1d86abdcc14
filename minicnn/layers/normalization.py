from typing import Self, Unpack

import numpy as np

from minicnn.expect import numbers
from minicnn.layers.base import Layer, LayerOptions
from minicnn.layers.shapes import check_last_axis
from minicnn.names import missing_from
from minicnn.types import Array, Shape

SMALLEST_DEVIATION = 1e-7  # Keras' epsilon
__getattr__ = missing_from(__name__, "layers.normalization", ["Normalization"])
COUNT = "count"  # in Keras' weights, of the samples measured; older files of minicnn have none


class Normalization(Layer):
    """Shift and scale each channel by fixed statistics, usually those of the training pictures
    (`adapt`).

        y = (x - mean) / sqrt(variance),   dx = dy / sqrt(variance)

    Unlike BatchNormalization nothing is learnt and nothing depends on the batch. Before `adapt`, or
    without `mean` and `variance`, it changes nothing.

    Args:
        axis: the channel axis, the last one; no other is supported.
        mean, variance: a number or one per channel; None when `adapt` is to measure them.

    Shapes: x, y (N, ..., C); state mean, variance (C,), and before `adapt` count (), as in Keras
    Cache: nothing but the fact that forward ran
    Raises ValueError when only one of mean and variance is given.

    >>> norm = layers.Normalization().adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> norm.mean, norm.variance
    ([2.0, 20.0], [1.0, 100.0])
    """

    def __init__(
        self,
        axis: int = -1,
        mean: float | list[float] | None = None,
        variance: float | list[float] | None = None,
        **options: Unpack[LayerOptions],
    ):
        super().__init__(**options)
        if (mean is None) != (variance is None):
            raise ValueError(
                f"Normalization expected mean and variance together, received {mean=}, {variance=}"
            )
        self.axis = axis
        self.mean = None if mean is None else per_channel(mean, "mean")
        self.variance = None if variance is None else per_channel(variance, "variance")
        if variance is not None and np.min(variance) < 0:
            raise ValueError(
                f"Normalization expected variance of at least 0, received {variance!r}"
            )

    def setup(self, input_shape: Shape) -> Shape:
        check_last_axis(self.axis, input_shape, self)
        self.state = {}
        self.add_state("mean", input_shape[-1:], "zeros")
        self.add_state("variance", input_shape[-1:], "ones")
        if self.mean is None and (self.stored is None or f"{self.name}/{COUNT}" in self.stored):
            self.add_state(COUNT, (), "zeros")
        self._fill(input_shape[-1])
        return input_shape

    def _fill(self, channels: int) -> None:
        """Write mean and variance, if there are any, into the state."""
        for what, given in (("mean", self.mean), ("variance", self.variance)):
            if given is None:
                continue
            if np.size(given) not in (1, channels):
                raise ValueError(
                    f"{self} expected {what} as one number or as {channels}, one per channel, "
                    f"received {np.size(given)}"
                )
            self.state[what][...] = given

    def adapt(self, data: Array) -> Self:
        """Measure mean and variance of every channel of data (n, ..., C), in double precision;
        returns the layer.
        """
        data = numbers(data, "data", "Normalization.adapt")
        if data.ndim < 2 or not data.size:
            raise ValueError(
                f"Normalization.adapt expected data (n, ..., C), received shape {data.shape}"
            )
        axes = tuple(range(data.ndim - 1))
        # a part at a time: float64 copies are large
        parts = np.array_split(data, max(1, data.size // 10**7))
        mean = sum(part.sum(axis=axes, dtype=np.float64) for part in parts) / (
            data.size / data.shape[-1]
        )
        squares = sum(((part - mean) ** 2).sum(axis=axes) for part in parts)
        variance = squares / (data.size / data.shape[-1])
        # which nobody else may change
        vars(self).update(mean=mean.tolist(), variance=variance.tolist())
        if COUNT in self.state:
            self.build(self.input_shape, self.rng, self.dtype)
        elif self.built:
            self._fill(self.input_shape[-1])
        return self

    def forward(self, x: Array, *, training: bool = False) -> Array:
        x = self.accept(x)
        self._cache = () if training else None
        return (x - self.state["mean"]) / self._deviation()

    def _deviation(self) -> Array:
        return np.maximum(np.sqrt(self.state["variance"]), self.dtype.type(SMALLEST_DEVIATION))

    def backward(self, dy: Array) -> Array:
        (dy,) = self.take_cache(dy)
        return dy / self._deviation()


def per_channel(value: float | list[float], what: str) -> float | list[float]:
    """value as a number, or a list of them. Raises ValueError for anything else."""
    found = numbers(value, what, "Normalization")
    if found.ndim > 1 or not np.isfinite(found).all():
        raise ValueError(
            f"Normalization expected {what} as a finite number, or a list of one per channel, "
            f"received {value!r:.80}"
        )
    return found.astype(np.float64).tolist()
