"""Inference as one call: what the plan's steps would ask of the threads, written down once.

For one picture the engine computes some tens of microseconds, and Python would take longer to walk
from step to step. What it does there is the same every time: it hands the same jobs for the same
buffers to the same region, and only pixels differ. So the second time that a shape of batch is met,
a program is made for it, of steps of its own: pixels are copied to where the first step reads them,
all jobs run in one call, and what the last one has written is copied out.

Kernels are laid out and normalisations prepared once, too. Weights may change under a program's
feet, by training, by set_weights, or because somebody writes to layer.params: so each time it looks
at their fingerprint, and when that is another, the steps do their part again. What jobs read where
it lies, such as a dense layer's kernel, need not be looked at.

A network has such programs where all its steps are the engine's, and for small batches: beside the
work of large ones, what Python does is nothing.
"""

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from minicnn.engine.engine_step import EngineStep
from minicnn.engine.plan import passes_on, plan
from minicnn.machine.fingerprint import Fingerprint
from minicnn.machine.region import Region, run_jobs, table
from minicnn.machine.workspace import maps
from minicnn.network.graph import Call
from minicnn.network.sharing import Sharing
from minicnn.network.slots import give_slots
from minicnn.network.stages import stages
from minicnn.types import Array

LARGEST = 64  # samples of a batch
KEPT = 8  # programs: a server meets many sizes


class Frozen:
    """The programs of a network, by the shape of what it is given.

    Args:
        calls, inputs, outputs: of the network's program without its ending; see executor.py.
    """

    def __init__(self, calls: Sequence[Call], inputs: int, outputs: Sequence[int]):
        self.made_of = calls, inputs, outputs
        self.programs: dict[tuple, FrozenProgram | None] = {}
        self.sharing = Sharing()

    def outputs(self, x: Sequence[Array]) -> list[Array] | None:
        """What comes out, in arrays of its own; None where the steps are to be run one by one."""
        if len(x[0]) > LARGEST:
            return None
        single = len(x[0]) == 1
        threads = self.sharing.choose() if single else 1
        key = (threads, *[(one.shape, one.dtype.char == "B") for one in x])  # which is uint8
        if key not in self.programs:
            if len(self.programs) == KEPT:
                self.programs.pop(next(iter(self.programs)))
            self.programs[key] = None  # met for the first time
            return None
        program = self.programs[key]
        if program is None:
            program = self.programs[key] = FrozenProgram(*self.made_of, x, threads)
        if not program.possible:
            return None
        began = perf_counter()
        found = program.outputs(x)
        if single:
            self.sharing.note(threads, perf_counter() - began)
        return found


class FrozenProgram:
    """A network's inference for one shape of batch.

    Args:
        calls, inputs, outputs: see Frozen.
        x: a batch.
        threads: how many of them share each picture.

    Attributes:
        possible: whether the steps do nothing but hand on jobs.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        inputs: int,
        outputs: Sequence[int],
        x: Sequence[Array],
        threads: int,
    ):
        self.region = Region()
        self.stages, self.values = stages(
            calls,
            inputs,
            outputs,
            partial(plan, region=self.region, frozen=True, threads=threads),
        )
        give_slots(self.stages, outputs)
        self.steps = [one.step for one in self.stages if isinstance(one.step, EngineStep)]
        self.settings = [setting for step in self.steps for setting in step.settings]
        self.outputs_at, dtype = outputs, calls[0].layer.dtype
        self.x = [
            maps(
                one.shape,
                np.dtype(np.uint8)
                if one.dtype == np.uint8 and self._takes_bytes(n, one)
                else dtype,
            )
            for n, one in enumerate(x)
        ]
        layers = {id(call.layer): call.layer for call in calls}.values()
        arrays = [a for layer in layers for a in (*layer.params.values(), *layer.state.values())]
        read = {id(array) for step in self.steps for array in step.read_in_place}
        self.fingerprint = Fingerprint([array for array in arrays if id(array) not in read])
        self.known: tuple = ()
        self.possible = self._write()
        if not self.possible:  # and no buffers are kept for nothing
            self.stages, self.steps, self.settings, self.x = [], [], [], []

    def _takes_bytes(self, n: int, x: Array) -> bool:
        """Whether all that read the input of that number may be given bytes, not as an addend."""
        readers = [one for one in self.stages if n in one.reads]
        return n not in self.outputs_at and all(
            isinstance(one.step, EngineStep) and one.step.takes_bytes(x) and n not in one.reads[1:]
            for one in readers
        )

    def outputs(self, x: Sequence[Array]) -> list[Array]:
        """What comes out, in arrays of its own."""
        for own, given in zip(self.x, x, strict=True):
            own[...] = given
        run_jobs(self.table)
        if self.known != self._found():
            self._write()
        return [y.copy() for y in self.made]

    def _found(self) -> tuple:
        """What the program depends on, as it was when it ran."""
        settings = [getattr(layer, name) for layer, name in self.settings]
        return self.fingerprint.sums.tobytes(), settings

    def _write(self) -> bool:
        """Run the steps and keep their jobs; False, and nothing is kept, where a step does more."""
        self.known = ()  # until all is done: a Ctrl-C may leave kernels half laid out
        values: list[Any] = [None] * self.values
        values[: len(self.x)] = self.x
        with self.region:
            self.region.add(self.fingerprint.job, self.fingerprint.stages)
            for step, reads, writes, training, several in self.stages:
                if training or not passes_on(step, False, values[reads[0]]):
                    self.region.forget()
                    return False
                given: Any = [values[n] for n in reads] if several else values[reads[0]]
                values[writes] = step.forward(given, training=False)
            self.jobs = list(self.region.jobs)
        self.table = table(self.jobs, weights=False)
        self.made = [values[n] for n in self.outputs_at]
        self.known = self._found()
        return True
