"""The plan: which layers run together, and in what.

A plan is a list of steps. A step has `forward(x, *, training)` and `backward(dy)`, like a layer,
and `layers`, those that it runs; where the engine has nothing faster, the step is the layer itself.
Steps borrow the layers' arrays, so weights, gradients, names and files are the same with and
without them. patterns.py says what becomes a step.
"""

from collections.abc import Sequence
from copy import copy
from itertools import pairwise

from minicnn.engine.conv.separable import SeparableBlock
from minicnn.engine.conv.side_by_side import shared
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.dense import DenseStep
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.patterns import PATTERNS, is_conv, is_dense, is_separable
from minicnn.layers.base import Layer
from minicnn.layers.dropout import Dropout
from minicnn.layers.flatten import Flatten
from minicnn.layers.identity import Identity
from minicnn.layers.reshape import Reshape
from minicnn.machine.region import Region
from minicnn.types import Array

Step = Layer | EngineStep
VIEWS = Flatten, Reshape, Identity  # layers that give the numbers back as they lie


def plan(
    layers: Sequence[Layer],
    region: Region | None = None,
    frozen: bool = False,
    threads: int = 1,
) -> list[Step]:
    """The steps that compute what these built layers do, one after the other.

    Args:
        layers: a chain; what each makes goes to the next alone. One that takes several values
            takes the others from elsewhere.
        region: to which the steps add their jobs.
        frozen: for inference alone.
        threads: how many of them share each picture.
    """
    steps: list[Step] = []
    rest = split_activations(layers)
    while rest:
        matches = [(pattern, pattern.match(rest)) for pattern in PATTERNS]
        pattern, found = max(matches, key=lambda match: len(match[1]))
        # beside a frozen layer the layer itself may be on its way to a backward
        step: Step = copy(rest[0]) if frozen else rest[0]
        if found:
            step = pattern.step(**found, **pattern.options, frozen=frozen)
        if isinstance(step, SeparableBlock | DenseStep):
            step.share(threads)
        elif isinstance(step, ConvBlock):
            step = shared(step, threads)
        steps.append(step)
        del rest[: max(len(found), 1)]
    for step in steps:
        if region is not None and isinstance(step, EngineStep):
            step.region = region
    reuse_inputs(steps)
    return steps


def split_activations(layers: Sequence[Layer]) -> list[Layer]:
    """The layers, with the activations that convolutions and dense layers have inside as layers of
    their own.
    """
    split: list[Layer] = []
    for layer in layers:
        split.append(layer)
        known = is_conv(layer) or is_separable(layer) or is_dense(layer)
        if known and layer.activation_layer is not None:
            split.append(layer.activation_layer)  # the steps run these layers without it
    return split


def reuse_inputs(steps: Sequence[Step]) -> None:
    """Let dx be written over x where nobody reads x any more: over what the step before has
    normalised.
    """
    for before, step in pairwise(steps):
        blocks = ConvBlock | SeparableBlock
        if isinstance(before, blocks) and isinstance(step, blocks):
            # whose backward reads what was finished, not the result
            step.owns_input = before.finishes and not before.reads_output


def passes_on(step: Step, training: bool, x: Array | None = None) -> bool:
    """Whether a step's passes do nothing with the numbers they are given (x, where that matters)
    but hand them to a job, or on.
    """
    if isinstance(step, EngineStep):
        return step.passes_on(x)
    return type(step) in VIEWS or type(step) is Dropout and not training
