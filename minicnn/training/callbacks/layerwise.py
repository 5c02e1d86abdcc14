"""What the gradients and units of single layers say of a training."""

from collections.abc import Mapping, Sequence

import numpy as np

from minicnn.training.callbacks.finding import Ailment
from minicnn.training.callbacks.vitals import Vitals

PICTURES = 256  # that must have been looked at before a unit is called dead
DEAD = 0.25  # share of a layer's units
EXPLODING = 100.0  # norm of a layer's gradient; in healthy trainings up to 20
# That norm / that of the layer where it is largest; in healthy trainings from 1e-2 up.
VANISHING = 1e-4


def exploding(gradients: Mapping[str, Sequence[float]]) -> Ailment | None:
    """Judge the norms of the layers' gradients, some of each, by the largest of all."""
    worst = max(gradients, key=lambda name: max(gradients[name]))
    largest = max(gradients[worst])
    if largest <= EXPLODING:
        return None
    return Ailment(
        "exploding gradients",
        largest,
        f"the gradient of {worst!r} has a norm of up to {largest:.3g}. Scale the pixels to 0 ... 1 "
        "with Rescaling(1 / 255), lower the learning rate, add BatchNormalization, or cut the "
        "gradient with global_clipnorm=1.0",
        worst,
    )


def vanishing(gradients: Mapping[str, Sequence[float]]) -> Ailment | None:
    """Judge the norms of the layers' gradients by their medians, the smallest to the largest."""
    sizes = {name: float(np.median(values)) for name, values in gradients.items()}
    strong, weak = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
    if not 0 < sizes[weak] < VANISHING * sizes[strong]:
        return None
    share = sizes[weak] / sizes[strong]
    return Ailment(
        "vanishing gradients",
        share,
        f"the gradient of {weak!r} is {share:.1e} of that of {strong!r}: the layer learns next to "
        "nothing. Add BatchNormalization, try kernel_initializer='he_normal', or fewer layers",
        weak,
    )


def dead_units(vitals: Vitals, rate: float) -> Ailment | None:
    """Judge units by whether a gradient reaches them; the learning rate is for the message."""
    if vitals.pictures < PICTURES or not vitals.alive:
        return None
    shares = {}
    for name, alive in reversed(vitals.alive.items()):
        shares[name] = 1 - float(alive.mean())
        if not alive.any():  # below it no unit gets a gradient, dead or not
            break
    worst = max(shares, key=shares.__getitem__)
    if shares[worst] < DEAD:
        return None
    counts = {name: f"{(~alive).sum()} of {len(alive)}" for name, alive in vitals.alive.items()}
    listed = ", ".join(
        f"{counts[name]} units of {name!r}" for name, share in shares.items() if share >= DEAD
    )
    return Ailment(
        "dead units",
        shares[worst],
        f"{listed}: not active in any of {vitals.pictures} pictures, so that they no longer learn. "
        f"Lower the learning rate, now {rate:.3g}, add BatchNormalization, or use LeakyReLU",
        worst,
    )
