"""Mistakes of size and sign: a factor that is there twice, or not at all."""

from collections.abc import Iterator
from math import prod

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial

ZERO = Mistake("nothing written", "is 0 everywhere", "write it, grads[...][...] = or return dx")
SIGN = Mistake("wrong sign", "has the wrong sign", "turn it")
TWICE = Mistake(
    "a factor 2 too much",
    "is twice what is right",
    "look for a sum that is added twice, or the 2 of a square that 1/2 cancels",
)
HALF = Mistake(
    "a factor 2 missing",
    "is half of what is right",
    "look for the 2 that the derivative of a square has, and for a second use that is left out",
)
OVER_N = Mistake(
    "1/N twice",
    "is 1/N of what is right, N the batch",
    "sum over the samples, the loss has taken the mean already",
)
OVER_POSITIONS = Mistake(
    "mean over the positions",
    "is what is right divided by the number of output positions",
    "sum over the positions, in place of the mean",
)
OVER_ALL = Mistake(
    "mean over samples and positions",
    "is what is right divided by N and by the number of output positions",
    "sum over both, in place of the mean; the loss has divided by N already",
)
TIMES_N = Mistake(
    "N times too large", "is N times what is right, N the batch", "leave the factor N out"
)
NO_MEAN = Mistake(
    "a mean's 1/M missing",
    "is what is right times the number of {}",
    "divide by it: each has that share in the mean",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """What is right, times a factor."""
    right = trial.right[name]
    N, positions = len(trial.dy), prod(trial.z.shape[1:-1])
    yield Suspect(ZERO, 0 * right)
    yield Suspect(SIGN, -right)
    yield Suspect(TWICE, 2 * right)
    yield Suspect(HALF, right / 2)
    yield Suspect(OVER_N, right / N)
    yield Suspect(TIMES_N, right * N)
    if positions > 1:
        yield Suspect(OVER_POSITIONS, right / positions)
        yield Suspect(OVER_ALL, right / positions / N)
    if name in trial.names:
        if trial.x.ndim == 4 and (pixels := prod(trial.x.shape[1:3])) > 1:
            yield Suspect(NO_MEAN, right * pixels, "pixels")
        if len(trial.inputs) > 1:
            yield Suspect(NO_MEAN, right * len(trial.inputs), "inputs")
