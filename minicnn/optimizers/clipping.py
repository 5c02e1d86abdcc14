"""Clipping: gradients that are too large are made smaller before a step.

Source: Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063, section 3.2.
"""

from math import sqrt

import numpy as np

from minicnn.types import Array


def by_value(gradients: list[Array], most: float) -> list[Array]:
    """Every number at least -most and at most that; NaN stays where it is."""
    return [np.clip(gradient, -most, most) for gradient in gradients]


def by_norm(gradients: list[Array], most: float) -> list[Array]:
    """Each gradient scaled down to a norm of `most`, unless its own is at most that."""
    return [by_global_norm([gradient], most)[0] for gradient in gradients]


def by_global_norm(gradients: list[Array], most: float) -> list[Array]:
    """All gradients scaled down to a common norm of `most`, unless that is at most that."""
    norm = sqrt(sum(float(np.sum(np.square(one, dtype=np.float64))) for one in gradients))
    if not norm > most:  # a NaN stays where it is
        return gradients
    return [one * one.dtype.type(most / norm) for one in gradients]
