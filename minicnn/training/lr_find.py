"""lr_find: which learning rate to begin with. Sequential has it as a method of the same name.

A copy of the model trains with a learning rate that grows from step to step,

    rate_i = start * (end / start) ** (i / (steps - 1))

until the loss explodes. While the rate is too small the loss stands still, then it falls, then it
explodes: a good rate lies where it falls.

Source: Smith 2015, arXiv:1506.01186, section 3.3; the smoothing, the end and the suggestion are
    fastai's.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from minicnn.expect import count
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.training import checks, given
from minicnn.training.batches import BatchSource
from minicnn.types import Array

SMOOTHING = 0.98  # the share of the losses before in a smoothed loss
EXPLODED = 4  # times the smallest loss: where the search ends
LINES, BAR = 16, 40  # of to_text


@dataclass(frozen=True)
class LRFinder:
    """The learning rates that were tried, the smoothed loss at each, and a rate to train with, None
    if none is good.
    """

    learning_rates: list[float]
    losses: list[float]
    suggestion: float | None

    def to_text(self) -> str:
        """The losses, with bars from the lowest one to the first, and the suggestion."""
        stride = max(1, -(-len(self.losses) // LINES))
        shown = list(zip(self.learning_rates, self.losses, strict=True))[::stride]
        low = min(self.losses, default=0.0)
        scale = BAR / ((self.losses[0] - low) or 1.0) if shown else 0.0
        bars = ["#" * min(round((loss - low) * scale), BAR) for _, loss in shown]
        lines = [f"{'learning rate':>13}  {'loss':>8}"]
        lines += [
            f"{rate:13.2e}  {loss:8.4f}  {bar}".rstrip()
            for (rate, loss), bar in zip(shown, bars, strict=True)
        ]
        verdict = (
            "none: the loss never fell" if self.suggestion is None else f"{self.suggestion:.2e}"
        )
        return "\n".join([*lines, f"suggested learning rate: {verdict}"])


@known_arguments
def lr_find(
    model: Network,
    x: Array | BatchSource,
    y: Array | None = None,
    batch_size: int | None = None,
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
) -> LRFinder:
    """Train a copy of the model for some steps with a growing learning rate, and suggest one.

    The model itself, its optimizer and its generators stay as they are, bit for bit.

    Args:
        x, y, batch_size: as in `fit`; the data are gone through again when they have fewer batches
            than steps.
        start, end: the first and the last rate.
        steps: how many rates to try, one batch each.

    The suggestion is the middle of the longest valley, which is the longest row of ever smaller
    losses, as in fastai.

    Raises RuntimeError before compile; ValueError for arrays that do not fit, or unless 0 < start <
    end.
    """
    checks.compiled(model)
    batches, _ = given.to_train_on(model, x, y, batch_size, None, None, 0.0, None, "lr_find")
    if not 0 < start < end:
        raise ValueError(
            f"lr_find expected 0 < start < end, received start={start!r} and end={end!r}"
        )
    steps = count(steps, "steps", "lr_find", least=2)
    model = copy.deepcopy(model)
    rates, losses, average = list[float](), list[float](), 0.0
    for step in range(steps):
        epoch, index = divmod(step, batches.steps)
        if index == 0:
            batches.begin_epoch(model.shuffle_rng)
        batch = batches[index]
        for layer in model.leaves.values():
            layer.next_samples(epoch, batch.numbers)
        rate = start * (end / start) ** (step / (steps - 1))
        model.optimizer.learning_rate = rate
        loss, _ = model.train_step(batch.x, batch.y, batch.weight)
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed = average / (1 - SMOOTHING ** (step + 1))  # as if it had begun with the first loss
        if not isfinite(smoothed) or losses and smoothed > EXPLODED * min(losses):
            break
        rates.append(rate)
        losses.append(smoothed)
    return LRFinder(rates, losses, valley(rates, losses, steps // 10))


def valley(rates: Sequence[float], losses: Sequence[float], least: int) -> float | None:
    """The rate in the middle of the longest decreasing subsequence of losses; None below a length
    of `least`.

    The first tenth of the losses does not count: there smoothing has little to go by.
    """
    skipped = len(losses) // 10
    rates, losses = rates[skipped:], losses[skipped:]
    lengths: list[int] = []  # of the longest such subsequence that ends here
    for i, loss in enumerate(losses):
        lengths.append(1 + max((lengths[j] for j in range(i) if losses[j] > loss), default=0))
    longest = max(lengths, default=0)
    if longest < max(least, 2):
        return None
    end = lengths.index(longest)
    return rates[max(end - longest, 0) + longest // 2]
