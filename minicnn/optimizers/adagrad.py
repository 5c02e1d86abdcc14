from typing import Any, Unpack

import numpy as np

from minicnn.expect import number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class Adagrad(Optimizer):
    """Gradient descent in which each weight's gradient is divided by the root of the sum of all its
    squares so far: what has moved much moves ever less.

        sum   += gradient^2                                    from initial_accumulator_value on
        value -= learning_rate * gradient / sqrt(sum + epsilon)

    Source: Duchi, Hazan, Singer 2011, "Adaptive subgradient methods for online learning and
        stochastic optimization", figure 1.

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.Adagrad(0.1, 0.0).step([("dense/kernel", weight, gradient)])
    >>> weight.round(6)
    array([0.9, 2.1])
    """

    slot_names = ("accumulator",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", "Adagrad", least=0
        )
        self.epsilon = number(epsilon, "epsilon", "Adagrad", least=0)

    def fresh(self, value: Array) -> Array:
        return np.full_like(value, self.initial_accumulator_value)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        accumulator = slots["accumulator"]
        accumulator += grad**2
        rate = value.dtype.type(self.learning_rate)
        value -= rate * grad / np.sqrt(accumulator + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }
