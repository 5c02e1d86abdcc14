"""What pictures that are not trained on say of a training.

They tell of its averages, of its labels, and of learning by heart.
"""

import math
from collections.abc import Sequence

import numpy as np

from minicnn.layers.averages import LAG
from minicnn.training.callbacks.finding import Ailment

DIVERGED, PATIENCE = 1.1, 3  # validation loss / its best value, and for how many epochs
APART = 0.1  # by which validation is worse than training: of the loss of guessing, and of accuracy
FALLEN = 0.99  # training loss / what it was, when it has really fallen
GUESSED = 0.97  # of the loss of guessing: what is not below it is no better


def worse(training: float, validation: float, samples: int, unit: float = 1.0) -> bool:
    """Whether validation is worse than training by more than chance makes it with so few samples.

    A share of n samples varies by 1 / sqrt(n) at most, in nineteen of twenty cases; losses are
    measured in `unit`.
    """
    return validation - training > (APART + 1 / math.sqrt(samples)) * unit


def judge(
    losses: Sequence[float],
    validation: Sequence[float],
    *,
    guessing: float,
    steps: int,
    momentum: float | None,
) -> Ailment | None:
    """Judge a training whose validation is worse.

    Args:
        losses: of the training, epoch by epoch.
        validation: losses of the last so many of these epochs; in one without validation, the last
            that was known.
        guessing: the loss of guessing, ln K.
        steps: batches in an epoch.
        momentum: of averages that are not warmed up, None where there are none.
    """
    loss, here = losses[-1], validation[-1]
    left = 0.0 if momentum is None else momentum ** (steps * len(losses))
    if left > LAG:
        return Ailment(
            "averages lagging",
            left,
            f"the validation loss {here:.4g} was measured with moving averages in which, after "
            f"{steps * len(losses):,} steps, {left:.0%} of what they began with is left; the "
            f"training loss is {loss:.4g}. Use BatchNormalization(warmup=True), a lower momentum, "
            "or smaller batches",
        )
    late = [
        (trained, held_out)
        for epoch, (trained, held_out) in enumerate(
            zip(losses[-len(validation) :], validation, strict=True),
            len(losses) - len(validation) + 1,
        )
        if momentum is None or momentum ** (steps * epoch) <= LAG
    ]
    if not late:
        return None
    best = int(np.argmin([held_out for _, held_out in late]))
    loss_was, was = late[best]
    epochs = len(late) - 1 - best
    if epochs < PATIENCE:  # it may still come
        return None
    if was > GUESSED * guessing and loss < GUESSED * late[0][0]:
        return Ailment(
            "nothing carried over",
            was / guessing,
            f"the training loss has fallen from {late[0][0]:.4g} to {loss:.4g}, but the validation "
            f"loss never below {was:.4g}, and guessing gives {guessing:.4g}: what is learnt of "
            "these pictures says nothing of others. See that each picture has its own label, that "
            "x and y were not shuffled apart, and that both parts are of one kind",
        )
    if here > DIVERGED * was and loss < FALLEN * loss_was:
        return Ailment(
            "overfitting",
            here / was,
            f"the validation loss has risen from {was:.4g} to {here:.4g} in {epochs} epochs, the "
            f"training loss has fallen from {loss_was:.4g} to {loss:.4g}: pictures are learnt by "
            "heart. Use more of them, augmentation, Dropout or weight decay, and "
            "EarlyStopping(restore_best_weights=True)",
        )
    return None
