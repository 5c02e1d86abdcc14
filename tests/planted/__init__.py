"""Layers with a mistake in them, for tests/test_diagnosis.py and tests/check_diagnosis.py.

PLANTED has a row for each: the layer's class with the mistake, how one is drawn, which tensor is
wrong then, and by what name the mistake is to be found. Most are copies (subclasses) of minicnn's
layers, and those of own.py layers of one's own, written as people write them, with minicnn's
kernels and not with what the diagnosis uses.
"""

from planted import (  # noqa: F401  (each puts its layers into the table)
    activations,
    normalization,
    order,
    own,
    sizes,
    softmax_and_merging,
    sums,
    windows,
)
from planted.rows import PLANTED, Pen, Row

__all__ = ["PLANTED", "Pen", "Row"]
