from typing import Any, Unpack

from minicnn.expect import flag, number
from minicnn.optimizers.base import Optimizer, OptimizerOptions
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

        velocity = momentum * velocity - learning_rate * gradient
        value   += velocity                                             (or, nesterov:)
        value   += momentum * velocity - learning_rate * gradient

    Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep
        learning", section 2.

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.SGD(learning_rate=0.1).step([("dense/kernel", weight, gradient)])
    >>> weight
    array([0., 3.])
    """

    slot_names = ("velocity",)

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        self.momentum = number(momentum, "momentum", "SGD", least=0, most=1)
        self.nesterov = flag(nesterov, "nesterov", "SGD")

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        velocity, descent = slots["velocity"], grad * value.dtype.type(self.learning_rate)
        velocity *= self.momentum
        velocity -= descent
        value += velocity * value.dtype.type(self.momentum) - descent if self.nesterov else velocity

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}
