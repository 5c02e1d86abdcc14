"""MobileNetV2, with the layers, names and weights of keras.applications; one for small pictures.

Source: Sandler et al. 2018, "MobileNetV2: inverted residuals and linear bottlenecks",
arXiv:1801.04381, table 2; names: keras/src/applications/mobilenet_v2.py.
"""

from collections.abc import Sequence
from typing import Any, Unpack

from minicnn.expect import number
from minicnn.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.frame import Frame, ModelOptions, framed, halving, no_weights
from minicnn.names import known_arguments
from minicnn.types import Shape

# filters and blocks of each stage
STAGES = ((16, 1), (24, 2), (32, 3), (64, 4), (96, 3), (160, 3), (320, 1))
EXPANSION = 6  # so many channels inside a block for one outside
STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)  # of the first convolution and of every stage
SMALL_STRIDES = (1, 1, 1, 2, 2, 1, 2, 1)


@known_arguments
def MobileNetV2(
    input_shape: Shape | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_tensor: Node | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options: Unpack[ModelOptions],
) -> Model:
    """A network of inverted residuals, few numbers and few operations, as keras.applications has
    it.

    Args:
        input_shape: of one picture, (H, W, C), at least 32x32; (224, 224, 3) unless it is told.
        alpha: how many times as many filters as in the paper.
        include_top: whether it decides among classes; otherwise it ends in maps.
        weights: None, for random ones. Those trained on ImageNet do not come with minicnn.
        input_tensor: a symbolic tensor to begin at.
        pooling: of maps, where it does not decide: None, "avg" or "max".
        classes: among how many it decides.
        classifier_activation: "softmax"; None for logits.
        name: "mobilenetv2_1.00_224", with alpha and height, unless it is told.
        seed, dtype, class_names: the Model's.

    >>> model = applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10)
    >>> model.name, f"{model.count_params():,}"
    ('mobilenetv2_0.35_96', '423,018')
    """
    no_weights(weights, "MobileNetV2")
    number(alpha, "alpha", "MobileNetV2", above=0)
    told: Frame = {
        "include_top": include_top,
        "input_tensor": input_tensor,
        "input_shape": input_shape,
        "pooling": pooling,
        "classes": classes,
        "classifier_activation": classifier_activation,
        **options,
    }
    # what is no symbolic tensor is refused below
    shape = getattr(input_tensor, "sample_shape", (224, 224, 3))
    height = (input_shape or shape)[0]
    return framed(
        lambda x: body(x, alpha, STRIDES, momentum=0.999),
        "MobileNetV2",
        told,
        name=name or f"mobilenetv2_{alpha:0.2f}_{height}",
        shape=(224, 224, 3),
        least=32,
        top=top,
    )


@known_arguments
def SmallMobileNetV2(**frame: Unpack[Frame]) -> Model:
    """MobileNetV2 for pictures of about 32x32, which it makes eight times smaller, not 32 times.

    Args:
        as of ResNet20.

    >>> f"{applications.SmallMobileNetV2(classes=10).count_params():,}"
    '2,270,794'
    """
    return framed(
        lambda x: body(x, 1.0, SMALL_STRIDES, warmup=True),
        "SmallMobileNetV2",
        frame,
        name="small_mobilenetv2",
        top=top,
    )


def top(x: Node, classes: int, activation: str | None) -> Node:
    """The mean of every map, and one dense layer."""
    return Dense(classes, activation=activation, name="predictions")(GlobalAveragePooling2D()(x))


def body(x: Node, alpha: float, strides: Sequence[int], **norm: Any) -> Node:
    """Pictures -> maps, table 2; `norm` is for the normalisations."""
    x = Conv2D(divisible(32 * alpha), 3, strides[0], padding="same", use_bias=False, name="Conv1")(
        x
    )
    x = ReLU(6.0, name="Conv1_relu")(BatchNormalization(name="bn_Conv1", **norm)(x))
    number = 0
    for (filters, blocks), first in zip(STAGES, strides[1:], strict=True):
        for block in range(blocks):
            width = divisible(int(filters * alpha))
            x = inverted_residual(x, width, first if block == 0 else 1, number, **norm)
            number += 1
    x = Conv2D(divisible(1280 * max(1.0, alpha)), 1, use_bias=False, name="Conv_1")(x)
    return ReLU(6.0, name="out_relu")(BatchNormalization(name="Conv_1_bn", **norm)(x))


def inverted_residual(x: Node, filters: int, strides: int, number: int, **norm: Any) -> Node:
    """More channels, a convolution in each of them, and fewer again, without a ReLU; figure 4:

        y = project(relu6(depthwise(relu6(expand(x)))))  (+ x where the shape stays)

    The first block expands nothing.
    """
    prefix = f"block_{number}_" if number else "expanded_conv_"

    def normalized(x: Node, what: str) -> Node:
        return BatchNormalization(name=f"{prefix}{what}_BN", **norm)(x)

    def pointwise(x: Node, filters: int, what: str) -> Node:
        conv = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}{what}")
        return normalized(conv(x), what)

    y = x
    if number:
        y = pointwise(y, EXPANSION * x.sample_shape[-1], "expand")
        y = ReLU(6.0, name=f"{prefix}expand_relu")(y)
    if strides == 2:
        y = ZeroPadding2D(halving(y, 3), name=f"{prefix}pad")(y)
    padding = "valid" if strides == 2 else "same"
    y = DepthwiseConv2D(3, strides, padding=padding, use_bias=False, name=f"{prefix}depthwise")(y)
    y = ReLU(6.0, name=f"{prefix}depthwise_relu")(normalized(y, "depthwise"))
    y = pointwise(y, filters, "project")
    if x.sample_shape == y.sample_shape:
        y = Add(name=f"{prefix}add")([x, y])
    return y


def divisible(filters: float, by: int = 8) -> int:
    """The nearest multiple, at least one, and not more than a tenth below."""
    nearest = max(by, int(filters + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * filters else nearest
