"""Residual networks of pairs of 3x3 convolutions.

Source: He et al. 2016, "Deep residual learning for image recognition", arXiv:1512.03385.
"""

from collections.abc import Callable, Sequence
from typing import Unpack

from minicnn.layers import Activation, MaxPooling2D, add
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.blocks import convolved, normalized
from minicnn.models.zoo.frame import Frame, framed
from minicnn.names import known_arguments


def residual(x: Node, filters: int, strides: int = 1) -> Node:
    """What two convolutions add to the picture, figure 2; what it skips them by is equation 2:

    y = relu(F(x) + x),     F(x) = norm(conv(relu(norm(conv(x)))))
    y = relu(F(x) + W x)    where F changes the shape: W is a 1x1 convolution, normalised
    """
    y = convolved(x, filters, 3, strides)
    y = normalized(y, filters, 3)
    if x.sample_shape != y.sample_shape:
        x = normalized(x, filters, 1, strides)
    return Activation("relu")(add([y, x]))


def stages(
    x: Node, filters: Sequence[int], blocks: int, block_of: Callable[..., Node] = residual
) -> Node:
    """Stages of so many blocks; each but the first halves the picture."""
    for stage, width in enumerate(filters):
        for block in range(blocks):
            x = block_of(x, width, strides=2 if stage and not block else 1)
    return x


def _small(blocks: int, frame: Frame) -> Model:
    """The network of 6 * blocks + 2 layers with weights, section 4.2.

    conv 16 -> blocks of 16 at 32x32 -> of 32 at 16x16 -> of 64 at 8x8 -> mean -> 10
    """
    who = f"ResNet{6 * blocks + 2}"

    def body(x: Node) -> Node:
        return stages(convolved(x, 16, 3), (16, 32, 64), blocks)

    return framed(body, who, frame, name=who.lower())


@known_arguments
def ResNet20(**frame: Unpack[Frame]) -> Model:
    """A residual network of 20 layers with weights for pictures of about 32x32.

    Shortcuts that change the shape are 1x1 convolutions, option B of section 3.3; the paper, which
    could not afford them, measures them better than zeros (option A) on larger pictures.

    Args:
        include_top: whether it decides among classes; otherwise it ends in maps (N, H, W, C).
        input_tensor: a symbolic tensor to begin at, such as Rescaling(1 / 255)(Input((32, 32, 3))).
        input_shape: of one picture, (H, W, C), where it begins at an Input of its own.
        pooling: of maps, where it does not decide: None, "avg" or "max".
        classes: among how many it decides.
        classifier_activation: "softmax"; None for logits.
        name, seed, dtype, class_names: the Model's.

    Source: He et al. 2016, arXiv:1512.03385, section 4.2.

    >>> model = applications.ResNet20(classes=10)
    >>> model.output_shape, f"{model.count_params():,}"
    ((None, 10), '274,042')
    """
    return _small(3, frame)


@known_arguments
def ResNet32(**frame: Unpack[Frame]) -> Model:
    """ResNet20 with five blocks a stage in place of three.

    >>> f"{applications.ResNet32().count_params():,}"
    '469,370'
    """
    return _small(5, frame)


@known_arguments
def ResNet56(**frame: Unpack[Frame]) -> Model:
    """ResNet20 with nine blocks a stage in place of three.

    >>> f"{applications.ResNet56().count_params():,}"
    '860,026'
    """
    return _small(9, frame)


@known_arguments
def ResNet18(**frame: Unpack[Frame]) -> Model:
    """A residual network of 18 layers with weights for large pictures, table 1.

        conv 64, 7x7, strides 2 -> pool -> 2 blocks each of 64, 128, 256, 512 -> mean -> 1000

    Args:
        as of ResNet20, but input_shape=(224, 224, 3) and classes=1000.

    >>> applications.ResNet18(input_shape=(64, 64, 3), include_top=False).output_shape
    (None, 2, 2, 512)
    """

    def body(x: Node) -> Node:
        x = MaxPooling2D(3, strides=2, padding="same")(convolved(x, 64, 7, strides=2))
        return stages(x, (64, 128, 256, 512), blocks=2)

    return framed(
        body, "ResNet18", frame, name="resnet18", shape=(224, 224, 3), classes=1000, least=32
    )
