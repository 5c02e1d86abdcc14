"""Stages of 3x3 convolutions that keep the size, as in VGG, with normalisation.

Source: Simonyan & Zisserman 2014, arXiv:1409.1556, section 2; normalisation: Ioffe & Szegedy 2015,
arXiv:1502.03167.
"""

from collections.abc import Iterator
from typing import Unpack

from minicnn.layers import Dense, Dropout, GlobalAveragePooling2D, MaxPooling2D
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.blocks import activated
from minicnn.models.zoo.documented import SMALL_ENOUGH
from minicnn.models.zoo.frame import Frame, framed
from minicnn.names import known_arguments


@known_arguments
def LargeCNN(dropout: float = 0.5, **frame: Unpack[Frame]) -> Model:
    """Pairs of convolutions, with 32, 64 and 128 filters, as in VGG, each followed by
    normalisation.

        2 x conv 32 -> pool -> 2 x conv 64 -> pool -> 2 x conv 128 -> pool -> mean -> 128 -> 10

    Larger pictures go through more stages of 128 filters.

    Args:
        dropout: between the dense layers.
        others: as in ResNet20.

    >>> applications.LargeCNN(input_shape=(28, 28, 1)).name
    'large_cnn'
    """

    def body(x: Node) -> Node:
        for filters in stages(x):
            x = MaxPooling2D()(activated(activated(x, filters), filters))
        return x

    def top(x: Node, classes: int, activation: str | None) -> Node:
        x = Dense(128, activation="relu")(GlobalAveragePooling2D()(x))
        return Dense(classes, activation=activation)(Dropout(dropout)(x))

    return framed(body, "LargeCNN", frame, name="large_cnn", top=top)


@known_arguments
def ConvolutionalCNN(dropout: float = 0.5, **frame: Unpack[Frame]) -> Model:
    """Convolutions only, every other one with strides of 2 in place of pooling.

    Args:
        dropout: before the dense layer that decides.
        others: as in ResNet20.

    Source: Springenberg et al. 2014, arXiv:1412.6806, section 2.

    >>> applications.ConvolutionalCNN(include_top=False, pooling="avg").output_shape
    (None, 128)
    """

    def body(x: Node) -> Node:
        for filters in stages(x):
            x = activated(activated(x, filters), filters, strides=2)
        return x

    def top(x: Node, classes: int, activation: str | None) -> Node:
        x = Dropout(dropout)(GlobalAveragePooling2D()(x))
        return Dense(classes, activation=activation)(x)

    return framed(body, "ConvolutionalCNN", frame, name="convolutional_cnn", top=top)


def stages(x: Node) -> Iterator[int]:
    """The filters of each stage that halves a picture: three stages, and more until it is small
    enough.
    """
    side, stage = max(x.sample_shape[:2]), 0
    while stage < 3 or side > SMALL_ENOUGH:
        yield (32, 64, 128)[min(stage, 2)]
        side, stage = -(-side // 2), stage + 1
