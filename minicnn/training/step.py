"""One batch: forward through the layers, the loss, backward, update.

Sequential has these as methods.
"""

from math import isfinite

import numpy as np

from minicnn.layers.softmax import softmax
from minicnn.machine.threads import one_at_a_time
from minicnn.network import Network
from minicnn.training import penalties
from minicnn.types import Array


@one_at_a_time
def loss_and_gradients(
    model: Network, x: Array, y: Array, sample_weight: Array | None = None
) -> tuple[float, Array]:
    """The loss of a batch with penalties on weights, its gradients in layer.grads, and its
    predictions.

    Where the loss is NaN or infinite there are no gradients to compute, and layer.grads keep what
    they hold.
    """
    execution = model.execution_for(x)
    check_logits(model)
    with quiet():
        y_pred = execution.logits(model.arrays(x), training=True)
        loss, dy = _loss(model, y, y_pred, sample_weight)
        loss += penalties.total(execution.layers)
        y_pred = _predictions(model, y_pred)  # now that the logits are in the cache
        if isfinite(loss):
            execution.backward_from_logits(dy)
            penalties.add_gradients(execution.layers)
    return loss, y_pred


@one_at_a_time
def train_step(
    model: Network, x: Array, y: Array, sample_weight: Array | None = None
) -> tuple[float, Array]:
    """One forward, backward and update; returns what loss_and_gradients does. No other thread comes
    in between.

    When the loss is NaN or infinite the update is left out: it would make every weight NaN.
    """
    loss, y_pred = model.loss_and_gradients(x, y, sample_weight)
    if isfinite(loss):
        with quiet():
            model.optimizer.step(model.parameters())
            penalties.constrain(model.leaves.values())
    model.note_weights()
    return loss, y_pred


@one_at_a_time
def test_step(
    model: Network, x: Array, y: Array, sample_weight: Array | None = None
) -> tuple[float, Array]:
    """The loss and the predictions of a batch in inference, penalties of weights included."""
    execution = model.execution_for(x)
    check_logits(model)
    with quiet():
        y_pred = execution.logits(model.arrays(x), training=False)
        loss = _loss(model, y, y_pred, sample_weight)[0] + penalties.total(execution.layers)
        return loss, _predictions(model, y_pred)


def quiet() -> np.errstate:
    """Without NumPy's warnings: what diverges overflows, the loss shows it, and fit says where it
    comes from.
    """
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def check_logits(model: Network) -> None:
    """Raise ValueError for a loss from logits on a model that ends in a softmax."""
    if model.loss.from_logits and model.ends_in_softmax:
        raise ValueError(
            f"loss {model.loss.name!r} with from_logits=True expected logits, but {model.head} "
            "ends in a softmax: leave out one of the two"
        )


def _loss(model: Network, y: Array, y_pred: Array, weight: Array | None) -> tuple[float, Array]:
    """The loss and its gradient, from logits where the model ends in a softmax: see
    network/executor.py.
    """
    from_logits = model.loss.from_logits or model.ends_in_softmax
    return model.loss.value_and_gradient(y, y_pred, weight, from_logits=from_logits)


def _predictions(model: Network, y_pred: Array) -> Array:
    """What the model predicts, for what its loss was computed from: metrics see probabilities, not
    logits.
    """
    return softmax(y_pred) if model.ends_in_softmax else y_pred
