"""Mistakes of y = x * g(x), a number times a gate, as in Swish (SiLU), GELU and Mish:

    dx = dy * (g(x) + x * g'(x))                for Swish, g = s = sigmoid and g' = s * (1 - s)

Of a product's derivative one term is forgotten, or both are one.
"""

from collections.abc import Iterator

import numpy as np

from minicnn.layers.elementwise import hard_sigmoid, softplus
from minicnn.layers.gelu import GELU
from minicnn.testing.diagnosis.elementwise import slope_of
from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

HALF = Mistake(
    "half of a product's derivative",
    "is dy * {} alone, where y = x * g(x)",
    "both factors depend on x, so it is dy * (g(x) + x * g'(x)), of Swish dy * (s + x * s * (1 - "
    "s)) with s = sigmoid(x)",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """dx with one of the two terms."""
    x, y, dy = trial.x, trial.y, trial.dy
    if name != "x" or trial.is_split or x.shape != y.shape:
        return
    slope = slope_of(trial.jacobians["x"])
    gate = None if slope is None else _gate(x, y)
    if slope is None or gate is None:
        return
    yield Suspect(HALF, dy * gate, "g(x)")
    yield Suspect(HALF, dy * (slope - gate), "x * g'(x)")
    yield Suspect(HALF, dy * (slope - gate) / x, "g'(x)")


def _gate(x: Array, y: Array) -> Array | None:
    """g(x), where y is x times a gate that is in use; None where it is not."""
    with np.errstate(all="ignore"):
        gate = y / x
        # of sigmoid(beta * x) it is beta, one number or one for each channel
        logits = (np.log(gate / (1 - gate)) / x).reshape(-1, x.shape[-1])
    beta = np.median(logits, axis=0)
    one_each = len(logits) > 1 and np.isfinite(logits).all() and beta.all()
    if one_each and np.allclose(logits, beta, rtol=1e-7, atol=1e-9):
        return gate
    known = [hard_sigmoid(x), np.tanh(softplus(x)), *(_of_gelu(x, form) for form in (False, True))]
    return gate if any(np.allclose(one, gate, rtol=1e-9, atol=1e-9) for one in known) else None


def _of_gelu(x: Array, approximate: bool) -> Array:
    layer = GELU(approximate)
    layer.build(x.shape[1:], dtype=np.float64)
    with np.errstate(all="ignore"):
        return layer.forward(x) / x
