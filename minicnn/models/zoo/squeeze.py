"""Squeeze and excitation: channels weigh one another by what the whole picture shows.

Source: Hu et al. 2017, "Squeeze-and-excitation networks", arXiv:1709.01507.
"""

from typing import Unpack

from minicnn.layers import Activation, Dense, GlobalAveragePooling2D, Reshape, add, multiply
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.blocks import convolved, normalized
from minicnn.models.zoo.frame import Frame, framed
from minicnn.models.zoo.resnet import stages
from minicnn.names import known_arguments

RATIO = 16  # r: so many channels share a number in between


def excited(x: Node) -> Node:
    """Every channel multiplied by a number from 0 to 1, figure 1, equations 2 to 4:

    y = x * s,    s = sigmoid(W2 relu(W1 mean(x)))
    """
    channels = x.sample_shape[-1]
    s = GlobalAveragePooling2D()(x)
    s = Dense(max(1, channels // RATIO), activation="relu")(s)
    s = Dense(channels, activation="sigmoid")(s)
    return multiply([x, Reshape((1, 1, channels))(s)])


def residual(x: Node, filters: int, strides: int = 1) -> Node:
    """A residual block whose sum is excited before the shortcut is added, figure 3."""
    y = convolved(x, filters, 3, strides)
    y = excited(normalized(y, filters, 3))
    if x.sample_shape != y.sample_shape:
        x = normalized(x, filters, 1, strides)
    return Activation("relu")(add([y, x]))


@known_arguments
def SEResNet20(**frame: Unpack[Frame]) -> Model:
    """ResNet20 with squeeze and excitation in every block.

    Args:
        as of ResNet20.

    Source: Hu et al. 2017, arXiv:1709.01507, section 3.3.

    >>> f"{applications.SEResNet20().count_params():,}"
    '276,415'
    """

    def body(x: Node) -> Node:
        return stages(convolved(x, 16, 3), (16, 32, 64), 3, residual)

    return framed(body, "SEResNet20", frame, name="seresnet20")
