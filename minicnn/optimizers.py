"""Optimizers: how a gradient changes a weight. Names, defaults and arithmetic are Keras 3's."""

from collections.abc import Iterable, Iterator
from math import sqrt
from typing import Any, TypedDict, Unpack

import numpy as np

from minicnn import schedules
from minicnn.engine.update import AdamUpdate
from minicnn.errors import did_you_mean
from minicnn.expect import count
from minicnn.kernels.threads import one_at_a_time
from minicnn.layers.base import Array
from minicnn.schedules import LearningRateSchedule

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "get", "schedules"]

AVERAGE = "average"  # the slot of use_ema
Parameter = tuple[Array, Array, dict[str, Array]]  # a value, its gradient, and what the optimizer remembers of it


class OptimizerOptions(TypedDict, total=False):
    """The arguments that every optimizer takes besides learning_rate and weight_decay."""

    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None


class Optimizer:
    """Changes parameters in place, `step` by `step`; what it remembers of each is in `slots`, by parameter name.

        value -= learning_rate * weight_decay * value           if there is a weight_decay
        value  = update(value, gradient)                        what a subclass does
        average = ema_momentum * average + (1 - ema_momentum) * value       with use_ema

    Args:
        learning_rate: the size of a step, or a schedule of it; readable and settable at any time.
        weight_decay: what every step takes from every weight, as a share of it and times the learning rate. Source:
            Loshchilov & Hutter 2017, arXiv:1711.05101.
        global_clipnorm: when the norm of all gradients together exceeds it, all are scaled down to it. Source:
            Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063, section 3.2.
        use_ema: keep an exponential moving average of the weights, which is often better than any of them; fit ends by
            putting it in their place. Until then callbacks.SwapEMAWeights evaluates with it. Source: Polyak & Juditsky
            1992, "Acceleration of stochastic approximation by averaging".
        ema_momentum: the share of the old average in the new one.
        ema_overwrite_frequency: also put the average in the weights' place after every so many steps.
    """

    slot_names: tuple[str, ...] = ()
    schedule: LearningRateSchedule | None  # of the learning rate, if it has one

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        weight_decay: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
    ):
        who = type(self).__name__
        if global_clipnorm is not None and not global_clipnorm > 0:
            raise ValueError(f"{who} expected global_clipnorm above 0 or None, received {global_clipnorm!r}")
        if not 0 <= ema_momentum <= 1:
            raise ValueError(f"{who} expected 0 <= ema_momentum <= 1, received {ema_momentum!r}")
        if ema_overwrite_frequency is not None:
            count(ema_overwrite_frequency, "ema_overwrite_frequency", who)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.iterations = 0
        self.slots: dict[str, dict[str, Array]] = {}  # "conv2d/kernel" -> {"m": ..., "v": ...}
        self.averages_in_use = False  # whether swap_averages has put them in the weights' place
        if use_ema:
            self.slot_names = (*self.slot_names, AVERAGE)

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return self._rate if self.schedule is None else self.schedule(self.iterations)

    @learning_rate.setter
    def learning_rate(self, rate: "float | LearningRateSchedule") -> None:
        self.schedule = rate if isinstance(rate, LearningRateSchedule) else None
        self._rate = 0.0 if isinstance(rate, LearningRateSchedule) else float(rate)

    @one_at_a_time
    def step(self, parameters: Iterable[tuple[str, Array, Array]]) -> None:
        """Update every (name, value, gradient) in place. Raises ValueError when a slot is of another shape."""
        group = [(value, grad, self._slots_of(name, value)) for name, value, grad in parameters]
        if self.global_clipnorm is not None:
            group = self._clipped(group)
        if self.weight_decay:
            for value, _, _ in group:
                value *= 1 - self.learning_rate * self.weight_decay
        self.update_all(group)
        if self.use_ema:
            for value, _, slots in group:
                self._average(value, slots[AVERAGE])
        self.iterations += 1

    def update_all(self, group: list[Parameter]) -> None:
        """Change every parameter in place."""
        for value, grad, slots in group:
            self.update(value, grad, slots)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        """Change one parameter in place."""
        raise NotImplementedError(f"{type(self).__name__} must define update(value, grad, slots)")

    def _average(self, value: Array, average: Array) -> None:
        """average = momentum * average + (1 - momentum) * value, in place; after the first step, value itself."""
        average -= value
        average *= self.ema_momentum if self.iterations else 0
        average += value
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            value[...] = average

    @one_at_a_time
    def swap_averages(self, parameters: Iterable[tuple[str, Array, Array]]) -> None:
        """Exchange weights and averages; before the next step, exchange them back."""
        for value, average in self._averaged(parameters):
            value[...], average[...] = average.copy(), value.copy()
        self.averages_in_use = not self.averages_in_use

    @one_at_a_time
    def finalize_variable_values(self, parameters: Iterable[tuple[str, Array, Array]]) -> None:
        """With use_ema, put the averages in the place of the weights, as fit does at its end."""
        for value, average in self._averaged(parameters):
            if self.averages_in_use:
                average[...] = value
            else:
                value[...] = average
        self.averages_in_use = False

    def _averaged(self, parameters: Iterable[tuple[str, Array, Array]]) -> Iterator[tuple[Array, Array]]:
        """(value, average) of every parameter that has been averaged."""
        for name, value, _ in parameters:
            if self.use_ema and name in self.slots:
                yield value, self.slots[name][AVERAGE]

    def _clipped(self, group: list[Parameter]) -> list[Parameter]:
        """The same with gradients scaled down to a norm of global_clipnorm, unless it is at most that."""
        assert self.global_clipnorm is not None
        norm = sqrt(sum(float(np.sum(np.square(grad, dtype=np.float64))) for _, grad, _ in group))
        if not norm > self.global_clipnorm:  # a NaN stays where it is
            return group
        scale = self.global_clipnorm / norm
        return [(value, grad * grad.dtype.type(scale), slots) for value, grad, slots in group]

    def _slots_of(self, name: str, value: Array) -> dict[str, Array]:
        if name not in self.slots:
            self.slots[name] = {slot: np.zeros(value.shape, value.dtype) for slot in self.slot_names}
            if self.use_ema:
                self.slots[name][AVERAGE][...] = value
        slots = self.slots[name]
        for slot, array in slots.items():
            if array.shape != value.shape:
                raise ValueError(
                    f"{type(self).__name__} remembers {slot} of {name!r} with shape {array.shape}, received "
                    f"{value.shape}: use a new optimizer for another model"
                )
        return slots

    def get_config(self) -> dict[str, Any]:
        return {
            "learning_rate": self._rate if self.schedule is None else self.schedule.described(),
            "weight_decay": self.weight_decay,
            "global_clipnorm": self.global_clipnorm,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
        }


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
        learning_rate: float | LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
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
        learning_rate: float | LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, weight_decay, **options)
        for which, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{type(self).__name__} expected 0 <= {which} < 1, received {beta!r}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self._update: AdamUpdate | None = None

    def update_all(self, group: list[Parameter]) -> None:
        if not group:
            return
        arrays = [(value, grad, slots["m"], slots["v"]) for value, grad, slots in group]
        if not (self._update and self._update.holds(arrays)):
            self._update = AdamUpdate(arrays)
        t, number = self.iterations + 1, arrays[0][0].dtype.type
        step_size = self.learning_rate * sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        self._update.update(number(step_size), number(1 - self.beta_1), number(1 - self.beta_2), number(self.epsilon))

    def __getstate__(self) -> dict[str, Any]:
        """What copies of the optimizer take along: not the addresses of this one's arrays."""
        return self.__dict__ | {"_update": None}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class AdamW(Adam):
    """Adam with a weight_decay unless told otherwise.

    Source: Loshchilov & Hutter 2017, arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, weight_decay, **options)


NAMES: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def get(identifier: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its defaults, or the argument itself. Raises ValueError for an unknown name."""
    if isinstance(identifier, Optimizer):
        return identifier
    if str(identifier).lower() not in NAMES:
        raise ValueError(f"unknown optimizer {identifier!r}.{did_you_mean(str(identifier), NAMES)}")
    return NAMES[identifier.lower()]()
