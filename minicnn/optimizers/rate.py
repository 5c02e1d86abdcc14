"""A learning rate as it is read: a number with the two methods that Keras' has."""

from typing import Any

import numpy as np


class Rate(float):
    """The learning rate of an optimizer; copies, and what is computed with it, are plain numbers.

    NumPy would take a class of numbers of its own for float64, so that is told to compute with the
    plain one: float32 times it is float32.

    Args:
        value: the number.
        optimizer: whose it is.
    """

    def __new__(cls, value: float, optimizer: Any) -> "Rate":
        rate = super().__new__(cls, value)
        rate._optimizer = optimizer
        return rate

    _optimizer: Any

    def assign(self, value: float) -> None:
        """As optimizer.learning_rate = value."""
        self._optimizer.learning_rate = value

    def numpy(self) -> np.float32:
        """As a number of NumPy."""
        return np.float32(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [float(one) if isinstance(one, Rate) else one for one in inputs]
        return getattr(ufunc, method)(*plain, **options)

    def __reduce__(self) -> tuple:
        return float, (float(self),)
