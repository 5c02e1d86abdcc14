"""EfficientNetB0, with the layers, names and weights of keras.applications.

Source: Tan & Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks",
arXiv:1905.11946, table 1; names: keras/src/applications/efficientnet.py.
"""

from typing import Any, NamedTuple, Unpack

from minicnn.initializers import VarianceScaling
from minicnn.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.frame import Frame, ModelOptions, framed, halving, no_weights
from minicnn.names import known_arguments
from minicnn.types import Shape

DROPOUT, DROP_CONNECT = 0.2, 0.2  # before the decision, and of the last block that has a shortcut


class Stage(NamedTuple):
    """So many blocks, the first of which has these strides."""

    blocks: int
    filters: int
    expansion: int
    kernel_size: int
    strides: int


STAGES = (
    Stage(1, 16, 1, 3, 1),
    Stage(2, 24, 6, 3, 2),
    Stage(2, 40, 6, 5, 2),
    Stage(3, 80, 6, 3, 2),
    Stage(3, 112, 6, 5, 1),
    Stage(4, 192, 6, 5, 2),
    Stage(1, 320, 6, 3, 1),
)


@known_arguments
def EfficientNetB0(
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "efficientnetb0",
    **options: Unpack[ModelOptions],
) -> Model:
    """A network of inverted residuals with squeeze and excitation, as keras.applications has it.

    It takes pictures from 0 to 255.

    Args:
        include_top: whether it decides among classes; otherwise it ends in maps (N, H, W, 1280).
        weights: None, for random ones. Those trained on ImageNet do not come with minicnn.
        input_tensor: a symbolic tensor to begin at.
        input_shape: of one picture, (H, W, C), at least 32x32; (224, 224, 3) unless it is told.
        pooling: of maps, where it does not decide: None, "avg" or "max".
        classes: among how many it decides.
        classifier_activation: "softmax"; None for logits.
        name, seed, dtype, class_names: the Model's.

    >>> base = applications.EfficientNetB0(False, weights=None, input_shape=(32, 32, 3))
    >>> base.output_shape, f"{base.count_params():,}"
    ((None, 1, 1, 1280), '4,049,571')
    """
    no_weights(weights, "EfficientNetB0")
    told: Frame = {
        "include_top": include_top,
        "input_tensor": input_tensor,
        "input_shape": input_shape,
        "pooling": pooling,
        "classes": classes,
        "classifier_activation": classifier_activation,
        **options,
    }
    return framed(
        body,
        "EfficientNetB0",
        told,
        name=name,
        shape=(224, 224, 3),
        least=32,
        top=top,
        pooling_names={"avg": "avg_pool", "max": "max_pool"},
    )


def top(x: Node, classes: int, activation: str | None) -> Node:
    """The mean of every map, dropout and one dense layer."""
    x = Dropout(DROPOUT, name="top_dropout")(GlobalAveragePooling2D(name="avg_pool")(x))
    start = VarianceScaling(1 / 3, "fan_out", "uniform")
    return Dense(classes, activation=activation, kernel_initializer=start, name="predictions")(x)


def body(x: Node) -> Node:
    """Pictures -> maps, table 1."""
    x = Normalization()(Rescaling(1 / 255)(x))
    x = ZeroPadding2D(halving(x, 3), name="stem_conv_pad")(x)
    x = activated(convolved(x, 32, 3, "stem_conv", strides=2, padding="valid"), "stem_")
    done, blocks = 0, sum(stage.blocks for stage in STAGES)
    for number, stage in enumerate(STAGES, 1):
        for block in range(stage.blocks):
            strides = stage.strides if block == 0 else 1
            rate = DROP_CONNECT * done / blocks
            x = inverted_residual(x, stage, strides, rate, f"block{number}{'abcd'[block]}_")
            done += 1
    return activated(convolved(x, 1280, 1, "top_conv"), "top_")


def inverted_residual(x: Node, stage: Stage, strides: int, rate: float, name: str) -> Node:
    """More channels, a convolution in each, weighed by squeeze and excitation, and fewer again:

        y = project(excite(swish(depthwise(swish(expand(x))))))  (+ x where the shape stays)

    In training the sum leaves out y for a share `rate` of the pictures (stochastic depth, Huang et
    al. 2016, arXiv:1603.09382).
    """
    y, channels = x, x.sample_shape[-1]
    if stage.expansion > 1:
        y = convolved(y, channels * stage.expansion, 1, f"{name}expand_conv")
        y = activated(y, f"{name}expand_")
    if strides == 2:
        y = ZeroPadding2D(halving(y, stage.kernel_size), name=f"{name}dwconv_pad")(y)
    y = DepthwiseConv2D(
        stage.kernel_size,
        strides,
        padding="valid" if strides == 2 else "same",
        use_bias=False,
        depthwise_initializer=fan_out(),
        name=f"{name}dwconv",
    )(y)
    y = excited(activated(y, name), max(1, channels // 4), name)
    y = BatchNormalization(name=f"{name}project_bn")(
        convolved(y, stage.filters, 1, f"{name}project_conv")
    )
    if x.sample_shape != y.sample_shape:
        return y
    if rate > 0:
        y = Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(y)
    return Add(name=f"{name}add")([y, x])


def excited(x: Node, squeezed: int, name: str) -> Node:
    """Every channel multiplied by a number from 0 to 1 (squeeze.py), by 1x1 convolutions here."""
    channels = x.sample_shape[-1]
    s = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    s = Reshape((1, 1, channels), name=f"{name}se_reshape")(s)
    s = Conv2D(
        squeezed,
        1,
        padding="same",
        activation="swish",
        kernel_initializer=fan_out(),
        name=f"{name}se_reduce",
    )(s)
    s = Conv2D(
        channels,
        1,
        padding="same",
        activation="sigmoid",
        kernel_initializer=fan_out(),
        name=f"{name}se_expand",
    )(s)
    return Multiply(name=f"{name}se_excite")([x, s])


def convolved(x: Node, filters: int, kernel_size: int, name: str, **how: Any) -> Node:
    """A convolution without a bias."""
    how = {"padding": "same", **how}
    start = fan_out()
    return Conv2D(filters, kernel_size, use_bias=False, kernel_initializer=start, name=name, **how)(
        x
    )


def activated(x: Node, name: str) -> Node:
    """Normalisation and swish, x * sigmoid(x)."""
    return Activation("swish", name=f"{name}activation")(BatchNormalization(name=f"{name}bn")(x))


def fan_out() -> VarianceScaling:
    """Normal numbers of variance 2 / (outputs that an input has a part in)."""
    return VarianceScaling(2.0, "fan_out", "truncated_normal")
