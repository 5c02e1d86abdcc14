"""What has no limits, or but one above."""

from typing import Any

from minicnn.activations.applied import applied, behind_samples
from minicnn.layers.activation import Activation
from minicnn.layers.log_softmax import LogSoftmax
from minicnn.names import known_arguments


@known_arguments
def linear(x: Any) -> Any:
    """x itself.

    >>> activations.linear([-1.0, 0.5])
    array([-1. ,  0.5])
    """
    return applied(Activation("linear"), x)


@known_arguments
def exponential(x: Any) -> Any:
    """exp(x).

    >>> activations.exponential([-1.0, 0.0, 1.0]).round(3)
    array([0.368, 1.   , 2.718])
    """
    return applied(Activation("exponential"), x)


@known_arguments
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)) = -softplus(-x).

    >>> activations.log_sigmoid([-1.0, 0.0, 1.0]).round(3)
    array([-1.313, -0.693, -0.313])
    """
    return applied(Activation("log_sigmoid"), x)


@known_arguments
def log_softmax(x: Any, axis: int = -1) -> Any:
    """x - log(sum of exp(x)) along an axis.

    >>> activations.log_softmax([0.0, 200.0])
    array([-200.,    0.])
    """
    return applied(LogSoftmax(behind_samples(x, axis)), x)


@known_arguments
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x).

    >>> activations.tanh_shrink([-1.0, 0.0, 1.0]).round(3)
    array([-0.238,  0.   ,  0.238])
    """
    return applied(Activation("tanh_shrink"), x)


@known_arguments
def soft_shrink(x: Any) -> Any:
    """x moved by 1/2 towards 0, and 0 where it gets there.

    >>> activations.soft_shrink([-1.0, 0.25, 2.0]).round(3)
    array([-0.5,  0. ,  1.5])
    """
    return applied(Activation("soft_shrink"), x)


@known_arguments
def hard_shrink(x: Any) -> Any:
    """x where |x| > 1/2, else 0.

    >>> activations.hard_shrink([-1.0, 0.25, 2.0]).round(3)
    array([-1.,  0.,  2.])
    """
    return applied(Activation("hard_shrink"), x)
