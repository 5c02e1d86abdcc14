"""Initializers that draw nothing."""

from typing import Any

import numpy as np

from minicnn.expect import number
from minicnn.initializers.base import Initializer, Shape
from minicnn.types import Array


class Zeros(Initializer):
    """All 0.

    >>> initializers.Zeros()((3,))
    array([0., 0., 0.], dtype=float32)
    """

    def __call__(
        self,
        shape: Shape,
        rng: np.random.Generator | None = None,  # noqa: ARG002
        dtype: Any = np.float32,
    ) -> Array:
        return np.zeros(shape, dtype)


class Ones(Initializer):
    """All 1.

    >>> initializers.Ones()((3,))
    array([1., 1., 1.], dtype=float32)
    """

    def __call__(
        self,
        shape: Shape,
        rng: np.random.Generator | None = None,  # noqa: ARG002
        dtype: Any = np.float32,
    ) -> Array:
        return np.ones(shape, dtype)


class Constant(Initializer):
    """All the same number.

    >>> initializers.Constant(0.5)((3,))
    array([0.5, 0.5, 0.5], dtype=float32)
    """

    def __init__(self, value: float = 0.0):
        self.value = number(value, "value", "Constant")

    def __call__(
        self,
        shape: Shape,
        rng: np.random.Generator | None = None,  # noqa: ARG002
        dtype: Any = np.float32,
    ) -> Array:
        return np.full(shape, self.value, dtype)


class Identity(Initializer):
    """1 on the diagonal of a matrix, 0 elsewhere, times `gain`; of matrices alone.

    >>> initializers.Identity(gain=2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0):
        self.gain = number(gain, "gain", "Identity")

    def __call__(
        self,
        shape: Shape,
        rng: np.random.Generator | None = None,  # noqa: ARG002
        dtype: Any = np.float32,
    ) -> Array:
        if len(shape) != 2:
            raise ValueError(
                f"Identity expected a weight with two axes, as Dense has, received shape {shape}: "
                "use Orthogonal for kernels with more"
            )
        return (self.gain * np.eye(*shape)).astype(dtype)
