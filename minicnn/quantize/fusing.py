"""Which operations machine code does in one pass: what follows a sum is done while it is at hand.

A convolution or a dense layer takes with it a batch normalisation of one cell (a depthwise
convolution of 1x1) behind it, and a convolution the max pooling behind these, if nobody else reads
what lies between, and the windows lie side by side without padding. For why that makes the same
bits see engine/integer_tiles.py.
"""

from collections import Counter
from typing import NamedTuple

from minicnn.quantize.arithmetic import window
from minicnn.quantize.integers import IntegerOperation
from minicnn.quantize.numbers import LOW
from minicnn.quantize.operations import WEIGHTED, Computation


class Pass(NamedTuple):
    """Operations that run together: the first, the normalisation and the pooling behind it.

    reads, writes: the numbers of the values that the first takes and that the last makes.
    """

    operation: IntegerOperation
    norm: IntegerOperation | None
    pool: IntegerOperation | None
    reads: tuple[int, ...]
    writes: int


def passes(computation: Computation, largest_pool: int) -> list[Pass]:
    """All operations, in order.

    largest_pool: positions of a pooling window that fit into a tile.
    """
    operations = computation.operations
    users = Counter(n for operation in operations for n in operation.reads)
    found, place = [], 0

    def next_alone() -> IntegerOperation | None:
        """The operation at `place`, if it is all that reads the value before it."""
        if place < len(operations) and users[place] == 1 and operations[place].reads == (place,):
            return operations[place]
        return None

    while place < len(operations):
        operation = operations[place]
        place += 1
        norm = pool = None
        after = next_alone()
        if operation.kind in WEIGHTED and after is not None and is_norm(after):
            norm, place = after, place + 1
            after = next_alone()
        if operation.kind == "conv2d" and after is not None:
            before = operation if norm is None else norm
            if is_side_by_side(after, before, largest_pool) and has_runs(operation, norm):
                pool, place = after, place + 1
        found.append(Pass(operation, norm, pool, operation.reads, place))
    return found


def is_norm(operation: IntegerOperation) -> bool:
    """Whether it is a factor and a bias for each channel."""
    kernel, told = operation.kernel, operation.settings
    return (
        operation.kind == "depthwise_conv2d"
        and kernel is not None
        and kernel.shape[:2] == (1, 1)
        and kernel.shape[3] == 1
        and tuple(told["strides"]) == (1, 1)
    )


def is_side_by_side(pool: IntegerOperation, before: IntegerOperation, largest: int) -> bool:
    """Whether it is max pooling whose windows fill a part of the picture, each cell once."""
    if pool.kind != "max_pooling2d":
        return False
    slides = window(pool, before.shape)
    rows, cols = slides.size
    fits = rows * pool.shape[0] <= before.shape[0] and cols * pool.shape[1] <= before.shape[1]
    return slides.strides == slides.size and rows * cols <= largest and fits


def has_runs(operation: IntegerOperation, norm: IntegerOperation | None) -> bool:
    """Whether patches can be read where they lie, and filters, where a normalisation turns the
    order of numbers around, can be negated.
    """
    assert operation.kernel is not None
    told = operation.settings
    runs = told["groups"] == 1 and told["dilation_rate"][1] == 1
    return runs and (norm is None or bool((operation.kernel > LOW).all()))
