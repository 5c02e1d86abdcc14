from math import prod
from typing import Any, Unpack

import numpy as np

from minicnn.expect import number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array

DECAY = 0.96  # of the momentum's warm-up, in the paper and in Keras


class Nadam(Optimizer):
    """Adam with Nesterov momentum: it looks a step ahead, with a momentum that is warmed up.

        u_t = beta_1 * (1 - 0.96^t / 2),   U_t = u_1 u_2 ... u_t
        m  += (gradient - m) * (1 - beta_1)
        v  += (gradient^2 - v) * (1 - beta_2)
        m^  = u_(t+1) * m / (1 - U_(t+1)) + (1 - u_t) * gradient / (1 - U_t)
        value -= learning_rate * m^ / (sqrt(v / (1 - beta_2^t)) + epsilon)

    Source: Dozat 2016, "Incorporating Nesterov momentum into Adam".

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.Nadam(learning_rate=0.1).step([("dense/kernel", weight, gradient)])
    >>> weight.round(4)
    array([0.8937, 2.1063])
    """

    slot_names = ("momentum", "velocity")

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
        self.beta_1 = number(beta_1, "beta_1", "Nadam", least=0, below=1)
        self.beta_2 = number(beta_2, "beta_2", "Nadam", least=0, below=1)
        self.epsilon = number(epsilon, "epsilon", "Nadam", least=0)
        self._product = 0, 1.0  # t and U_t

    def _u(self, t: int) -> float:
        return self.beta_1 * (1 - DECAY**t / 2)

    def product(self, t: int) -> float:
        """U_t, from that of the step before, where it is known."""
        known, product = self._product
        if not 0 <= t - known <= 1:
            known, product = 0, 1.0
        self._product = t, product * prod(self._u(i) for i in range(known + 1, t + 1))
        return self._product[1]

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        t, m, v = self.iterations + 1, slots["momentum"], slots["velocity"]
        now, ahead, product = self._u(t), self._u(t + 1), self.product(t)
        m += (grad - m) * (1 - self.beta_1)
        v += (grad**2 - v) * (1 - self.beta_2)
        looking = m * (ahead / (1 - product * ahead)) + grad * ((1 - now) / (1 - product))
        rate = value.dtype.type(self.learning_rate)
        value -= rate * looking / (np.sqrt(v / (1 - self.beta_2**t)) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
