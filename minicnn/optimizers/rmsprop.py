from typing import Any, Unpack

import numpy as np

from minicnn.expect import flag, number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class RMSprop(Optimizer):
    """Gradient descent in which each weight's gradient is divided by the root of its mean square.

        v   = rho * v + (1 - rho) * gradient^2
        a   = rho * a + (1 - rho) * gradient                            centered, else 0
        b   = momentum * b + learning_rate * gradient / sqrt(v - a^2 + epsilon)
        value -= b

    epsilon is within the root, as in Keras (PyTorch's is outside).
    Source: Hinton 2012, "Neural networks for machine learning", lecture 6e; Graves 2013,
        arXiv:1308.0850, section 4.2 (centered).

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.RMSprop(learning_rate=0.1, rho=0.75).step([("dense/kernel", weight, gradient)])
    >>> weight.round(6)
    array([0.8, 2.2])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        self.momentum = number(momentum, "momentum", "RMSprop", least=0, most=1)
        self.centered = flag(centered, "centered", "RMSprop")
        super().__init__(learning_rate, weight_decay, **options)
        self.rho = number(rho, "rho", "RMSprop", least=0, most=1)
        self.epsilon = number(epsilon, "epsilon", "RMSprop", least=0)

    def remembered(self) -> tuple[str, ...]:
        more = {"momentum": self.momentum > 0, "average_gradient": self.centered}
        return ("velocity", *[name for name, wanted in more.items() if wanted])

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        velocity = slots["velocity"]
        velocity += (grad**2 - velocity) * (1 - self.rho)
        variance = velocity
        if "average_gradient" in slots:
            average = slots["average_gradient"]
            average += (grad - average) * (1 - self.rho)
            variance = velocity - average**2
        step = grad * value.dtype.type(self.learning_rate) / np.sqrt(variance + self.epsilon)
        if "momentum" in slots:
            slots["momentum"] *= self.momentum
            slots["momentum"] += step
            step = slots["momentum"]
        value -= step

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
