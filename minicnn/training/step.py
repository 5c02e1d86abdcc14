"""One batch: forward through the layers, the loss, backward, update.

Sequential has these as methods.
"""

from math import isfinite

import numpy as np

from minicnn.machine.threads import one_at_a_time
from minicnn.network import Network
from minicnn.network.ending import ENDINGS, ending, probabilities
from minicnn.network.executor import Execution
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
        logits = execution.logits(model.arrays(x), training=True)
        loss, dy = loss_and_slope(model, execution, y, logits, sample_weight)
        loss += penalties.total(execution.layers)
        y_pred = predictions(execution, logits)  # now that the logits are in the cache
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
        logits = execution.logits(model.arrays(x), training=False)
        loss, _ = loss_and_slope(model, execution, y, logits, sample_weight)
        return loss + penalties.total(execution.layers), predictions(execution, logits)


def quiet() -> np.errstate:
    """Without NumPy's warnings: what diverges overflows, the loss shows it, and fit says where it
    comes from.
    """
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def check_logits(model: Network) -> None:
    """Raise ValueError for a loss from logits on a model that ends in a softmax or sigmoid."""
    end = ending(model.head)[0] if model.loss.from_logits else None
    if end is not None:
        raise ValueError(
            f"loss {model.loss.name!r} with from_logits=True expected logits, but {model.head} "
            f"ends in a {end}: leave out one of the two"
        )


def loss_and_slope(
    model: Network, execution: Execution, y: Array, logits: Array, weight: Array | None
) -> tuple[float, Array]:
    """The loss and its gradient by the logits; a loss that can takes these themselves, see
    network/ending.py.
    """
    loss, end = model.loss, execution.ends_in
    if end is None or end == loss.fuses:
        return loss.value_and_gradient(
            y, logits, weight, from_logits=loss.from_logits or end is not None
        )
    activation, back_through = ENDINGS[end]
    y_pred = activation(logits.astype(np.float64))
    value, dy = loss.value_and_gradient(y, y_pred, weight)
    return value, back_through(y_pred, dy).astype(logits.dtype)


def predictions(execution: Execution, logits: Array) -> Array:
    """What the model predicts, for what its loss was computed from: metrics see probabilities, not
    logits.
    """
    return logits if execution.ends_in is None else probabilities(execution.ends_in, logits)
