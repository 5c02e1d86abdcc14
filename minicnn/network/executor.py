"""How a network is run: layer after layer as they are written, or by the engine's plan."""

from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from functools import reduce
from itertools import count
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.machine import jit
from minicnn.network.ending import probabilities_in_place
from minicnn.network.gradients import Gradients
from minicnn.network.graph import Call, Program
from minicnn.network.places import Places
from minicnn.network.stages import layers_of, stages, without_ending
from minicnn.types import Array

if TYPE_CHECKING:  # the engine is not everywhere
    from minicnn.engine.plan import Step
    from minicnn.network.fast import Fast

ENGINES = ("fast", "reference")
_passes = count(1)  # forward passes of all networks are numbered


class Execution:
    """The forward and backward pass of a program of built layers.

    A softmax or sigmoid at the end is kept apart: a loss that takes logits applies it itself,
    exactly and with a simpler gradient (ending.py), and everybody else gets probabilities.

    Where a value has several users, its gradient is the sum of what they give, added up in the
    order in which backward runs them, which is the same in every run.

    Layers, buffers and caches are there once, for all threads: who calls a method holds
    `machine.threads.alone`. A backward goes with the forward before it, so both belong under one
    hold. Where they come apart, in a training by hand, backward makes sure that in between nobody
    else has run the layers.

    Args:
        program: what is computed; see graph.py.
        engine: "fast" for the engine's plan, "reference" for the layers themselves, which also run
            where Numba's compiler is switched off, or is not there.
    """

    def __init__(self, program: Program, engine: str):
        self.inputs = program.inputs
        self.layers = list({id(call.layer): call.layer for call in program.calls}.values())
        self.places = Places(program.calls)
        self.last = self.places.calls[-1].layer
        calls, self.outputs_at, self.ends_in, self.ending = without_ending(
            self.places.calls, program.outputs
        )
        # The last layer without its ending.
        self.linear = (
            calls[-1].layer if self.ending is not None and self.ending is not self.last else None
        )
        self.fast = self._fast(calls) if engine == "fast" and jit.ENABLED else None
        if self.fast is not None:
            self.stages, self._values = self.fast.stages, self.fast.values
        else:
            self.stages, self._values = stages(calls, self.inputs, self.outputs_at)
        self.frozen = None if self.fast is None else self.fast.frozen
        self.steps: list[Step] = [stage.step for stage in self.stages]
        self._made: list[tuple[int, ...]] = []  # shapes of the last forward's outputs
        self._pass = 0  # the number of the last forward pass,
        self._trained = 0, 0  # and of the last in training, with the thread that asked for it

    def _fast(self, calls: Sequence[Call]) -> "Fast | None":
        """The engine's plan for these calls; None where it is not to be trusted, and for layers of
        several types, since its steps hand on buffers as they are.
        """
        from minicnn.network.fast import Fast  # only where it can run

        if len({call.layer.dtype for call in calls}) != 1:
            return None
        fast = Fast(calls, self.inputs, self.outputs_at)
        return fast if fast.trusted else None

    def _together(self) -> Any:
        """The context in which the engine's steps add jobs that run together."""
        return nullcontext() if self.fast is None else self.fast.region

    def logits(self, x: Any, training: bool) -> Any:
        """The outputs before a final softmax or sigmoid, in arrays of their own: the engine's next
        pass overwrites its buffers.

        x is an array, or a list where there are several inputs; so is what comes out.
        Raises RuntimeError when a layer, or a signal handler, has run the network in the middle of
        it.
        """
        if not training and self.frozen is not None:
            self.places.follow()
            made = self.frozen.outputs(x if self.inputs > 1 else [x])
            if made is not None:
                return made if len(made) > 1 else made[0]
        values = self.begin(x, training)
        through(self.forwards(values, training))
        return self.made(values)

    def begin(self, x: Any, training: bool) -> list[Any]:
        """The values of a pass: the inputs, and room for all others."""
        number = self._pass = next(_passes)
        if training:
            self._trained = number, get_ident()
            for layer in self.layers:
                vars(layer)["_last_trained"] = number  # at once, not by __setattr__
        if self.linear is not None and self.linear.trainable is not self.last.trainable:
            self.linear.trainable = self.last.trainable
        self.places.follow()
        values: list[Any] = [None] * self._values
        values[: self.inputs] = x if self.inputs > 1 else [x]
        return values

    def forwards(self, values: list[Any], training: bool) -> Generator["Step", None, None]:
        """Each step in its turn, when its forward has put its value among the others."""
        number = self._pass
        with self._together():
            for step, reads, writes, fixed, several in self.stages:
                trains = training if fixed is None else fixed
                if self.fast is not None:
                    self.fast.settle(step, trains)
                given: Any = [values[n] for n in reads] if several else values[reads[0]]
                values[writes] = step.forward(given, training=trains)
                if self._pass != number:
                    raise RuntimeError(
                        f"the forward of {step} expected to be the only one of its network, "
                        "received another in the middle of it: a layer or a signal handler must "
                        "not call the model that it interrupts"
                    )
                yield step

    def made(self, values: list[Any]) -> Any:
        """The outputs among the values, in arrays of their own."""
        results = [values[n].copy() for n in self.outputs_at]
        self._made = [y.shape for y in results]
        return results if len(results) > 1 else results[0]

    def outputs(self, x: Any, training: bool) -> Any:
        """The outputs after it."""
        y = self.logits(x, training)
        if self.ending is None:
            return y
        if not training and self.ends_in is not None:
            return probabilities_in_place(self.ends_in, y)
        return self.ending.forward(y, training=training)

    def backward_from_logits(self, dy: Any, to_input: bool = False) -> Any:
        """Backward to the lowest layers with something to train, or to the input: the dx of each,
        None for the others.

        dy is the gradient of the output, or the list of those of several. With the engine, dx is a
        buffer that the next backward overwrites. Raises RuntimeError when other threads, or other
        models that share layers, have run them since the forward.
        """
        gradients = Gradients()
        through(self.backwards(gradients, dy, to_input))
        with self._together():
            found = [
                self._total(n, gradients.given[n]) if n in gradients.given else None
                for n in range(self.inputs)
            ]
        return found if len(found) > 1 else found[0]

    def backwards(
        self, gradients: Gradients, dy: Any, to_input: bool = False
    ) -> Generator["Step", None, None]:
        """Each step in its turn, when its backward has given what it reads its gradients."""
        self._check_undisturbed()
        wanted = self.wanted(to_input)
        for n, given in zip(self.outputs_at, dy if len(self.outputs_at) > 1 else [dy], strict=True):
            gradients.give(n, given)
        with self._together():
            for step, reads, writes, fixed, several in reversed(self.stages):
                if not wanted[writes]:
                    continue
                if writes not in gradients.given:  # no output depends on it
                    clear_gradients(step)
                    continue
                step.needs_input_grad = any(wanted[n] for n in reads)
                total = self._total(writes, gradients.given.pop(writes))
                if self.fast is not None:
                    self.fast.settle(step, True if fixed is None else fixed)
                    self.fast.offer(step, gradients, reads[0])
                back: Any = step.backward(total)
                if step.needs_input_grad:
                    own = self.fast is not None and self.fast.gives_own(step)
                    for place, dx in enumerate(back if several else [back]):
                        if wanted[reads[place]]:
                            gradients.give(reads[place], dx, buffer=own and not place)
                yield step
        self.places.add_gradients()

    def backward(self, dy: Any) -> Any:
        """Backward from the outputs to the input; returns dx, in an array of its own.

        dy is the gradient of the output, or the list of those of several, and so is dx of the
        inputs. Raises ValueError where several outputs are given other gradients than one of each
        one's shape.
        """
        if len(self.outputs_at) > 1 or isinstance(dy, list | tuple):
            received = [np.shape(one) for one in dy]
            if received != self._made or isinstance(dy, np.ndarray):
                raise ValueError(
                    f"backward expected a list of gradients of the outputs' shapes {self._made}, "
                    "received "
                    f"{np.shape(dy) if isinstance(dy, np.ndarray) else received}"
                )
            dy = list(dy) if len(dy) > 1 else dy[0]
        # what is wrong with dy is said in the layer's name
        if self.linear is not None and self.ending is not None:
            dy = self.last.accept_gradient(dy, *self.ending.last_forward())
        if self.ending is not None:
            dy = self.ending.backward(dy)
        dx = self.backward_from_logits(dy, to_input=True)
        if isinstance(dx, list):
            return [None if part is None else part.copy() for part in dx]
        return None if dx is None else dx.copy()

    def _total(self, value: int, given: Sequence[Array]) -> Array:
        """The sum of the gradients of a value, added up in the order in which they are given."""
        if len(given) == 1:
            return given[0]
        return reduce(np.add, given) if self.fast is None else self.fast.forks.total(value, given)

    def _check_undisturbed(self) -> None:
        number, thread = self._trained
        if number and thread != get_ident():
            raise RuntimeError(
                "backward expected the thread of the last forward(training=True), received "
                "another: while threads share a model, use train_step or train_on_batch, which are "
                "one step each"
            )
        for layer in self.layers:
            if layer._last_trained != number:
                raise RuntimeError(
                    f"backward expected {layer} as its forward(training=True) has left it, "
                    "received it after another one, of a model that shares it, or with other "
                    "weights: run forward(training=True) again"
                )

    def wanted(self, to_input: bool) -> list[bool]:
        """Of every value, whether backward needs its gradient: if something that it depends on
        trains.
        """
        wanted = [to_input] * self.inputs + [False] * (self._values - self.inputs)
        for step, reads, writes, *_ in self.stages:
            wanted[writes] = any([wanted[n] for n in reads]) or any(
                [layer.trainable and bool(layer.params) for layer in layers_of(step)]
            )
        return wanted


def through(steps: Generator["Step", None, None]) -> None:
    """Run a pass to its end; one that is left before, by Ctrl-C, leaves no jobs behind."""
    with closing(steps):
        for _ in steps:
            pass


def clear_gradients(step: "Step") -> None:
    """Set the gradients of a step's layers to 0."""
    for layer in layers_of(step):
        for gradient in layer.grads.values():
            gradient[...] = 0
