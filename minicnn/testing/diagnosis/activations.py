"""Mistakes of the activation inside a layer, y = f(z): dz = dy * f'(z) is not what is pulled back.

dx = dz @ K.T, dK = x.T @ dz, dbias = sum of dz
"""

from collections.abc import Iterator

from minicnn.testing.diagnosis.jacobian import Corner
from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial

LEFT_OUT = Mistake(
    "activation left out",
    "is right for a layer without its activation",
    "first dy = activation_layer.backward(dy), then the rest",
)
AT_OUTPUT = Mistake(
    "activation's derivative at its output",
    "takes the activation's derivative at y in place of its input",
    "keep the activation's input, before it is overwritten",
)
TWICE = Mistake(
    "activation's derivative twice",
    "has the activation's derivative as a factor twice",
    "multiply by it once",
)
NO_DY = Mistake("dy left out", "is the derivative itself, without dy", "multiply by dy")


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """Other dz pulled back."""
    if not trial.is_split:
        return
    yield Suspect(LEFT_OUT, trial.from_dz(name, trial.dy))
    for mistake, z, dy in (
        (AT_OUTPUT, trial.y, trial.dy),
        (TWICE, trial.z, trial.dz),
    ):
        try:
            yield Suspect(mistake, trial.from_dz(name, trial.activation_gradient(z, dy)))
        except Corner:  # y of ReLU lies in its corner
            continue
