"""Mistakes of functions of every number on its own, y = f(x): dx = dy * f'(x).

That a layer is one shows in its derivatives: y[i]/dx[j] is 0 for i != j.
"""

from collections.abc import Iterator

import numpy as np

from minicnn.layers.elementwise import FUNCTIONS
from minicnn.testing.diagnosis.mistake import Mistake, Suspect
from minicnn.testing.diagnosis.trial import Trial
from minicnn.types import Array

LEFT_OUT = Mistake(
    "derivative left out",
    "is dy itself, the derivative is left out",
    "multiply by what forward multiplied by, or by f'(x)",
)
NO_DY = Mistake("dy left out", "is the derivative alone, dy is left out", "multiply it by dy")
AT_OUTPUT = Mistake(
    "derivative at the output",
    "is dy * f'(y), the derivative at the output",
    "keep x in the cache, and take the derivative there",
)
FORMULA_OF_Y = Mistake(
    "formula of y, given x",
    "is right for the formula that takes y, which was given x",
    "keep y in the cache: sigmoid' is y * (1 - y), tanh' is 1 - y * y",
)
VALUE = Mistake(
    "value, not derivative", "is dy * f(x)", "multiply by the derivative in place of the value"
)
TWICE = Mistake("derivative twice", "is dy * f'(x) * f'(x)", "multiply by the derivative once")
INVERTED = Mistake(
    "mask inverted",
    "passes what forward cut off, and cuts off what it let pass",
    "turn the comparison that makes the mask",
)
MASK_OF_DY = Mistake(
    "mask of dy",
    "is cut off where dy is below 0, expected where x is",
    "keep the mask that forward used",
)
CUT_OFF = Mistake(
    "slope below 0 forgotten",
    "is 0 where x is below 0, expected the negative slope times dy",
    "give that side its slope",
)
MASK_MISSING = Mistake(
    "mask missing",
    "has dropout's scale everywhere, expected 0 where forward dropped",
    "keep the mask that forward drew, and multiply dy by it",
)
SCALE_MISSING = Mistake(
    "dropout's scale missing",
    "has the mask and not the scale",
    "divide by 1 - rate, as forward does",
)
SCALE_TURNED = Mistake(
    "dropout's scale turned round",
    "is multiplied by 1 - rate, expected a division by it",
    "use the factor that forward used",
)
NEW_MASK = Mistake(
    "a new mask in backward",
    "has a mask that forward did not use",
    "draw once, in forward, and keep it in the cache",
)


def suspects(trial: Trial, name: str) -> Iterator[Suspect]:
    """dx with other factors than the derivative."""
    x, y, dy = trial.x, trial.y, trial.dy
    if name != "x" or trial.is_split or x.shape != y.shape:
        return
    slope = slope_of(trial.jacobians["x"])
    if slope is None:
        return
    yield Suspect(LEFT_OUT, dy)
    yield Suspect(NO_DY, slope)
    yield Suspect(VALUE, dy * y)
    yield Suspect(TWICE, dy * slope * slope)
    yield Suspect(AT_OUTPUT, trial.right_for(name, inputs=[y]))
    with np.errstate(all="ignore"):  # formulas far from where they belong
        for f, derivative in FUNCTIONS.values():
            if np.allclose(f(x), y, rtol=1e-12, atol=1e-12):
                yield Suspect(FORMULA_OF_Y, dy * derivative(x, x))
                yield Suspect(FORMULA_OF_Y, dy * derivative(y, x))
                break
    high, low = float(slope.max()), float(slope.min())
    if not (_near(slope, high) | _near(slope, low)).all() or high - low < 1e-6:
        return
    passes = _near(slope, high)
    yield Suspect(INVERTED, dy * np.where(passes, low, high))
    if low:
        yield Suspect(CUT_OFF, dy * high * passes)
    elif trial.layer.acts_in_training_only:
        yield Suspect(MASK_MISSING, dy * high)
        yield Suspect(SCALE_MISSING, dy * passes)
        yield Suspect(SCALE_TURNED, dy * passes / high)
        yield Suspect(NEW_MASK, dy * _next_slope(trial))
    else:
        yield Suspect(MASK_OF_DY, dy * high * (dy > 0))


def slope_of(derivatives: Array) -> Array | None:
    """f'(x), for dy/dx (*x.shape, *x.shape); None where y[i] depends on other x than x[i]."""
    shape = derivatives.shape[: derivatives.ndim // 2]
    size = int(np.prod(shape))
    matrix = derivatives.reshape(size, size)
    if matrix[~np.eye(size, dtype=bool)].any():
        return None
    return np.diagonal(matrix).reshape(shape)


def _near(a: Array, b: float) -> Array:
    return np.abs(a - b) < 1e-7 * max(1.0, abs(b))


def _next_slope(trial: Trial) -> Array:
    """y/x of a forward whose noise is what would be drawn next."""
    layer = trial.layer
    layer.random_state = trial.random_state
    ones = np.ones_like(trial.x)
    layer.forward(ones, training=True)
    return layer.forward(ones, training=True)
