"""What is near 0 on one side and near x on the other."""

from typing import Any

from minicnn.activations.applied import applied
from minicnn.layers.activation import Activation
from minicnn.layers.elu import ELU
from minicnn.layers.gelu import GELU
from minicnn.layers.leaky_relu import LeakyReLU
from minicnn.layers.relu import ReLU
from minicnn.names import known_arguments


@known_arguments
def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Any:
    """max(x, 0), or at most max_value; below the threshold negative_slope * (x - threshold).

    >>> activations.relu([-1.0, 0.5, 8.0], negative_slope=0.1, max_value=6)
    array([-0.1,  0.5,  6. ])
    """
    return applied(ReLU(max_value, negative_slope, threshold), x)


@known_arguments
def relu6(x: Any) -> Any:
    """max(x, 0), and at most 6.

    >>> activations.relu6([-1.0, 0.5, 8.0])
    array([0. , 0.5, 6. ])
    """
    return applied(Activation("relu6"), x)


@known_arguments
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where x > 0, else negative_slope * x.

    >>> activations.leaky_relu([-1.0, 0.5])
    array([-0.2,  0.5])
    """
    return applied(LeakyReLU(negative_slope), x)


@known_arguments
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha * (exp(x) - 1).

    >>> activations.elu([-1.0, 0.5]).round(3)
    array([-0.632,  0.5  ])
    """
    return applied(ELU(alpha), x)


@known_arguments
def celu(x: Any) -> Any:
    """x where x > 0, else exp(x) - 1; with Keras' alpha = 1 it is elu.

    >>> activations.celu([-1.0, 0.0, 1.0]).round(3)
    array([-0.632,  0.   ,  1.   ])
    """
    return applied(Activation("celu"), x)


@known_arguments
def selu(x: Any) -> Any:
    """1.0507 * x where x > 0, else 1.7581 * (exp(x) - 1): keeps mean 0 and variance 1.

    >>> activations.selu([-1.0, 0.0, 1.0]).round(3)
    array([-1.111,  0.   ,  1.051])
    """
    return applied(Activation("selu"), x)


@known_arguments
def gelu(x: Any, approximate: bool = False) -> Any:
    """x * P(x), P being the distribution function of a standard normal.

    >>> activations.gelu([-1.0, 0.0, 1.0]).round(3)
    array([-0.159,  0.   ,  0.841])
    """
    return applied(GELU(approximate), x)


@known_arguments
def silu(x: Any) -> Any:
    """x * sigmoid(x), also called swish.

    >>> activations.silu([-1.0, 0.0, 1.0]).round(3)
    array([-0.269,  0.   ,  0.731])
    """
    return applied(Activation("silu"), x)


@known_arguments
def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x), also called hard_swish.

    >>> activations.hard_silu([-4.0, 0.0, 1.5]).round(3)
    array([-0.   ,  0.   ,  1.125])
    """
    return applied(Activation("hard_silu"), x)


@known_arguments
def mish(x: Any) -> Any:
    """x * tanh(softplus(x)).

    >>> activations.mish([-1.0, 0.0, 1.0]).round(3)
    array([-0.303,  0.   ,  0.865])
    """
    return applied(Activation("mish"), x)


@known_arguments
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), a smooth relu.

    >>> activations.softplus([-1.0, 0.0, 1.0]).round(3)
    array([0.313, 0.693, 1.313])
    """
    return applied(Activation("softplus"), x)


@known_arguments
def squareplus(x: Any) -> Any:
    """(x + sqrt(x^2 + 4)) / 2.

    >>> activations.squareplus([-1.0, 0.0, 1.0]).round(3)
    array([0.618, 1.   , 1.618])
    """
    return applied(Activation("squareplus"), x)


@known_arguments
def sparse_plus(x: Any) -> Any:
    """0 below -1, x above 1, (x + 1)^2 / 4 between.

    >>> activations.sparse_plus([-4.0, 0.0, 1.5]).round(3)
    array([0.  , 0.25, 1.5 ])
    """
    return applied(Activation("sparse_plus"), x)


swish, hard_swish = silu, hard_silu  # as Keras calls them too
