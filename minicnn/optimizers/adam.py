from math import sqrt
from typing import Any, Unpack

import numpy as np

from minicnn.expect import flag, number
from minicnn.optimizers.adam_update import AdamUpdate
from minicnn.optimizers.base import Optimizer, OptimizerOptions, Parameter
from minicnn.schedules import LearningRateSchedule
from minicnn.types import Array


class Adam(Optimizer):
    """Steps of a size that each weight's own gradients set: their mean over the root of their mean
    square.

        m += (gradient - m) * (1 - beta_1)
        v += (gradient^2 - v) * (1 - beta_2)
        value -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    With amsgrad, the largest v so far takes the place of v.

    epsilon is added outside the bias correction, as in Keras (PyTorch's is inside, and 1e-8).
    Source: Kingma & Ba 2014, arXiv:1412.6980, section 2 (the form before section 2.1); Reddi et
        al. 2018, "On the convergence of Adam and beyond" (amsgrad).

    >>> weight, gradient = np.array([1.0, 2.0]), np.array([10.0, -10.0])
    >>> optimizers.Adam(learning_rate=0.1).step([("dense/kernel", weight, gradient)])
    >>> weight.round(6)
    array([0.9, 2.1])
    """

    slot_names = ("m", "v")

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        self.amsgrad = flag(amsgrad, "amsgrad", type(self).__name__)
        super().__init__(learning_rate, weight_decay, **options)
        who = type(self).__name__
        self.beta_1 = number(beta_1, "beta_1", who, least=0, below=1)
        self.beta_2 = number(beta_2, "beta_2", who, least=0, below=1)
        self.epsilon = number(epsilon, "epsilon", who, least=0)
        self._update: AdamUpdate | None = None

    def remembered(self) -> tuple[str, ...]:
        return (*type(self).slot_names, "largest_v") if self.amsgrad else type(self).slot_names

    def update_all(self, group: list[Parameter]) -> None:
        if self.amsgrad:
            return super().update_all(group)
        if not group:
            return
        arrays = [(value, grad, slots["m"], slots["v"]) for value, grad, slots in group]
        if not (self._update and self._update.holds(arrays)):
            self._update = AdamUpdate(arrays)
        number = arrays[0][0].dtype.type
        self._update.update(
            number(self._step_size()),
            number(1 - self.beta_1),
            number(1 - self.beta_2),
            number(self.epsilon),
        )

    def _step_size(self) -> float:
        t = self.iterations + 1
        return self.learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        """The same in NumPy, with amsgrad."""
        m, v, largest = slots["m"], slots["v"], slots["largest_v"]
        m += (grad - m) * (1 - self.beta_1)
        v += (grad**2 - v) * (1 - self.beta_2)
        np.maximum(largest, v, out=largest)
        value -= value.dtype.type(self._step_size()) * m / (np.sqrt(largest) + self.epsilon)

    def __getstate__(self) -> dict[str, Any]:
        """What copies of the optimizer take along: not the addresses of this one's arrays."""
        return self.__dict__ | {"_update": None}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            **({"amsgrad": True} if self.amsgrad else {}),
        }


class AdamW(Adam):
    """Adam with a weight_decay unless told otherwise.

    Source: Loshchilov & Hutter 2017, arXiv:1711.05101, algorithm 2.

    >>> optimizer = optimizers.AdamW(schedules.CosineDecay(4e-3, 1000))
    >>> optimizer.learning_rate, optimizer.weight_decay
    (0.004, 0.004)
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, **options)
