from typing import Any, Unpack

import numpy as np

from minicnn.expect import number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class Lion(Optimizer):
    """Steps of one size, of which gradients and their mean give the direction alone.

        value -= learning_rate * sign(beta_1 * m + (1 - beta_1) * gradient)
        m      = beta_2 * m + (1 - beta_2) * gradient

    Learning rates are to be three to ten times smaller than Adam's, weight_decay as much larger.
    Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -0.1])
    >>> optimizers.Lion(learning_rate=0.1).step([("dense/kernel", weight, gradient)])
    >>> weight.round(6)
    array([0.9, 2.1])
    """

    slot_names = ("momentum",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        self.beta_1 = number(beta_1, "beta_1", "Lion", above=0, most=1)
        self.beta_2 = number(beta_2, "beta_2", "Lion", least=0, most=1)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        m = slots["momentum"]
        direction = np.sign(m * self.beta_1 + grad * (1 - self.beta_1))
        value -= value.dtype.type(self.learning_rate) * direction
        m += (grad - m) * (1 - self.beta_2)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2}
