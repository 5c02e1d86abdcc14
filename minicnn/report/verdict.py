"""What has come of a training, in one sentence, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import Any

from minicnn.layers.averages import LAG
from minicnn.names import known_arguments

GAP = 0.2  # by which training accuracy is above all that the test may mean: learnt by heart
FALLEN = 0.01  # a loss that fell by this share of itself was still falling
FEW = 3  # epochs, of which the last is still better than the first whatever the numbers say
WIDE = 0.2  # an interval so wide is worth a word
GOOD = 0.98  # nobody asks for more


@dataclass(frozen=True)
class Verdict:
    """What has come of a training; `str()` is the sentence and the advice."""

    # "healthy", "learnt by heart", "averages lagged", "still learning", "no better than chance",
    # "broken"
    kind: str
    sentence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.advice}".rstrip()


@known_arguments
def judge(
    history: Mapping[str, Sequence[float]],
    accuracy: float,
    interval: tuple[float, float],
    *,
    chance: float,
    samples: int,
    steps_per_epoch: int,
    momentum: float | None = None,
) -> Verdict:
    """Judge a training by its numbers.

    Args:
        history: `loss` of every epoch, and `accuracy` and `val_loss` where they are known.
        accuracy: share of right answers on pictures that the model was not trained on.
        interval: where that share lies with 95 % certainty, as `wilson_interval` gives it.
        chance: the share that an answer without looking gets right: that of the most frequent
            class.
        samples: training pictures.
        steps_per_epoch: batches in an epoch.
        momentum: the largest of the model's BatchNormalization layers whose averages are not warmed
            up, None without such a layer. After t steps momentum ** t of what the averages began
            with is still in them.
    """
    losses, accuracies = list(history["loss"]), history.get("accuracy")
    seen = accuracies[-1] if accuracies else None
    if not isfinite(losses[-1]):
        epoch = next(number for number, loss in enumerate(losses, 1) if not isfinite(loss))
        return Verdict(
            "broken",
            f"Broken down: from epoch {epoch} on the loss is no number.",
            "Lower the learning rate, and see that pixels are scaled and finite.",
        )
    low, high = interval
    new = f"{percent(accuracy)} on new pictures"
    if high - low > WIDE:
        new += f" (with so few test pictures: {100 * low:.3g} to {percent(high)})"
    both = new if seen is None else f"{percent(seen)} in training, {new}"
    ahead = 0.0 if seen is None else seen - high
    held_out = {
        epoch: loss for epoch, loss in enumerate(history.get("val_loss", []), 1) if isfinite(loss)
    }
    best = min(held_out, key=held_out.__getitem__, default=len(losses))  # the epoch that is kept
    left = 0.0 if momentum is None else momentum ** (steps_per_epoch * best)
    if ahead > GAP / 2 and left > LAG:
        return Verdict(
            "averages lagged",
            f"Validation was measured with averages that lagged: {both}.",
            f"After {steps_per_epoch * best} steps, {percent(left)} of what batch normalisation's "
            "averages began with was still in them. Use BatchNormalization(warmup=True), a lower "
            "momentum, or smaller batches.",
        )
    if len(losses) == 1 and accuracy < GOOD:
        return Verdict(
            "still learning",
            f"After one epoch: {both}.",
            "That is too early to judge: train for more epochs.",
        )
    if ahead > GAP and (low > chance or ahead > 0.5):
        return Verdict(
            "learnt by heart",
            f"Learnt by heart: {both}.",
            f"More than {samples:,} pictures, augmentation or Dropout would help; more epochs "
            "would not.",
        )
    if low <= chance:
        falling = len(losses) > 1 and best == len(losses) and losses[-1] < (1 - FALLEN) * losses[-2]
        return Verdict(
            "no better than chance",
            f"No better than chance: {new}; guessing gets {percent(chance)}.",
            "It was still learning: train for longer."
            if falling
            else "See that each picture has its own label, and try another learning rate.",
        )
    if best == len(losses) and accuracy < GOOD:
        last = held_out.pop(best, losses[-1])
        before = min(held_out.values(), default=inf if len(losses) < FEW else 0.0)
        if last < (1 - FALLEN) * before:
            return Verdict(
                "still learning", f"Still learning when it ended: {both}.", "Train for more epochs."
            )
    return Verdict("healthy", f"Healthy: {both}.", _more(accuracy, ahead))


@known_arguments
def judge_run(
    config: Mapping[str, Any], history: Mapping[str, Sequence[float]], test: Mapping[str, Any]
) -> Verdict | None:
    """The verdict on a run by what stands in its files; None as long as nothing is known of it.

    Args:
        config: of config.json: "data", "options" and "model"; the latter's "momentum" where
            averages may lag.
        history: every column of history.csv.
        test: of metrics.json, as `Evaluation.to_dict` makes it; empty while the training has not
            ended.
    """
    if not test or not history.get("loss"):
        return None
    samples = config["data"]["train"]
    support = [test["classes"][name]["support"] for name in test["class_names"]]
    low, high = test["accuracy_interval"]
    return judge(
        history,
        test["accuracy"],
        (low, high),
        chance=max(1 / len(support), max(support) / test["images"]),
        samples=samples,
        steps_per_epoch=ceil(samples / config["options"]["batch_size"]),
        momentum=config["model"].get("momentum"),
    )


def percent(share: float) -> str:
    """Three digits, and no more than it takes: 100 %, 40 %, 57.7 %, 0.5 %."""
    return f"{100 * share:.3g} %"


def _more(accuracy: float, ahead: float) -> str:
    """How a healthy model gets better."""
    if accuracy >= GOOD:
        return ""
    if ahead > GAP / 4:
        return "More pictures or augmentation would narrow the gap."
    return "A larger network, or a longer training, may learn more."
