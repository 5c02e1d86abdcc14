"""Why the numbers of activations are what they are: y is x through a function, dx is dy times its
slope.
"""

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.explain.tracing.sums import FUNCTIONS
from minicnn.layers.elementwise import Elementwise
from minicnn.layers.elu import ELU
from minicnn.layers.gelu import GELU
from minicnn.layers.leaky_relu import LeakyReLU
from minicnn.layers.relu import ReLU
from minicnn.layers.softmax import Softmax


def flat(place: Place, *names: str) -> None:
    """Let formulas see these arrays as rows of numbers, whatever their shape."""
    for name in names:
        place.view(name, (place["x"].size,))


@explains(ReLU, LeakyReLU)
def rectifier(place: Place) -> None:
    """layers/relu.py, layers/leaky_relu.py: x times a slope, which is 0 or 1 or that below 0."""
    flat(place, "x", "y", "dy", "dx", "slope")
    # what is cut off at a value or begins at a threshold is no multiple of x
    of_line = isinstance(place.of, LeakyReLU) or not (place.of.max_value or place.of.threshold)
    formula = "x[n] * slope[n]" if of_line else "x[n]"
    place.because("y", "n", formula, code=("forward", "return"), exact=of_line)
    _slope(place)


@explains(Elementwise)
def elementwise(place: Place) -> None:
    """layers/elementwise.py."""
    flat(place, "x", "y", "dy", "dx", "slope")
    function = place.of.function
    known = function in FUNCTIONS
    formula = f"{function}(x[n])" if known else "x[n]"
    place.because("y", "n", formula, code=("forward", "y = function(x)"), exact=known)
    _slope(place)


@explains(ELU, GELU)
def curve(place: Place) -> None:
    """layers/elu.py, layers/gelu.py: what the function is stands there."""
    flat(place, "x", "y", "dy", "dx", "slope")
    place.because("y", "n", "x[n]", code=("forward", "return"), exact=False)
    _slope(place)


def _slope(place: Place) -> None:
    place.because("dx", "n", "dy[n] * slope[n]", code=("backward", "return"))
    place.because("slope", "n", "x[n]", code=("forward", "self._cache = "), exact=False)


@explains(Softmax)
def softmax(place: Place) -> None:
    """layers/softmax.py: exponentials of the scores, less the largest, divided by their sum."""
    x, axis = place["x"].astype(np.float64), place.of.axis
    if axis not in (-1, x.ndim - 1):
        return
    K = x.shape[-1]
    for short in ("x", "y", "dy", "dx"):
        place.view(short, (x.size // K, K))
    rows = x.reshape(-1, K)
    place.work("largest", rows.max(axis=1))
    place.work("exponentials", np.exp(rows - place["largest"][:, None]))
    place.work("total", place["exponentials"].sum(axis=1))
    place.because("largest", "n", ("x[n, k]", "k"), exact=False)
    place.because("exponentials", "n k", "exp(x[n, k] - largest[n])")
    place.because("total", "n", ("exponentials[n, k]", "k"))
    place.because(
        "y", "n k", "exponentials[n, k] * inverse(total[n])", code=("forward", "softmax(")
    )
    place.because(
        "dx",
        "n k",
        "y[n, k] * dy[n, k]",
        ("-y[n, k] * dy[n, j] * y[n, j]", "j"),
        code=("backward", "return"),
    )
