from typing import Any

import numpy as np

from minicnn.expect import number
from minicnn.initializers.base import RandomInitializer, Shape
from minicnn.types import Array


class Orthogonal(RandomInitializer):
    """Columns of length `gain`, at right angles to each other; rows instead, where there are fewer
    of them.

    A kernel (..., C, F) counts as a matrix of F columns. It is the Q of the QR decomposition of
    normal values, with signs such that R's diagonal is positive, so that every such matrix is
    equally likely. Source: Saxe, McClelland, Ganguli 2013, arXiv:1312.6120.

    >>> kernel = initializers.Orthogonal(gain=2.0)((5, 3), dtype=np.float64)
    >>> np.allclose(kernel.T @ kernel, 4 * np.eye(3))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        self.gain = number(gain, "gain", "Orthogonal")
        super().__init__(seed)

    def __call__(
        self, shape: Shape, rng: np.random.Generator | None = None, dtype: Any = np.float32
    ) -> Array:
        if len(shape) < 2:
            raise ValueError(
                f"Orthogonal expected a weight with two axes or more, received shape {shape}: use "
                "it for kernels"
            )
        columns = shape[-1]
        rows = int(np.prod(shape[:-1]))
        values = self.generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(values)
        q *= np.where(np.diagonal(r) < 0, -1, 1)
        return (self.gain * (q if rows >= columns else q.T).reshape(shape)).astype(dtype)
