"""The plan: which layers run together, and in what.

A plan is a list of steps. A step has `forward(x, *, training)` and `backward(dy)`, like a layer, and `layers`, those
that it runs; where the engine has nothing faster, the step is the layer itself. Steps borrow the layers' arrays, so
weights, gradients, names and files are the same with and without them.
"""

from collections.abc import Sequence
from itertools import pairwise

from minicnn.engine.conv_block import ConvBlock
from minicnn.engine.dense import DenseStep
from minicnn.layers.activation import Activation
from minicnn.layers.base import Layer
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.dense import Dense
from minicnn.layers.dropout import Dropout
from minicnn.layers.flatten import Flatten
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.relu import ReLU
from minicnn.layers.rescaling import Rescaling
from minicnn.machine.region import Region

Step = Layer | ConvBlock | DenseStep


def plan(layers: Sequence[Layer], region: Region | None = None) -> list[Step]:
    """The steps that compute what these built layers do, in order, and the region to which they add their jobs.

    Only the very classes are replaced: a user's subclass may do something else, and runs as itself.
    """
    steps: list[Step] = []
    rest = list(layers)
    while rest:
        layer, rescaling = rest.pop(0), None
        if type(layer) is Rescaling and rest and type(rest[0]) is Conv2D:
            rescaling, layer = layer, rest.pop(0)
        if type(layer) is Conv2D or type(layer) is Dense:
            relu = layer.activation_layer is not None and plain_relu(layer.activation_layer)
            relu = relu or layer.activation_layer is None and take_relu(rest)
            own_activation = None if relu else layer.activation_layer
            if isinstance(layer, Dense):
                steps.append(DenseStep(layer, relu))
            else:
                norm = pool = None
                relu_after = False
                if own_activation is None and rest and can_normalize(rest[0]):
                    norm = rest.pop(0)
                    relu_after = not relu and take_relu(rest)
                if own_activation is None and rest and can_pool(rest[0]):
                    pool = rest.pop(0)
                    if norm is not None and not relu and not relu_after:
                        relu_after = take_relu(rest)  # the largest of max(b, 0) is the same, pooled before or after
                steps.append(ConvBlock(layer, relu, norm, pool, rescaling, relu_after))  # type: ignore[arg-type]
            if own_activation is not None:
                steps.append(own_activation)
        else:
            steps.append(layer)
    for step in steps:
        if region is not None and isinstance(step, ConvBlock | DenseStep):
            step.region = region
    for before, step in pairwise(steps):
        if isinstance(before, ConvBlock) and isinstance(step, ConvBlock):
            step.owns_input = before.norm is not None  # whose backward reads what was normalised, not the result
    return steps


def take_relu(rest: list[Layer]) -> bool:
    """Whether a ReLU comes next, which then is taken from the layers that are left."""
    if not rest or not plain_relu(rest[0]):
        return False
    rest.pop(0)
    return True


def plain_relu(layer: Layer) -> bool:
    """Whether the layer computes max(x, 0) and nothing else, however it is written."""
    if type(layer) is Activation and layer.activation_layer is not None:
        layer = layer.activation_layer
    return type(layer) is ReLU and layer.max_value is None


def can_normalize(layer: Layer) -> bool:
    """Whether a convolution can normalise along; gamma and beta that train on moving averages it cannot."""
    return type(layer) is BatchNormalization and not (layer.holds_averages and layer.trainable)


def can_pool(layer: Layer) -> bool:
    """Whether a convolution can pool along: windows side by side, none cut off by the edge, numbered in a byte."""
    return (
        type(layer) is MaxPooling2D
        and layer.strides == layer.pool_size
        and layer.window.before == (0, 0)
        and all(o * p <= n for o, p, n in zip(layer.window.output, layer.pool_size, layer.input_shape, strict=False))
        and layer.pool_size[0] * layer.pool_size[1] <= 256
    )


def passes_on(step: Step, training: bool) -> bool:
    """Whether a step's passes do nothing with the numbers they are given but hand them to a job, or on."""
    if isinstance(step, ConvBlock):
        return step.rescaling is None
    return isinstance(step, DenseStep) or type(step) is Flatten or type(step) is Dropout and not training
