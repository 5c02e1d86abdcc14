from typing import Any, Unpack

import numpy as np

from minicnn.expect import number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class Adamax(Optimizer):
    """Adam with the largest of a weight's gradients, which is slowly forgotten, for the root of
    their mean square.

        m += (gradient - m) * (1 - beta_1)
        u  = max(beta_2 * u, |gradient|)
        value -= learning_rate / (1 - beta_1^t) * m / (u + epsilon)

    Source: Kingma & Ba 2014, arXiv:1412.6980, section 7.1.

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.Adamax(learning_rate=0.1).step([("dense/kernel", weight, gradient)])
    >>> weight.round(6)
    array([0.9, 2.1])
    """

    slot_names = ("momentum", "norm")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        self.beta_1 = number(beta_1, "beta_1", "Adamax", least=0, below=1)
        self.beta_2 = number(beta_2, "beta_2", "Adamax", least=0, below=1)
        self.epsilon = number(epsilon, "epsilon", "Adamax", least=0)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        m, u = slots["momentum"], slots["norm"]
        m += (grad - m) * (1 - self.beta_1)
        np.maximum(u * self.beta_2, np.abs(grad), out=u)
        rate = self.learning_rate / (1 - self.beta_1 ** (self.iterations + 1))
        value -= value.dtype.type(rate) * m / (u + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
