"""What a training does for regularized and constrained weights, beside the loss and the optimizer.

    loss += penalty(w)        gradient of w += d(penalty)/dw        after the backward
    w = constraint(w)                                               after the update

A frozen layer has neither, and a layer that is shared has them once, as in Keras.
"""

from collections.abc import Iterable

from minicnn.layers.base import Layer


def total(layers: Iterable[Layer]) -> float:
    """The sum of all penalties."""
    return sum(sum(layer.losses) for layer in layers if layer.regularizers)


def add_gradients(layers: Iterable[Layer]) -> None:
    """Add the penalties' derivatives to what a backward has left in grads."""
    for layer in layers:
        if layer.regularizers and layer.trainable:
            for name, regularizer in layer.regularizers.items():
                gradient = layer.grads[name]
                gradient += regularizer.gradient(layer.params[name])


def constrain(layers: Iterable[Layer]) -> None:
    """Bring weights back to what their constraints allow."""
    for layer in layers:
        if layer.constraints and layer.trainable:
            for name, constraint in layer.constraints.items():
                layer.params[name][...] = constraint(layer.params[name])
