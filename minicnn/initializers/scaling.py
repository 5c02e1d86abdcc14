"""Initializers whose spread follows from a weight's fans, so that signals keep their size from
layer to layer.
"""

from math import sqrt
from typing import Any

import numpy as np

from minicnn.expect import is_word_of, number
from minicnn.initializers.base import RandomInitializer, Shape, fans
from minicnn.initializers.random import truncated
from minicnn.types import Array

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
# the deviation that cutting at 2 leaves of a standard normal; Keras divides it out too
KEPT = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Values of variance scale / n, for n the number of inputs that an output sees, or its like.

        uniform               U(-limit, limit), limit = sqrt(3 * scale / n)
        untruncated_normal    normal of deviation sqrt(scale / n)
        truncated_normal      the same deviation, after cutting at two of them

    Args:
        scale: above 0.
        mode: n: "fan_in", "fan_out", or "fan_avg", the mean of both.
        distribution: as above; "normal" is "truncated_normal".
        seed: see RandomInitializer.

    Source: He et al. 2015, arXiv:1502.01852, section 2.2.

    >>> kernel = initializers.VarianceScaling(3.0, "fan_out", "uniform")((3, 3, 16, 32))
    >>> bool(np.abs(kernel).max() <= np.sqrt(9 / (3 * 3 * 32)))
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ):
        super().__init__(seed)
        who = type(self).__name__
        self.scale = number(scale, "scale", who, above=0)
        self.mode = str(mode).lower()
        if not is_word_of(self.mode, MODES):
            raise ValueError(f"{who} expected mode as one of {', '.join(MODES)}, received {mode!r}")
        self.distribution = str(distribution).lower()
        if self.distribution == "normal":
            self.distribution = "truncated_normal"
        if not is_word_of(self.distribution, DISTRIBUTIONS):
            raise ValueError(
                f"{who} expected distribution as one of {', '.join(DISTRIBUTIONS)}, received "
                f"{distribution!r}"
            )

    def __call__(
        self, shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Array:
        rng = self.generator(rng)
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape).astype(dtype)
        if self.distribution == "untruncated_normal":
            return (rng.standard_normal(shape) * sqrt(variance)).astype(dtype)
        return (truncated(rng, shape) * (sqrt(variance) / KEPT)).astype(dtype)


class GlorotUniform(VarianceScaling):
    """U(-limit, limit), limit = sqrt(6 / (fan_in + fan_out)). Source: Glorot & Bengio 2010, eq. 16.

    >>> kernel = initializers.GlorotUniform()((3, 3, 16, 32))
    >>> bool(np.abs(kernel).max() <= np.sqrt(6 / (3 * 3 * (16 + 32))))
    True
    """

    def __init__(self, seed: int | None = None):
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Normal of deviation sqrt(2 / (fan_in + fan_out)), cut at two deviations. Source: Glorot &
    Bengio 2010, eq. 12.

    >>> kernel = initializers.GlorotNormal()((3, 3, 16, 32))
    >>> round(float(kernel.std() / np.sqrt(2 / (3 * 3 * (16 + 32)))), 1)
    1.0
    """

    def __init__(self, seed: int | None = None):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """U(-limit, limit), limit = sqrt(6 / fan_in). Source: He et al. 2015, arXiv:1502.01852, eq. 10.

    >>> kernel = initializers.HeUniform()((3, 3, 16, 32))
    >>> bool(np.abs(kernel).max() <= np.sqrt(6 / (3 * 3 * 16)))
    True
    """

    def __init__(self, seed: int | None = None):
        super().__init__(2.0, "fan_in", "uniform", seed)


class HeNormal(VarianceScaling):
    """Normal of deviation sqrt(2 / fan_in), cut at two deviations. Source: He et al. 2015,
    arXiv:1502.01852, eq. 10.

    >>> kernel = initializers.HeNormal()((3, 3, 16, 32))
    >>> round(float(kernel.std() / np.sqrt(2 / (3 * 3 * 16))), 1)
    1.0
    """

    def __init__(self, seed: int | None = None):
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """U(-limit, limit), limit = sqrt(3 / fan_in). Source: LeCun et al. 1998, "Efficient BackProp",
    section 4.6.

    >>> kernel = initializers.LecunUniform()((3, 3, 16, 32))
    >>> bool(np.abs(kernel).max() <= np.sqrt(3 / (3 * 3 * 16)))
    True
    """

    def __init__(self, seed: int | None = None):
        super().__init__(1.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Normal of deviation sqrt(1 / fan_in), cut at two deviations. Source: LeCun et al. 1998,
    "Efficient BackProp", section 4.6.

    >>> kernel = initializers.LecunNormal()((3, 3, 16, 32))
    >>> round(float(kernel.std() / np.sqrt(1 / (3 * 3 * 16))), 1)
    1.0
    """

    def __init__(self, seed: int | None = None):
        super().__init__(1.0, "fan_in", "truncated_normal", seed)
