"""A gradient check that explains: which usual mistake a wrong gradient comes from.

    print(diagnose(MyConv2D(4, 3), (6, 5, 3)))
    # dkernel is right after swapping its last two axes: ...

How: all derivatives of forward are measured (jacobian.py), in an experiment of one batch after
another (trial.py). Families of mistakes, one a file, say what gradient each would give: by making
the right one wrong (scales, sums, order, history), by measuring what would be right for something
else (turned_kernel, activations, noticed), or by a formula with a term left out, which is only
tried where the whole formula is right (elementwise, gates, softmax, merging, windows, pooling,
normalization). diagnose.py keeps what fits in every trial. Nothing is guessed: a gradient that
fits no mistake to seven digits gets no name.
"""

from minicnn.testing.diagnosis.diagnose import FAMILIES, Diagnosis, diagnose
from minicnn.testing.diagnosis.mistake import Finding, Mistake

__all__ = ["FAMILIES", "Diagnosis", "Finding", "Mistake", "diagnose"]
