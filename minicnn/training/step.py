"""One batch: forward through the layers, the loss, backward, update. Sequential has these as methods."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.layers.base import Array, Layer
from minicnn.layers.softmax import Softmax, softmax

if TYPE_CHECKING:
    from minicnn.sequential import Sequential


def loss_and_gradients(
    model: "Sequential", x: Array, y: Array, sample_weight: Array | None = None
) -> tuple[float, Array]:
    """The loss of a batch, its gradients in layer.grads, and its predictions.

    Where the loss is NaN or infinite there are no gradients to compute, and layer.grads keep what they hold.
    """
    layers, from_logits = _layers_for_loss(model, x)
    with np.errstate(over="ignore", invalid="ignore"):  # the loss shows it, and fit says where it comes from
        y_pred = forward(layers, x, training=True)
        loss, dy = model.loss.value_and_gradient(y, y_pred, sample_weight, from_logits=from_logits)
        if np.isfinite(loss):
            trained = [index for index, layer in enumerate(layers) if layer.trainable and layer.params]
            backward(layers, dy, lowest=min(trained, default=len(layers)))
    return loss, _predictions(model, y_pred)


def train_step(model: "Sequential", x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
    """One forward, backward and update; returns what loss_and_gradients does.

    When the loss is NaN or infinite the update is left out: it would make every weight NaN.
    """
    loss, y_pred = model.loss_and_gradients(x, y, sample_weight)
    if np.isfinite(loss):
        with np.errstate(over="ignore", invalid="ignore"):
            model.optimizer.step(model.parameters())
    model.note_weights()
    return loss, y_pred


def test_step(model: "Sequential", x: Array, y: Array, sample_weight: Array | None = None) -> tuple[float, Array]:
    """The loss and the predictions of a batch in inference."""
    layers, from_logits = _layers_for_loss(model, x)
    y_pred = forward(layers, x, training=False)
    loss, _ = model.loss.value_and_gradient(y, y_pred, sample_weight, from_logits=from_logits)
    return loss, _predictions(model, y_pred)


def forward(layers: list[Layer], x: Array, training: bool) -> Array:
    """Every layer's forward in order."""
    for layer in layers:
        x = layer.forward(x, training=training)
    return x


def backward(layers: list[Layer], dy: Array, lowest: int) -> Any:
    """Backward from the last layer down to number `lowest`, which need not give a dx; -1: all of them give one."""
    for index in reversed(range(max(lowest, 0), len(layers))):
        layers[index].needs_input_grad = index > lowest
        dy = layers[index].backward(dy)
    return dy


def check_logits(model: "Sequential") -> None:
    """Raise ValueError for a loss from logits on a model that ends in a softmax."""
    if model.loss.from_logits and _ends_in_softmax(model):
        raise ValueError(
            f"loss {model.loss.name!r} with from_logits=True expected logits, but {model.layers[-1]} ends in a "
            "softmax: leave out one of the two"
        )


def _ends_in_softmax(model: "Sequential") -> bool:
    return isinstance(model.layers[-1].activation_layer or model.layers[-1], Softmax)


def _layers_for_loss(model: "Sequential", x: Array) -> tuple[list[Layer], bool]:
    """The layers whose output the loss takes, and whether that is logits.

    A softmax at the end is left out: the loss applies it itself, exactly and with a simpler gradient (losses.py).
    """
    model.build_for(x)
    check_logits(model)
    if not _ends_in_softmax(model):
        return model.layers, model.loss.from_logits
    *layers, last = model.layers
    if last.activation_layer is not None:
        linear = copy.copy(last)  # shares weights, gradients and state, and leaves out the activation
        linear.activation_layer = None
        layers.append(linear)
    return layers, True


def _predictions(model: "Sequential", y_pred: Array) -> Array:
    """What the model predicts, for what its loss was computed from: metrics see probabilities, not logits."""
    return softmax(y_pred) if _ends_in_softmax(model) else y_pred
