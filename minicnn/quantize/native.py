"""The whole numbers of integers.py, bit for bit, as fast as the processor can.

Weights are packed once, when a network first predicts, and what follows a convolution runs in its
pass (fusing.py). What has no fast form here (forms.py) is made by integers.py, operation by
operation, and so is everything on processors without AVX2, or with MINICNN_ENGINE=reference.
"""

import os
from math import prod

from minicnn.engine import integer_sets
from minicnn.engine.integer_sets import Instructions
from minicnn.machine.jit import ENABLED
from minicnn.quantize import checks, forms
from minicnn.quantize.fusing import passes
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import Computation
from minicnn.types import Array

FEWEST, MOST = 32, 256  # samples at once
VALUE = 2**21  # bytes of the largest value of so many


def available() -> bool:
    """Whether whole numbers run in machine code of their own here."""
    asked = os.environ.get("MINICNN_ENGINE", "fast")
    return ENABLED and asked != "reference" and bool(integer_sets.available())


def best() -> Instructions:
    """The instructions that are used."""
    return integer_sets.available()[0]


class Native:
    """A computation with its weights packed. Later changes of its arrays go unseen.

    isa: the instructions to compute with; if None, the best that the processor has.

    Attributes:
        batch: how many samples to compute at once: threads are woken for many, and their values
            still lie in a cache.

    Raises ValueError for operations that do not fit: addresses are computed from their shapes.
    """

    def __init__(
        self, computation: Computation, of_input: Quantization, isa: Instructions | None = None
    ):
        checks.check(computation, of_input)
        isa = best() if isa is None else isa
        self.input_shape = computation.input_shape
        made = [of_input, *(operation.makes for operation in computation.operations)]
        self.passes = passes(computation, isa.rows)
        self.last_use = {n: at for at, one in enumerate(self.passes) for n in one.reads}
        shapes = [computation.shape(one.writes) for one in self.passes]
        largest = max(map(prod, [computation.input_shape, *shapes]))
        self.batch = min(max(FEWEST, VALUE // largest), MOST)
        self.rounded = forms.Rounded(of_input, isa)
        self.steps = [
            forms.FORMS.get(one.operation.kind, forms.Defined)(
                one,
                [made[n] for n in one.reads],
                [computation.shape(n) for n in one.reads],
                isa,
            )
            for one in self.passes
        ]

    def __call__(self, x: Array) -> Array:
        """The last value, int8, of what comes in, float32 (N, ...)."""
        assert x.shape[1:] == self.input_shape
        values = {0: self.rounded(x)}
        for at, (step, one) in enumerate(zip(self.steps, self.passes, strict=True)):
            values[one.writes] = step([values[n] for n in one.reads])
            for n in set(one.reads):
                if self.last_use[n] == at:
                    del values[n]
        return values[self.passes[-1].writes]
