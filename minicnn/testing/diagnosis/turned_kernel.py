"""Mistakes in how a parameter is used: dx for a kernel that is transposed or turned round."""

from collections.abc import Iterator

import numpy as np

from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

SWAPPED_KERNEL = Mistake(
    "kernel not transposed",
    "is right for a {}",
    "in backward the kernel is used as its transpose: dY @ K.T",
)
UNFLIPPED = Mistake(
    "kernel not flipped",
    "is right for a {} whose rows and columns are turned round",
    "correlate dy with the kernel turned by 180 degrees, [::-1, ::-1], or add up with col2im",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """The right dx of other parameters than those there are."""
    if name not in trial.names:
        return
    for param in trial.layer.params:
        value = trial.layer.params[param]
        for mistake, detail, other in _others(param, value):
            if other.shape == value.shape and not np.array_equal(other, value):
                gradient = trial.right_for(name, params={param: other})
                yield Suspect(mistake, gradient, detail)


def _others(param: str, value: Array) -> Iterator[tuple[Mistake, str, Array]]:
    if value.ndim >= 2:
        yield SWAPPED_KERNEL, f"{param} with its last two axes swapped", np.swapaxes(value, -1, -2)
    if value.ndim == 4:
        yield UNFLIPPED, param, value[::-1, ::-1]
        yield SWAPPED_KERNEL, f"{param} with rows and columns swapped", np.swapaxes(value, 0, 1)
