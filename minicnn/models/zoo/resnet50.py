"""ResNet50, with the layers, names and weights of keras.applications.

Source: He et al. 2016, arXiv:1512.03385, table 1 and figure 5; names: keras/src/applications/
resnet.py.
"""

from typing import Unpack

from minicnn.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from minicnn.layers.node import Node
from minicnn.models.model import Model
from minicnn.models.zoo.frame import Frame, ModelOptions, framed, no_weights
from minicnn.names import known_arguments
from minicnn.types import Shape


@known_arguments
def ResNet50(
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_tensor: Node | None = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "resnet50",
    **options: Unpack[ModelOptions],
) -> Model:
    """A residual network of bottlenecks, 50 layers with weights, as keras.applications has it.

        conv1, 7x7, strides 2 -> pool -> 3 blocks of 64, 4 of 128, 6 of 256, 3 of 512 -> mean

    Args:
        include_top: whether it decides among classes; otherwise it ends in maps (N, H, W, 2048).
        weights: None, for random ones. Those trained on ImageNet do not come with minicnn.
        input_tensor: a symbolic tensor to begin at.
        input_shape: of one picture, (H, W, C), at least 32x32; (224, 224, 3) unless it is told.
        pooling: of maps, where it does not decide: None, "avg" or "max".
        classes: among how many it decides.
        classifier_activation: "softmax"; None for logits.
        name, seed, dtype, class_names: the Model's.

    >>> base = applications.ResNet50(False, weights=None, input_shape=(32, 32, 3))
    >>> base.output_shape, f"{base.count_params():,}"
    ((None, 1, 1, 2048), '23,587,712')
    """
    no_weights(weights, "ResNet50")

    def top(x: Node, classes: int, activation: str | None) -> Node:
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        return Dense(classes, activation=activation, name="predictions")(x)

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
        "ResNet50",
        told,
        name=name,
        shape=(224, 224, 3),
        least=32,
        top=top,
        pooling_names={"avg": "avg_pool", "max": "max_pool"},
    )


def body(x: Node) -> Node:
    """Pictures -> maps of a 32nd of their height and width."""
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = Activation("relu", name="conv1_relu")(normalized(x, 64, 7, 2, "valid", "conv1_"))
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 2 and block == 1 else 1
            x = bottleneck(x, filters, strides, block == 1, f"conv{stage}_block{block}_")
    return x


def bottleneck(x: Node, filters: int, strides: int, projects: bool, name: str) -> Node:
    """A residual block of three convolutions, figure 5 on the right: 1x1 to few filters, 3x3, and
    1x1 to four times as many.

        y = relu(x + F(x)),  or  relu(W x + F(x)) where it projects
    """
    shortcut = normalized(x, 4 * filters, 1, strides, "valid", f"{name}0_") if projects else x
    x = normalized(x, filters, 1, strides, "valid", f"{name}1_")
    x = Activation("relu", name=f"{name}1_relu")(x)
    x = normalized(x, filters, 3, 1, "same", f"{name}2_")
    x = Activation("relu", name=f"{name}2_relu")(x)
    x = normalized(x, 4 * filters, 1, 1, "valid", f"{name}3_")
    x = Add(name=f"{name}add")([shortcut, x])
    return Activation("relu", name=f"{name}out")(x)


def normalized(
    x: Node, filters: int, kernel_size: int, strides: int, padding: str, name: str
) -> Node:
    """A convolution, with the bias that Keras gives it, and normalisation."""
    x = Conv2D(filters, kernel_size, strides, padding, name=f"{name}conv")(x)
    return BatchNormalization(epsilon=1.001e-5, name=f"{name}bn")(x)
