"""Whether numbers are the sums that explain.why says they are."""

import numpy as np
import pytest

from minicnn import explain
from minicnn.explain.tracing.adding import each


def check_sums(traced, count):
    """Of so many numbers of each array, that they are the sum of their terms, if they are one; the
    last words of the names of those that are.
    """
    rng, summed = np.random.default_rng(0), set()
    for name, array in traced.arrays.items():
        places = list(each(array.shape))
        for n in rng.permutation(len(places))[:count]:
            found = explain.why(traced, name, places[n])
            if found.recomputed is None:
                continue
            summed.add(name.rpartition("/")[2])
            size = sum(abs(term.value) for term in found.terms)
            if name.endswith("/step"):  # what is added to a float32 is rounded as that is
                size += abs(traced.arrays[name.replace("/step", "/before")][places[n]])
            if any(one.through for term in found.terms for one in term.factors):
                size += max(abs(one.value) for term in found.terms for one in term.factors)
            assert abs(found.recomputed - found.value) <= 3e-6 * size, found.to_text()
    return summed


def terms_of(traced, name, index):
    """The values of all terms, sorted, of one number, which is their sum."""
    found = explain.why(traced, name, index)
    assert found.recomputed == pytest.approx(found.value, rel=1e-5, abs=1e-6)
    return sorted(term.value for term in found.terms)
