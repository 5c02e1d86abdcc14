"""Optimizers: how a gradient changes a weight. Names, defaults and arithmetic are Keras 3's."""

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from minicnn.engine.update import AdamUpdate
from minicnn.errors import did_you_mean
from minicnn.layers.base import Array


class Optimizer:
    """Changes parameters in place, `step` by `step`; what it remembers of each is in `slots`, by parameter name.

    Args:
        learning_rate: the size of a step; readable and settable at any time.
        global_clipnorm: when the norm of all gradients together exceeds it, all are scaled down to it. Source:
            Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063, section 3.2.
    """

    slot_names: tuple[str, ...] = ()

    def __init__(self, learning_rate: float, global_clipnorm: float | None = None):
        if global_clipnorm is not None and not global_clipnorm > 0:
            raise ValueError(
                f"{type(self).__name__} expected global_clipnorm above 0 or None, received {global_clipnorm!r}"
            )
        self.learning_rate = float(learning_rate)
        self.global_clipnorm = global_clipnorm
        self.iterations = 0
        self.slots: dict[str, dict[str, Array]] = {}  # "conv2d/kernel" -> {"m": ..., "v": ...}

    def step(self, parameters: Iterable[tuple[str, Array, Array]]) -> None:
        """Update every (name, value, gradient) in place. Raises ValueError when a slot is of another shape."""
        parameters = list(parameters)
        self.iterations += 1
        scale = self._clip_scale([grad for _, _, grad in parameters])
        self.update_all(
            [
                (value, grad if scale == 1 else grad * grad.dtype.type(scale), self._slots_of(name, value))
                for name, value, grad in parameters
            ]
        )

    def update_all(self, parameters: list[tuple[Array, Array, dict[str, Array]]]) -> None:
        """Change every parameter in place, given its gradient and its slots."""
        for value, grad, slots in parameters:
            self.update(value, grad, slots)

    def _clip_scale(self, grads: list[Array]) -> float:
        if self.global_clipnorm is None:
            return 1.0
        norm = sqrt(sum(float(np.sum(np.square(grad, dtype=np.float64))) for grad in grads))
        return min(1.0, self.global_clipnorm / norm) if norm else 1.0

    def _slots_of(self, name: str, value: Array) -> dict[str, Array]:
        if name not in self.slots:
            self.slots[name] = {slot: np.zeros(value.shape, value.dtype) for slot in self.slot_names}
        slots = self.slots[name]
        for slot, array in slots.items():
            if array.shape != value.shape:
                raise ValueError(
                    f"{type(self).__name__} remembers {slot} of {name!r} with shape {array.shape}, received "
                    f"{value.shape}: use a new optimizer for another model"
                )
        return slots

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        """Change one parameter in place."""
        raise NotImplementedError(f"{type(self).__name__} must define update(value, grad, slots)")

    def get_config(self) -> dict[str, Any]:
        return {"learning_rate": self.learning_rate, "global_clipnorm": self.global_clipnorm}


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

        velocity = momentum * velocity - learning_rate * gradient
        value   += velocity                                             (or, nesterov:)
        value   += momentum * velocity - learning_rate * gradient

    Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2.
    """

    slot_names = ("velocity",)

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        global_clipnorm: float | None = None,
    ):
        super().__init__(learning_rate, global_clipnorm)
        if not 0 <= momentum <= 1:
            raise ValueError(f"SGD expected 0 <= momentum <= 1, received {momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        velocity, descent = slots["velocity"], grad * value.dtype.type(self.learning_rate)
        velocity *= self.momentum
        velocity -= descent
        value += velocity * value.dtype.type(self.momentum) - descent if self.nesterov else velocity

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}


class Adam(Optimizer):
    """Steps of a size that each weight's own gradients set: their mean over the root of their mean square.

        m += (gradient - m) * (1 - beta_1)
        v += (gradient^2 - v) * (1 - beta_2)
        value -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)

    epsilon is added outside the bias correction, as in Keras (PyTorch's is inside, and 1e-8).
    Source: Kingma & Ba 2014, arXiv:1412.6980, section 2 (the form before section 2.1).
    """

    slot_names = ("m", "v")

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        global_clipnorm: float | None = None,
    ):
        super().__init__(learning_rate, global_clipnorm)
        for which, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{type(self).__name__} expected 0 <= {which} < 1, received {beta!r}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self._update: AdamUpdate | None = None

    def update_all(self, parameters: list[tuple[Array, Array, dict[str, Array]]]) -> None:
        if not parameters:
            return
        arrays = [(value, grad, slots["m"], slots["v"]) for value, grad, slots in parameters]
        if not (self._update and self._update.holds(arrays)):
            self._update = AdamUpdate(arrays)
        t, number = self.iterations, arrays[0][0].dtype.type
        step_size = self.learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        self._update.update(number(step_size), number(1 - self.beta_1), number(1 - self.beta_2), number(self.epsilon))

    def __getstate__(self) -> dict[str, Any]:
        """What copies of the optimizer take along: not the addresses of this one's arrays."""
        return self.__dict__ | {"_update": None}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class AdamW(Adam):
    """Adam that also shrinks every weight, by learning_rate * weight_decay of itself, before each step.

    Source: Loshchilov & Hutter 2017, arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        global_clipnorm: float | None = None,
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, global_clipnorm)
        self.weight_decay = weight_decay

    def update_all(self, parameters: list[tuple[Array, Array, dict[str, Array]]]) -> None:
        for value, _, _ in parameters:
            value -= value * value.dtype.type(self.learning_rate * self.weight_decay)
        super().update_all(parameters)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"weight_decay": self.weight_decay}


NAMES: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its defaults, or the argument itself. Raises ValueError for an unknown name."""
    if isinstance(identifier, Optimizer):
        return identifier
    if str(identifier).lower() not in NAMES:
        raise ValueError(f"unknown optimizer {identifier!r}.{did_you_mean(str(identifier), NAMES)}")
    return NAMES[identifier.lower()]()
