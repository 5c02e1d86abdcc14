"""Forward and backward of a training step on the layers as they are written, with all that they
compute kept.
"""

from collections import defaultdict
from functools import reduce
from typing import Any

import numpy as np

from minicnn.explain.tracing.rows import Row, Rows
from minicnn.layers.base import Layer
from minicnn.losses import Loss
from minicnn.network.ending import ENDINGS
from minicnn.network.executor import clear_gradients
from minicnn.training import penalties
from minicnn.training.step import quiet
from minicnn.types import Array

# What backward needs of forward, by class: the names that the layers have for it.
KEPT = {
    "Conv2D": ("patches",),
    "ReLU": ("slope",),
    "LeakyReLU": ("slope",),
    "ELU": ("slope",),
    "GELU": ("slope",),
    "Elementwise": ("slope",),
    "BatchNormalization": ("x_hat", "inv_std"),
    "LayerNormalization": ("x_hat", "inv_std"),
    "GroupNormalization": ("x_hat", "inv_std"),
    "MaxPooling2D": ("argmax",),
    "GlobalMaxPooling2D": ("argmax",),
    "Dropout": ("factor",),
    "SpatialDropout2D": ("factor",),
    "GaussianDropout": ("factor",),
    "Maximum": ("winner",),
    "Minimum": ("winner",),
}


class Recording:
    """The arrays of a step, by name, as forward and backward leave them here, and updating.py.

    Attributes:
        arrays: in the order of being made.
        gives: of every value, the names of the gradients that its users give.
        loss: the mean over the samples, with penalties.
        fused: whether the loss takes logits, and the last row has no backward.
        from_logits: whether the loss takes logits, fused or not.
    """

    def __init__(self, network: Rows, loss: Loss):
        self.network, self.criterion = network, loss
        self.arrays: dict[str, Array] = {}
        self.names: dict[int, str] = {}  # of values: the array
        self.gives: dict[int, list[str]] = defaultdict(list)
        self.loss = 0.0
        self.fused = network.ends_in is not None and network.ends_in == loss.fuses
        self.from_logits = loss.from_logits or self.fused
        self.takes = ""  # the array that the loss takes

    def keep(self, name: str, array: Any) -> None:
        """Keep an array, row by row in memory."""
        self.arrays[name] = np.asarray(array, order="C")

    # Forward

    def forward(self, inputs: list[Array]) -> None:
        """Run every row in training, for inputs in the model's type."""
        for path, layer in self.network.layers.items():
            for name, array in layer.variables_by_name.items():
                self.keep(f"{path}/{name}/before", array.copy())
        for number, (name, x) in enumerate(zip(self.network.inputs, inputs, strict=True)):
            self.names[number] = f"{name}/output"
            self.keep(f"{name}/output", x)
        with quiet():
            for row in self.network.rows:
                self._forward(row)
        for path, layer in self.network.layers.items():
            for name, array in layer.state.items():
                self.keep(f"{path}/{name}/after", array.copy())

    def _forward(self, row: Row) -> None:
        given = [self.arrays[self.names[n]] for n in row.reads]
        row.layer.needs_input_grad = True
        trains = True if row.training is None else row.training
        self._state(row, "before")
        x: Any = given if row.several else given[0]
        y = row.layer.forward(x, training=trains)
        self._state(row, "after")
        self.names[row.writes] = f"{row.name}/output"
        self.keep(f"{row.name}/output", y)
        known = KEPT.get(type(row.layer).__name__, ())
        for place, array in enumerate(row.layer._cache or ()):
            if not isinstance(array, np.ndarray):
                continue
            if place < len(known):
                self.keep(f"{row.name}/{known[place]}", array)
            elif not any(np.may_share_memory(array, one) for one in (*given, y)):  # nor x or y
                self.keep(f"{row.name}/kept{place}", array)

    def _state(self, row: Row, when: str) -> None:
        """Keep the averages of a layer at several places, each of which moves them."""
        for name, array in row.layer.state.items() if row.shared else ():
            self.keep(f"{row.name}/{name}/{when}", array.copy())

    # The loss

    def measure(self, y: Array) -> None:
        """The loss, and its gradient with respect to what it takes."""
        rows, loss = self.network.rows, self.criterion
        ending, at = self.network.ends_in, rows[-1].reads[0]
        taken = at if self.fused else self.network.output
        logits = self.arrays[self.names[at if ending else taken]]
        x = logits
        if ending and not self.fused:  # all other losses get probabilities in double precision
            x = ENDINGS[ending][0](logits.astype(np.float64))
            self.keep(self.names[taken], x)
        with quiet():
            value, dx = loss.value_and_gradient(y, x, None, from_logits=self.from_logits)
        self.keep("loss/value", np.float64(value))
        self.keep("loss/targets", loss.targets(y, x.shape))
        self.keep("loss/dx", dx)
        self.loss = value + penalties.total(self.network.layers.values())
        self.gives[taken].append("loss/dx")
        self.takes = self.names[taken]

    # Backward

    def backward(self) -> None:
        """Run every row back, from the loss to the inputs."""
        with quiet():
            for row in reversed(self.network.rows):
                self._backward(row)
            for number, name in enumerate(self.network.inputs):
                self._dy(number, name)
            self.network.places.add_gradients()
            for path, name, layer in self._shared():
                self.keep(f"{path}/{name}/gradient", layer.grads[name].copy())
            self._penalties()

    def _dy(self, value: int, name: str) -> Array | None:
        """The sum of what the users of a value give, in that order."""
        given = [self.arrays[one] for one in self.gives[value]]
        if not given:
            return None
        self.keep(f"{name}/dy", given[0] if len(given) == 1 else reduce(np.add, given))
        return self.arrays[f"{name}/dy"]

    def _backward(self, row: Row) -> None:
        dy = self._dy(row.writes, row.name)
        last = row is self.network.rows[-1]
        if dy is None:  # the loss does not depend on it, or has done its work
            if not (last and self.fused):
                clear_gradients(row.layer)
        elif last and self.network.ends_in:  # in double precision, as in training
            y = self.arrays[f"{row.name}/output"]
            x = self.arrays[self.names[row.reads[0]]]
            self._give(row, [ENDINGS[self.network.ends_in][1](y, dy).astype(x.dtype)])
        else:
            dx: Any = row.layer.backward(dy)
            self._give(row, dx if row.several else [dx])
        for name, gradient in row.layer.grads.items() if row.layer.trainable else ():
            self.keep(self.gradient_name(row, name), gradient.copy())

    def _give(self, row: Row, dx: list[Array | None]) -> None:
        for place, (value, part) in enumerate(zip(row.reads, dx, strict=True)):
            if part is not None:
                name = f"{row.name}/dx{place if row.several else ''}"
                self.keep(name, part)
                self.gives[value].append(name)

    def gradient_name(self, row: Row, name: str) -> str:
        """Of what one row gives to a weight: all of its gradient, or a part of that."""
        if row.shared:
            return f"{row.name}/{name}/gradient"
        part = "/of_loss" if name in row.layer.regularizers else ""
        return f"{row.path}/{name}/gradient{part}"

    def _shared(self) -> list[tuple[str, str, Layer]]:
        """(path, weight, layer) of every weight that several rows give to."""
        paths = dict.fromkeys(row.path for row in self.network.rows if row.shared)
        found = [(path, self.network.layers[path]) for path in paths]
        return [(path, name, one) for path, one in found if one.trainable for name in one.grads]

    def _penalties(self) -> None:
        """Add the penalties' gradients, as training does, and keep what they are."""
        penalties.add_gradients(self.network.layers.values())
        for path, layer in self.network.layers.items():
            for name, regularizer in layer.regularizers.items() if layer.trainable else ():
                total = f"{path}/{name}/gradient"
                if total in self.arrays:  # of a layer at several places
                    self.arrays[f"{total}/of_loss"] = self.arrays[total]
                self.keep(f"{total}/of_penalty", regularizer.gradient(layer.params[name]))
                self.keep(total, layer.grads[name].copy())
