"""The update of a training step, with what the optimizer remembers before and after it kept."""

import copy
from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

import numpy as np

from minicnn.explain.tracing.recording import Recording
from minicnn.optimizers import MultiOptimizer
from minicnn.optimizers.base import AVERAGE, Optimizer
from minicnn.training import penalties
from minicnn.training.step import quiet
from minicnn.types import Array

Parameter = tuple[str, Array, Array]  # name, value, gradient


class Moved(NamedTuple):
    """How a weight was moved: by which optimizer, at which learning rate, in which of its steps,
    and what it remembers of the weight, by name.
    """

    optimizer: Optimizer
    rate: float
    step: int
    slots: list[str]


def update(recording: Recording, given: Optimizer) -> dict[str, Moved]:
    """One step of a copy of an optimizer, after a backward; how each weight moved, by name.

    Raises ValueError where the loss is not finite: training leaves out the update then.
    """
    if not isfinite(recording.loss):
        raise ValueError(
            f"explain.trace expected a finite loss, received {recording.loss}, which training "
            f"would not learn from: {first_not_finite(recording)}"
        )
    optimizer, layers = copy.deepcopy(given), recording.network.layers
    group = [
        (f"{path}/{name}", value, layer.grads[name])
        for path, layer in layers.items()
        for name, value in (layer.params.items() if layer.trainable else ())
    ]
    moved: dict[str, Moved] = {}
    for one, own in parted(optimizer, group):
        keep_clipped(recording, one, own)
        rate, step = float(one.learning_rate), int(one.iterations) + 1
        moved |= {name: Moved(one, rate, step, []) for name, _, _ in own}
    before = copy.deepcopy(optimizer.slots)
    with quiet():
        optimizer.step(group)
        penalties.constrain(layers.values())
    for name, value, _ in group:
        old = recording.arrays[f"{name}/before"]
        for slot, array in moved[name].optimizer.slots[name].items():
            begun = before.get(name, {}).get(slot)
            if begun is None:
                begun = old.copy() if slot == AVERAGE else moved[name].optimizer.fresh(old)
            recording.keep(f"{name}/{slot}/before", begun)
            recording.keep(f"{name}/{slot}/after", array.copy())
            moved[name].slots.append(slot)
        recording.keep(f"{name}/step", value.astype(np.float64) - old)
        recording.keep(f"{name}/after", value.copy())
    return moved


def parted(
    optimizer: Optimizer, group: list[Parameter]
) -> Iterator[tuple[Optimizer, list[Parameter]]]:
    """Each optimizer of several, or the one, and what it moves."""
    if isinstance(optimizer, MultiOptimizer):
        for one in optimizer.optimizers:
            yield one, [row for row in group if optimizer.optimizer_map[row[0]] is one]
    else:
        yield optimizer, group


def keep_clipped(recording: Recording, optimizer: Optimizer, group: list[Parameter]) -> None:
    """Keep the gradients that the update really takes, where the optimizer cuts them."""
    if optimizer.clipnorm or optimizer.clipvalue or optimizer.global_clipnorm:
        clipped = optimizer._clipped([(value, gradient, {}) for _, value, gradient in group])
        for (name, _, _), (_, gradient, _) in zip(group, clipped, strict=True):
            recording.keep(f"{name}/gradient/clipped", gradient)


def first_not_finite(recording: Recording) -> str:
    """Where a loss that is not finite begins, in words."""
    for name in recording.names.values():
        if not np.isfinite(recording.arrays[name]).all():
            return f"{name!r} is the first that is not finite; look at what it is made of"
    return "look at the labels and at the weights"
