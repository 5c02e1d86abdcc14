"""How weights start: callables (shape, rng, dtype) -> array, with Keras' names and distributions.

Fans of a shape (..., inputs, outputs): fan_in = receptive field * inputs, fan_out = receptive field
* outputs.
"""

from collections.abc import Callable
from math import prod, sqrt

import numpy as np

from minicnn.names import KerasNames, instead, missing_from

__all__ = ["GlorotUniform", "HeNormal", "Ones", "Zeros", "get"]

__getattr__ = missing_from(__name__, "initializers", __all__)

Initializer = Callable[[tuple[int, ...], np.random.Generator, np.dtype], np.ndarray]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a kernel (KH, KW, C, F) or (D, units)."""
    field = prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


class NamedInitializer(KerasNames):
    """One that model files know by its name; it has no arguments."""


class GlorotUniform(NamedInitializer):
    """U(-limit, limit), limit = sqrt(6 / (fan_in + fan_out)). Source: Glorot & Bengio 2010, eq. 16.

    >>> rng = np.random.default_rng(0)
    >>> kernel = initializers.GlorotUniform()((3, 3, 16, 32), rng, np.float32)
    >>> bool(np.abs(kernel).max() <= np.sqrt(6 / (3 * 3 * (16 + 32))))
    True
    """

    def __call__(
        self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype
    ) -> np.ndarray:
        limit = sqrt(6 / sum(fans(shape)))
        return rng.uniform(-limit, limit, shape).astype(dtype)


class HeNormal(NamedInitializer):
    """Normal of deviation sqrt(2 / fan_in), cut at two deviations. Source: He et al. 2015,
    arXiv:1502.01852, eq. 10.

    >>> rng = np.random.default_rng(0)
    >>> kernel = initializers.HeNormal()((3, 3, 16, 32), rng, np.float32)
    >>> round(float(kernel.std() / np.sqrt(2 / (3 * 3 * 16))), 1)
    1.0
    """

    def __call__(
        self, shape: tuple[int, ...], rng: np.random.Generator, dtype: np.dtype
    ) -> np.ndarray:
        values = rng.standard_normal(shape)
        while (outside := np.abs(values) > 2).any():
            values[outside] = rng.standard_normal(np.count_nonzero(outside))
        # the deviation that cutting leaves of a standard normal; Keras divides it out too
        kept = 0.87962566103423978
        return (values * (sqrt(2 / fans(shape)[0]) / kept)).astype(dtype)


class Zeros(NamedInitializer):
    """All 0.

    >>> initializers.Zeros()((3,), np.random.default_rng(0), np.float32)
    array([0., 0., 0.], dtype=float32)
    """

    def __call__(
        self,
        shape: tuple[int, ...],
        rng: np.random.Generator,  # noqa: ARG002
        dtype: np.dtype,
    ) -> np.ndarray:
        return np.zeros(shape, dtype)


class Ones(NamedInitializer):
    """All 1.

    >>> initializers.Ones()((3,), np.random.default_rng(0), np.float32)
    array([1., 1., 1.], dtype=float32)
    """

    def __call__(
        self,
        shape: tuple[int, ...],
        rng: np.random.Generator,  # noqa: ARG002
        dtype: np.dtype,
    ) -> np.ndarray:
        return np.ones(shape, dtype)


NAMES: dict[str, type] = {
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "zeros": Zeros,
    "ones": Ones,
}


def get(identifier: "str | Initializer") -> Initializer:
    """The initializer of that name, or the argument itself when it is one already.

    Raises ValueError for an unknown name.

    >>> type(initializers.get("he_normal")).__name__
    'HeNormal'
    """
    if callable(identifier):
        return identifier
    if identifier not in NAMES:
        raise ValueError(
            f"unknown initializer {identifier!r}.{instead(str(identifier), 'initializers', NAMES)}"
        )
    return NAMES[identifier]()


def name_of(initializer: Initializer) -> str:
    """The name that `get` knows it by, as model files store it.

    Raises ValueError for one of the user's own.
    """
    for name, known in NAMES.items():
        if type(initializer) is known:
            return name
    raise ValueError(
        f"{initializer!r} cannot be named in a model file: use one of {', '.join(NAMES)}"
    )
