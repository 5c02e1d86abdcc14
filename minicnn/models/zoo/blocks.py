"""What networks of the zoo are built of: convolution, normalisation and ReLU, in both orders."""

from minicnn.layers import Activation, BatchNormalization, Conv2D
from minicnn.layers.node import Node
from minicnn.types import Pair


def normalized(x: Node, filters: int, kernel_size: int | Pair, strides: int = 1) -> Node:
    """A convolution that keeps the size (or divides it by the strides), and normalisation.

    It has no bias: that of the normalisation takes its place. Source: Ioffe & Szegedy 2015,
    arXiv:1502.03167, section 3.2; initial weights: He et al. 2015, arXiv:1502.01852, eq. 10.
    """
    x = Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return BatchNormalization(warmup=True)(x)


def convolved(x: Node, filters: int, kernel_size: int | Pair, strides: int = 1) -> Node:
    """Convolution - normalisation - ReLU, as in residual and inception networks."""
    return Activation("relu")(normalized(x, filters, kernel_size, strides))


def activated(x: Node, filters: int, strides: int = 1, padding: str = "same") -> Node:
    """3x3 convolution - ReLU - normalisation, as in the documented network."""
    x = Conv2D(filters, 3, strides, padding, activation="relu")(x)
    return BatchNormalization(warmup=True)(x)
