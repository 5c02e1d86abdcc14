from typing import Any, Unpack

import numpy as np

from minicnn.expect import number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class Adadelta(Optimizer):
    """Steps as long as a weight's earlier ones, so that they have its unit: the learning rate of
    the paper is 1.

        g     = rho * g + (1 - rho) * gradient^2
        delta = -sqrt(d + epsilon) / sqrt(g + epsilon) * gradient
        d     = rho * d + (1 - rho) * delta^2
        value += learning_rate * delta

    Source: Zeiler 2012, arXiv:1212.5701, algorithm 1.

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.Adadelta(1.0, epsilon=0.01).step([("dense/kernel", weight, gradient)])
    >>> weight.round(4)
    array([0.5532, 2.4468])
    """

    slot_names = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        self.rho = number(rho, "rho", "Adadelta", least=0, most=1)
        self.epsilon = number(epsilon, "epsilon", "Adadelta", least=0)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        g, d = slots["accumulated_grad"], slots["accumulated_delta_var"]
        g += (grad**2 - g) * (1 - self.rho)
        delta = -np.sqrt(d + self.epsilon) / np.sqrt(g + self.epsilon) * grad
        d += (delta**2 - d) * (1 - self.rho)
        value += value.dtype.type(self.learning_rate) * delta

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rho": self.rho, "epsilon": self.epsilon}
