"""Mistakes of layers of several inputs."""

from collections.abc import Iterator
from functools import reduce

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial

OWN_INPUT = Mistake(
    "product with the own input",
    "is dy times this input, expected dy times all the others",
    "leave the own input out of the product, and take the others in",
)
WHOLE_PRODUCT = Mistake(
    "product of all inputs",
    "is dy times the product of all inputs, expected all but this one",
    "leave the own input out of the product",
)
LEFT_OUT = Mistake("dy alone", "is dy itself, the factor is left out", "multiply by it")


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """dx of products with other factors."""
    if name not in trial.names or len(trial.inputs) < 2:
        return
    own = trial.array(name)
    if own.shape != trial.dy.shape:
        return
    others = [x for one, x in zip(trial.names, trial.inputs, strict=True) if one != name]
    if any(x.shape != own.shape for x in others):
        return
    if trial.agrees(name, trial.dy * reduce(np.multiply, others)):
        yield Suspect(LEFT_OUT, trial.dy)
        yield Suspect(OWN_INPUT, trial.dy * own)
        yield Suspect(WHOLE_PRODUCT, trial.dy * reduce(np.multiply, trial.inputs))
