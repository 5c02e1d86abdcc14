"""Why weights move as they do: a place is one parameter here.

"value" is the weight before the step, "g" its gradient (clipped, where the optimizer does that),
"m" and so on are what is remembered after the step, and "m_before" before it.
"""

from math import sqrt

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.kernels import adam as kernel
from minicnn.optimizers.adam import Adam
from minicnn.optimizers.sgd import SGD


def flat(place: Place) -> None:
    """Let formulas see all arrays of the parameter as rows of numbers."""
    for short in [*place.names]:
        place.view(short, (place["value"].size,))


def decayed(place: Place) -> list[str]:
    """What weight_decay takes, as a term of the step."""
    decay = place.of.weight_decay
    if not decay:
        return []
    place.constants["decay"] = place.row["learning_rate"] * decay
    return ["-decay * value[n]"]


@explains(SGD)
def sgd(place: Place) -> None:
    """optimizers/sgd.py: the velocity is what is left of the last one, and the new descent."""
    flat(place)
    optimizer = place.of
    place.constants |= {"rate": place.row["learning_rate"], "momentum": optimizer.momentum}
    place.because(
        "velocity",
        "n",
        "momentum * velocity_before[n]",
        "-rate * g[n]",
        code=("update", "velocity -= descent"),
    )
    step = ["momentum * velocity[n]", "-rate * g[n]"] if optimizer.nesterov else ["velocity[n]"]
    place.because("step", "n", *step, *decayed(place), code=("update", "value +="))


@explains(Adam)
def adam(place: Place) -> None:
    """optimizers/adam.py: mean and mean square of the gradients, corrected as they begin at 0."""
    optimizer, t = place.of, place.row["step"]
    one, two = 1 - optimizer.beta_1**t, 1 - optimizer.beta_2**t
    place.constants |= {
        "beta_1": optimizer.beta_1,
        "beta_2": optimizer.beta_2,
        "epsilon": optimizer.epsilon,
        "correction_1": one,
        "correction_2": two,
        "rate": place.row["learning_rate"] * sqrt(two) / one,
    }
    v = "largest_v" if optimizer.amsgrad else "v"
    place.work("m/corrected", place["m"].astype(np.float64) / one)
    place.work("v/corrected", place["v"].astype(np.float64) / two)
    place.work("denominator", np.sqrt(place[v].astype(np.float64)) + optimizer.epsilon)
    for made, short in (("m_corrected", "m/corrected"), ("v_corrected", "v/corrected")):
        place.names[made], place.full[made] = place.names.pop(short), place.full.pop(short)
    flat(place)
    place.because(
        "m", "n", "beta_1 * m_before[n]", "(1 - beta_1) * g[n]", code=(kernel, "m_i = m[i]")
    )
    place.because(
        "v", "n", "beta_2 * v_before[n]", "(1 - beta_2) * g[n] * g[n]", code=(kernel, "v_i = v[i]")
    )
    place.because("m_corrected", "n", "m[n] / correction_1", code=("_step_size", "return"))
    place.because("v_corrected", "n", "v[n] / correction_2", code=("_step_size", "return"))
    place.because(
        "denominator", "n", f"sqrt({v}[n])", "epsilon", code=(kernel, "value[i] -= step_size")
    )
    place.because(
        "step",
        "n",
        "-rate * m[n] * inverse(denominator[n])",
        *decayed(place),
        code=(kernel, "value[i] -= step_size"),
    )
