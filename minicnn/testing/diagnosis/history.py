"""Mistakes that show from the second batch on: what is left of the batch before."""

from collections.abc import Iterator

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial

ACCUMULATED = Mistake(
    "accumulated over calls",
    "is the sum of this batch's and the last batch's",
    "write it anew in each backward, grads[...][...] = and not +=",
)
STALE = Mistake(
    "the last batch's gradient",
    "is that of the batch before",
    "compute it in each backward",
)
STALE_CACHE = Mistake(
    "the last batch's cache",
    "is right for this dy and the input of the batch before",
    "fill the cache in each training forward",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """What the batch before left: its gradient, a sum with it, its cache."""
    earlier = trial.earlier[name]
    if earlier is not None and earlier.shape == trial.right[name].shape:
        if earlier.any():
            yield Suspect(STALE, earlier)
        yield Suspect(ACCUMULATED, trial.right[name] + earlier)
    if name in trial.parameters or not trial.is_affine:
        yield Suspect(STALE_CACHE, trial.right_for(name, inputs=trial.before))
