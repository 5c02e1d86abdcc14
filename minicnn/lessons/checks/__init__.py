"""The check of each lesson: steps(work) says in which order what is looked at."""

from collections.abc import Callable, Iterator

from minicnn.lessons.checks import (
    batch_normalization,
    convolution,
    convolution_backward,
    dense,
    max_pooling,
    optimizers,
    relu,
    residual_block,
    softmax,
    tile,
)
from minicnn.lessons.checks.step import Step
from minicnn.lessons.work import Work

CHECKS: dict[int, Callable[[Work], Iterator[Step]]] = {
    1: dense.steps,
    2: relu.steps,
    3: softmax.steps,
    4: optimizers.steps,
    5: convolution.steps,
    6: convolution_backward.steps,
    7: max_pooling.steps,
    8: batch_normalization.steps,
    9: residual_block.steps,
    10: tile.steps,
}
