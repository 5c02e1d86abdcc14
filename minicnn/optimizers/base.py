"""What every optimizer is: a step for all parameters, what it remembers of each, decay, clipping
and averages.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, TypedDict

import numpy as np

from minicnn.expect import count, flag, number
from minicnn.layers.arrays import is_like, like
from minicnn.machine.threads import one_at_a_time
from minicnn.names.described import Configured
from minicnn.optimizers import clipping
from minicnn.optimizers.rate import Rate
from minicnn.schedules import LearningRateSchedule, deserialize
from minicnn.types import Array, Shape

AVERAGE = "average"  # the slot of use_ema
# a value, its gradient, and what the optimizer remembers of it
Parameter = tuple[Array, Array, dict[str, Array]]


class OptimizerOptions(TypedDict, total=False):
    """The arguments that every optimizer takes besides learning_rate and weight_decay."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None


class Optimizer(Configured):
    """Changes parameters in place, `step` by `step`; what it remembers of each is in `slots`, by
    parameter name.

        value -= learning_rate * weight_decay * value           if there is a weight_decay
        value  = update(value, gradient)                        what a subclass does
        average = ema_momentum * average + (1 - ema_momentum) * value       with use_ema

    Args:
        learning_rate: the size of a step, or a schedule of it; readable and settable at any time.
        weight_decay: what every step takes from every weight, as a share of it and times the
            learning rate. Source: Loshchilov & Hutter 2017, arXiv:1711.05101.
        clipnorm: when the norm of a gradient exceeds it, that is scaled down to it.
        clipvalue: numbers in gradients are cut to -clipvalue ... clipvalue.
        global_clipnorm: when the norm of all gradients together exceeds it, all are scaled down to
            it. At most one of the three, see clipping.py.
        use_ema: keep an exponential moving average of the weights, which is often better than any
            of them; fit ends by putting it in their place. Until then callbacks.SwapEMAWeights
            evaluates with it. Source: Polyak & Juditsky 1992, "Acceleration of stochastic
                approximation by averaging".
        ema_momentum: the share of the old average in the new one.
        ema_overwrite_frequency: also put the average in the weights' place after every so many
            steps.
    """

    slot_names: tuple[str, ...] = ()
    schedule: LearningRateSchedule | None  # of the learning rate, if it has one
    iterations: int
    slots: dict[str, dict[str, Array]]  # "conv2d/kernel" -> {"m": ..., "v": ...}
    averages_in_use: bool  # whether swap_averages has put them in the weights' place

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
    ):
        who = type(self).__name__
        clips = {
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        given = {name: limit for name, limit in clips.items() if limit is not None}
        for name, limit in given.items():
            number(limit, name, who, above=0)
        if len(given) > 1:
            raise ValueError(
                f"{who} expected one of clipnorm, clipvalue and global_clipnorm, received "
                f"{' and '.join(f'{name}={limit!r}' for name, limit in given.items())}: leave out "
                "all but one"
            )
        if weight_decay is not None:
            number(weight_decay, "weight_decay", who, least=0)
        number(ema_momentum, "ema_momentum", who, least=0, most=1)
        if ema_overwrite_frequency is not None:
            count(ema_overwrite_frequency, "ema_overwrite_frequency", who)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = flag(use_ema, "use_ema", who)
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.iterations = 0
        self.slots = {}
        self.averages_in_use = False

    @property
    def use_ema(self) -> bool:
        """Whether averages of the weights are kept."""
        return AVERAGE in self.slot_names

    @use_ema.setter
    def use_ema(self, use: bool) -> None:
        self.slot_names = (*self.remembered(), *[AVERAGE] * bool(use))

    def remembered(self) -> tuple[str, ...]:
        """The names of the slots, without that of averages."""
        return type(self).slot_names

    @property
    def learning_rate(self) -> float:
        """That of the next step: a number, which has Keras' assign(value) and numpy() too."""
        rate = self._rate if self.schedule is None else self.schedule(self.iterations)
        return Rate(rate, self)

    @learning_rate.setter
    def learning_rate(self, rate: "float | LearningRateSchedule") -> None:
        if isinstance(rate, LearningRateSchedule):
            self.schedule, self._rate = rate, 0.0
        else:
            self._rate, self.schedule = (
                number(rate, "learning_rate", type(self).__name__, least=0),
                None,
            )

    @property
    def optimizers(self) -> "list[Optimizer]":
        """It alone; of a MultiOptimizer, all that it is made of."""
        return [self]

    @property
    def highest_rate(self) -> float:
        """The learning rate, or the highest of several."""
        return max(float(one.learning_rate) for one in self.optimizers)

    @one_at_a_time
    def step(self, parameters: Iterable[tuple[str, Array, Array]]) -> None:
        """Update every (name, value, gradient) in place.

        Raises ValueError when a slot is of another shape.
        """
        group = [(value, grad, self._slots_of(name, value)) for name, value, grad in parameters]
        if self.clipnorm or self.clipvalue or self.global_clipnorm:
            group = self._clipped(group)
        for value, _, slots in group:
            if decay := self.decay_of(slots):
                value *= 1 - self.learning_rate * decay
        self.update_all(group)
        if self.use_ema:
            for value, _, slots in group:
                self._average(value, slots[AVERAGE])
        self.iterations += 1

    def decay_of(self, slots: dict[str, Array]) -> float | None:  # noqa: ARG002
        """The weight_decay of the parameter that has these slots."""
        return self.weight_decay

    def update_all(self, group: list[Parameter]) -> None:
        """Change every parameter in place."""
        for value, grad, slots in group:
            self.update(value, grad, slots)

    def update(self, value: Array, grad: Array, slots: dict[str, Array]) -> None:
        """Change one parameter in place."""
        raise NotImplementedError(f"{type(self).__name__} must define update(value, grad, slots)")

    def _average(self, value: Array, average: Array) -> None:
        """average = momentum * average + (1 - momentum) * value, in place; after the first step,
        value itself.
        """
        average -= value
        average *= self.ema_momentum if self.iterations else 0
        average += value
        if (
            self.ema_overwrite_frequency
            and (self.iterations + 1) % self.ema_overwrite_frequency == 0
        ):
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

    def _averaged(
        self, parameters: Iterable[tuple[str, Array, Array]]
    ) -> Iterator[tuple[Array, Array]]:
        """(value, average) of every parameter that has been averaged."""
        for name, value, _ in parameters:
            if self.use_ema and name in self.slots:
                yield value, self.slots[name][AVERAGE]

    def _clipped(self, group: list[Parameter]) -> list[Parameter]:
        """The same with smaller gradients."""
        gradients = [grad for _, grad, _ in group]
        if self.clipnorm:
            gradients = clipping.by_norm(gradients, self.clipnorm)
        if self.clipvalue:
            gradients = clipping.by_value(gradients, self.clipvalue)
        if self.global_clipnorm:
            gradients = clipping.by_global_norm(gradients, self.global_clipnorm)
        rows = zip(group, gradients, strict=True)
        return [(value, grad, slots) for (value, _, slots), grad in rows]

    def fresh(self, value: Array) -> Array:
        """What is remembered of a parameter before its first step."""
        return np.zeros(value.shape, value.dtype)

    def slot_names_for(self, name: str, shape: Shape) -> tuple[str, ...]:  # noqa: ARG002
        """The names of the slots of one parameter."""
        return self.slot_names

    def _slots_of(self, name: str, value: Array) -> dict[str, Array]:
        expected = self.slot_names_for(name, value.shape)
        if name not in self.slots:
            self.slots[name] = {
                slot: value.copy() if slot == AVERAGE else self.fresh(value) for slot in expected
            }
        slots = self.slots[name]
        if slots.keys() != set(expected):
            who, names = type(self).__name__, sorted(expected)
            raise ValueError(
                f"{who} remembers {sorted(slots)} of {name!r}, expected {names}: use a new "
                "optimizer"
            )
        for slot, array in slots.items():
            if not is_like(array, value):
                slots[slot] = like(
                    array, value, f"{type(self).__name__} remembers {slot} of {name!r}"
                )
        return slots

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, a schedule as its class and arguments."""
        clips = {"clipnorm": self.clipnorm, "clipvalue": self.clipvalue}
        return {
            "learning_rate": self._rate if self.schedule is None else self.schedule.described(),
            "weight_decay": self.weight_decay,
            "global_clipnorm": self.global_clipnorm,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            # only where they are used: checkpoints of versions without them stay readable
            **{name: limit for name, limit in clips.items() if limit is not None},
        }

    def adopt(self, other: "Optimizer") -> None:
        """Take over the arguments of one of the same class; a schedule stays."""
        for name, value in other.get_config().items():
            if not isinstance(value, dict):
                setattr(self, name, value)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """One like that whose get_config this is; a schedule may be described.

        Raises TypeError for what is no dict, and for arguments that the constructor does not have.
        """
        rate = config.get("learning_rate") if isinstance(config, Mapping) else None
        described = {"learning_rate": deserialize(rate)} if isinstance(rate, dict) else {}
        return super().from_config({**config, **described} if described else config)
