"""Why the numbers of dropout are what they are: x times a factor that was drawn."""

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.layers.dropout import Dropout


@explains(Dropout)
def dropout(place: Place) -> None:
    """layers/dropout.py, and the layers that draw other factors; without any, x itself."""
    letters = ["n", *"ijklmopq"[: place["x"].ndim - 1]]
    at = ", ".join(letters)
    factor = ""
    if "factor" in place:
        drawn = np.shape(place["factor"])
        own = [letter if size > 1 else "0" for letter, size in zip(letters, drawn, strict=True)]
        factor = f" * factor[{', '.join(own)}]"
    place.because("y", " ".join(letters), f"x[{at}]{factor}", code=("forward", "return x * factor"))
    place.because("dx", " ".join(letters), f"dy[{at}]{factor}", code=("backward", "return"))
    place.depends("factor", [], ("draw", "self.rng"))
