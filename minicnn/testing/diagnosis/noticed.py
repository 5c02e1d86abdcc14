"""What backward does not give, and gradients of what a layer has overwritten although it is not its
own.
"""

from collections.abc import Iterator

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial

NOTHING = Mistake("no dx", "is None", "return dx, an array of x's shape")
INPUT_OVERWRITTEN = Mistake(
    "input overwritten",
    "is right for an input that forward has overwritten",
    "write to a new array, x = x - ... and not x -= ...: x belongs to the layer before",
)
DY_OVERWRITTEN = Mistake(
    "dy overwritten",
    "is right for a dy that backward has overwritten",
    "write to a new array, dx = dy * ... and not dy *= ...: dy belongs to the layer after",
)
OTHER_SHAPE = Mistake(
    "another shape",
    "has not the shape of {}",
    "sum over the axes that {} has not, and keep those that it has",
    of_last_resort=True,
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """None; the right gradient for the input and the dy as they were left."""
    yield Suspect(NOTHING, None)
    claimed = trial.claimed[name]
    if claimed is not None and claimed.shape != trial.array(name).shape:
        yield Suspect(OTHER_SHAPE, claimed, name)
    changed = any((x != y).any() for x, y in zip(trial.given, trial.inputs, strict=True))
    if changed:
        yield Suspect(INPUT_OVERWRITTEN, trial.right_for(name, inputs=trial.given))
    if (trial.given_dy != trial.dy).any():
        dy = trial.given_dy
        dz = trial.activation_gradient(trial.z, dy) if trial.is_split else dy
        yield Suspect(DY_OVERWRITTEN, np.asarray(trial.from_dz(name, dz)))
