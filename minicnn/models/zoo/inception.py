"""A GoogLeNet for small pictures: inception blocks of two branches.

Source: Szegedy et al. 2014, "Going deeper with convolutions", arXiv:1409.4842, for the idea; Zhang
et al. 2016, "Understanding deep learning requires rethinking generalization", arXiv:1611.03530,
figure 3, for this network.
"""

from typing import Unpack

from minicnn.layers import MaxPooling2D, concatenate
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.blocks import convolved
from minicnn.models.zoo.frame import Frame, framed
from minicnn.names import known_arguments


def inception(x: Node, ones: int, threes: int) -> Node:
    """1x1 and 3x3 convolutions of the same picture side by side, joined along the channels."""
    return concatenate([convolved(x, ones, 1), convolved(x, threes, 3)])


def downsampled(x: Node, filters: int) -> Node:
    """Half the size: a 3x3 convolution and pooling side by side, joined along the channels."""
    pooled = MaxPooling2D(3, strides=2, padding="same")(x)
    return concatenate([convolved(x, filters, 3, strides=2), pooled])


@known_arguments
def SmallInception(**frame: Unpack[Frame]) -> Model:
    """Eight inception blocks in three sizes of maps, for pictures of about 32x32.

        conv 96 -> 2 inception -> half -> 4 inception -> half -> 2 inception -> mean -> 10

    Args:
        as of ResNet20.

    Source: Zhang et al. 2016, arXiv:1611.03530, figure 3.

    >>> f"{applications.SmallInception(classes=10).count_params():,}"
    '1,654,538'
    """

    def body(x: Node) -> Node:
        x = convolved(x, 96, 3)
        for ones, threes in ((32, 32), (32, 48)):
            x = inception(x, ones, threes)
        x = downsampled(x, 80)
        for ones, threes in ((112, 48), (96, 64), (80, 80), (48, 96)):
            x = inception(x, ones, threes)
        x = downsampled(x, 96)
        for ones, threes in ((176, 160), (176, 160)):
            x = inception(x, ones, threes)
        return x

    return framed(body, "SmallInception", frame, name="small_inception")
