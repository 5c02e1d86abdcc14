"""What keeps between two limits."""

from typing import Any

from minicnn.activations.applied import applied, behind_samples
from minicnn.layers.activation import Activation
from minicnn.layers.softmax import Softmax
from minicnn.names import known_arguments


@known_arguments
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)): a probability of a score.

    >>> activations.sigmoid([-1.0, 0.0, 1.0]).round(3)
    array([0.269, 0.5  , 0.731])
    """
    return applied(Activation("sigmoid"), x)


@known_arguments
def hard_sigmoid(x: Any) -> Any:
    """(x + 3) / 6, cut to 0 ... 1.

    >>> activations.hard_sigmoid([-4.0, 0.0, 1.5]).round(3)
    array([0.  , 0.5 , 0.75])
    """
    return applied(Activation("hard_sigmoid"), x)


@known_arguments
def sparse_sigmoid(x: Any) -> Any:
    """(x + 1) / 2, cut to 0 ... 1.

    >>> activations.sparse_sigmoid([-4.0, 0.0, 1.5]).round(3)
    array([0. , 0.5, 1. ])
    """
    return applied(Activation("sparse_sigmoid"), x)


@known_arguments
def tanh(x: Any) -> Any:
    """The hyperbolic tangent, from -1 to 1.

    >>> activations.tanh([-1.0, 0.0, 1.0]).round(3)
    array([-0.762,  0.   ,  0.762])
    """
    return applied(Activation("tanh"), x)


@known_arguments
def hard_tanh(x: Any) -> Any:
    """x, cut to -1 ... 1.

    >>> activations.hard_tanh([-4.0, 0.0, 1.5]).round(3)
    array([-1.,  0.,  1.])
    """
    return applied(Activation("hard_tanh"), x)


@known_arguments
def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> activations.softsign([-1.0, 0.0, 1.0]).round(3)
    array([-0.5,  0. ,  0.5])
    """
    return applied(Activation("softsign"), x)


@known_arguments
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum of exp(x) along an axis.

    >>> activations.softmax(np.log([1.0, 3.0]))
    array([0.25, 0.75])
    """
    return applied(Softmax(behind_samples(x, axis)), x)
