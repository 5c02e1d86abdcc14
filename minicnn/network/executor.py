"""How a model's layers are run: one after the other as they are written, or by the engine's plan."""

from collections.abc import Sequence
from itertools import count
from threading import get_ident
from typing import Any

from minicnn.engine import selftest
from minicnn.engine.plan import Step, passes_on, plan
from minicnn.layers.augmentation.geometric import Composed, composed
from minicnn.layers.base import Layer
from minicnn.layers.softmax import Softmax
from minicnn.machine import jit
from minicnn.machine.region import Region
from minicnn.types import Array

ENGINES = ("fast", "reference")
_passes = count(1)  # forward passes of all networks are numbered


class Execution:
    """The forward and backward pass of a stack of built layers.

    A softmax at the end is kept apart: a loss that takes logits applies it itself, exactly and with a simpler gradient
    (losses.py), and everybody else gets probabilities.

    Layers, buffers and caches are there once, for all threads: who calls a method holds `machine.threads.alone`.
    A backward goes with the forward before it, so both belong under one hold. Where they come apart, in a training by
    hand, backward makes sure that in between nobody else has run the layers.

    Args:
        layers: the model's layers.
        engine: "fast" for the engine's plan, "reference" for the layers themselves, which also run where Numba's
            compiler is switched off.
    """

    def __init__(self, layers: Sequence[Layer], engine: str):
        self.layers = list(layers)
        self.last = layers[-1]
        self.linear: Layer | None = None  # the last layer without its softmax
        self.softmax = final_softmax(self.last)
        body = list(layers)
        if self.softmax is self.last:
            body.pop()
        elif self.softmax is not None:
            body[-1] = self.linear = self.last.without_activation()
        body = composed(body)
        one_type = len({layer.dtype for layer in body}) <= 1  # the engine's steps hand on buffers as they are
        fast = engine == "fast" and jit.ENABLED and one_type and selftest.trusted(body)
        self.region = Region()
        self.steps: list[Step] = plan(body, self.region) if fast else list(body)
        self._pass = 0  # the number of the last forward pass,
        self._trained = 0, 0  # and of the last in training, with the thread that asked for it

    def logits(self, x: Array, training: bool) -> Array:
        """The outputs before a final softmax, in an array of their own: the engine's next pass overwrites its buffers.

        Raises RuntimeError when a layer, or a signal handler, has run the network in the middle of it.
        """
        number = self._pass = next(_passes)
        if training:
            self._trained = number, get_ident()
            for layer in self.layers:
                vars(layer)["_last_trained"] = number  # at once, not by __setattr__
        if self.linear is not None and self.linear.trainable is not self.last.trainable:
            self.linear.trainable = self.last.trainable
        with self.region:
            for step in self.steps:
                if not passes_on(step, training):
                    self.region.run()
                x = step.forward(x, training=training)
                if self._pass != number:
                    raise RuntimeError(
                        f"the forward of {step} expected to be the only one of its network, received another in the "
                        "middle of it: a layer or a signal handler must not call the model that it interrupts"
                    )
        return x.copy()

    def outputs(self, x: Array, training: bool) -> Array:
        """The outputs after it."""
        y = self.logits(x, training)
        return y if self.softmax is None else self.softmax.forward(y, training=training)

    def backward_from_logits(self, dy: Array, lowest: int) -> Any:
        """Backward from the last step down to number `lowest`, which need not give a dx; -1: all of them give one.

        With the engine, dx is a buffer that the next backward overwrites. Raises RuntimeError when other threads, or
        other models that share layers, have run them since the forward.
        """
        self._check_undisturbed()
        gradient: Any = dy
        with self.region:
            for index in reversed(range(max(lowest, 0), len(self.steps))):
                step = self.steps[index]
                step.needs_input_grad = index > lowest
                if not passes_on(step, training=True):
                    self.region.run()
                gradient = step.backward(gradient)
        return gradient

    def backward(self, dy: Array) -> Array | None:
        """Backward from the outputs to the input; returns dx, in an array of its own."""
        if self.linear is not None and self.softmax is not None:  # what is wrong with dy is said in the layer's name
            dy = self.last.accept_gradient(dy, *self.softmax.last_forward())
        if self.softmax is not None:
            dy = self.softmax.backward(dy)
        dx = self.backward_from_logits(dy, lowest=-1)
        return None if dx is None else dx.copy()

    def _check_undisturbed(self) -> None:
        number, thread = self._trained
        if number and thread != get_ident():
            raise RuntimeError(
                "backward expected the thread of the last forward(training=True), received another: while threads "
                "share a model, use train_step or train_on_batch, which are one step each"
            )
        for layer in self.layers:
            if layer._last_trained != number:
                raise RuntimeError(
                    f"backward expected {layer} as its forward(training=True) has left it, received it after another "
                    "one, of a model that shares it, or with other weights: run forward(training=True) again"
                )

    def lowest_trained(self) -> int:
        """The number of the first step with something to train: below it nothing needs a gradient."""
        for index, step in enumerate(self.steps):
            if any(layer.trainable and layer.params for layer in layers_of(step)):
                return index
        return len(self.steps)


def final_softmax(last: Layer) -> Softmax | None:
    """The softmax over classes that a model with this last layer ends in, if any."""
    softmax = last.activation_layer or last
    return softmax if isinstance(softmax, Softmax) and softmax.axis in (-1, 1) else None


def layers_of(step: Step) -> list[Layer]:
    """The layers that a step runs."""
    return [step] if isinstance(step, Layer) and not isinstance(step, Composed) else list(step.layers)
