"""Before machine code is trusted with whole numbers it computes small operations, which NumPy can
check: for why see engine/selftest.py. Here every bit must be right.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from minicnn.engine.integer_sets import Instructions
from minicnn.errors import warn
from minicnn.quantize import integers
from minicnn.quantize.forms import FORMS
from minicnn.quantize.fusing import passes
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.numbers import Quantization
from minicnn.quantize.operations import Computation
from minicnn.quantize.shapes import made_of
from minicnn.types import Shape

PICTURE, VECTOR = (9, 12, 5), (37,)
TAKEN = Quantization(np.float32(0.02), 3)


def trusted(computation: Computation, isa: Instructions) -> bool:
    """Whether machine code of those instructions may run such operations; warns when it may not.

    It is tried once per process and kind.
    """
    kinds = {operation.kind for operation in computation.operations}
    return all([_passes(kind, isa) for kind in OPERATIONS if kind in kinds])


@cache
def _passes(kind: str, isa: Instructions) -> bool:
    share = wrong(kind, isa)
    if share:
        warn(
            f"minicnn computes {kind} of whole numbers wrongly with {isa.name} on this machine "
            f"({share:.0%} of them), so such models run in NumPy, slower but right: see "
            "`minicnn doctor`",
            RuntimeWarning,
        )
    return not share


def wrong(kind: str, isa: Instructions) -> float:
    """The share of wrong numbers in what machine code makes for an operation of that kind."""
    taken: Shape = VECTOR if kind == "dense" else PICTURE
    computation = Computation("trial", taken, OPERATIONS[kind]())
    operations = computation.operations
    for place, operation in enumerate(operations):
        operation.shape = made_of(operation, [computation.shape(place)])
    q = np.random.default_rng(0).integers(-128, 128, (2, *taken), np.int8)
    [one] = passes(computation, isa.rows)
    made = FORMS[kind](one, [TAKEN], [taken], isa)([q])
    *_, expected = integers.values(computation, TAKEN, q)
    return float((made != expected).mean())


def convolution() -> list[IntegerOperation]:
    """A convolution, a normalisation that turns some filters around, and max pooling."""
    conv = weighted("conv2d", (3, 3, 5, 40), 40, {"padding": "same", "groups": 1}, 0)
    norm = weighted("depthwise_conv2d", (1, 1, 40, 1), 40, {"padding": "valid"}, 1)
    pool = IntegerOperation("max_pooling2d", "2", (2,), (), None, makes=norm.makes)
    pool.settings = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}
    return [conv, norm, pool]


def depthwise() -> list[IntegerOperation]:
    """A depthwise convolution."""
    return [weighted("depthwise_conv2d", (3, 3, 5, 1), 5, {"padding": "same"}, 0)]


def dense() -> list[IntegerOperation]:
    """A dense layer."""
    return [weighted("dense", (37, 19), 19, {}, 0)]


def weighted(
    kind: str, shape: Shape, filters: int, told: dict[str, object], number: int
) -> IntegerOperation:
    """An operation with drawn weights."""
    rng = np.random.default_rng(number + 1)
    return IntegerOperation(
        kind, str(number), (number,), (), "relu" if number == 0 else None,
        {"strides": (1, 1), "dilation_rate": (1, 1), **told},
        rng.integers(-127, 128, shape, np.int8),
        rng.integers(-9999, 9999, filters).astype(np.int32),
        kernel_scale=rng.uniform(0.005, 0.02, filters).astype(np.float32),
        makes=Quantization(np.float32(0.5), -7),
    )  # fmt: skip


OPERATIONS: dict[str, Callable[[], list[IntegerOperation]]] = {
    "conv2d": convolution,
    "depthwise_conv2d": depthwise,
    "dense": dense,
}
