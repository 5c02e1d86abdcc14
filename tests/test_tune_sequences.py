"""Searches that are planned ahead: every trial's values depend on its number alone, lie in their
ranges, and together lie everywhere.
"""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.tune import sequences
from minicnn.tune.ranges import Choices, Range

UNIT = st.floats(0, 1, exclude_max=True)
DOMAINS = {
    "batch": Choices((16, 32, 64)),
    "rate": Range(1e-4, 1e-1, log=True),
    "filters": Range(8, 32, 8),
    "dropout": Range(0.0, 0.5),
}


@st.composite
def ranges(draw):
    """Any range that a space.toml can have."""
    whole, logarithmic = draw(st.booleans()), draw(st.booleans())
    least = (1 if whole else 1e-6) if logarithmic else -1000
    numbers = st.integers(least, 1000) if whole else st.floats(least, 1000)
    low, high = sorted((draw(numbers), draw(numbers)))
    if low == high:
        high = low + 1
    if logarithmic or not draw(st.booleans()):
        return Range(low, high, None, logarithmic)
    parts = draw(st.integers(1, 9))
    step = max(1, (high - low) // parts) if whole else (high - low) / parts
    return Range(low, high, step)


@settings(max_examples=200, deadline=None)
@given(ranges(), UNIT)
def test_a_value_lies_in_its_range_and_on_its_steps(domain, u):
    value = domain.at(u)
    assert domain.low <= value <= domain.high
    assert isinstance(value, int) == domain.whole
    if domain.step:
        steps = (value - domain.low) / domain.step
        assert steps == pytest.approx(round(steps), abs=1e-6)
        assert value in domain.points()


@settings(max_examples=100, deadline=None)
@given(ranges())
def test_the_unit_interval_becomes_the_range_in_order(domain):
    values = [domain.at(u) for u in np.linspace(0, 1, 50, endpoint=False)]
    assert values == sorted(values)


def test_equal_factors_are_equally_probable_in_a_logarithmic_range():
    domain = Range(1e-4, 1e-1, log=True)
    exponents = [log(domain.at(u), 10) for u in (0, 1 / 3, 2 / 3)]
    assert exponents == pytest.approx([-4, -3, -2])


def test_a_grid_has_every_combination_once():
    domains = {"a": Choices((1, 2, 3)), "b": Range(0, 4, 2), "c": Choices((True, False))}
    found = [tuple(sequences.grid(k, domains).values()) for k in range(18)]
    assert sequences.grid_size(domains) == 18 == len(set(found))
    assert found[:3] == [(1, 0, True), (1, 0, False), (1, 2, True)]  # the last changes fastest


def test_a_grid_needs_points():
    with pytest.raises(ValueError, match=r"expected choices, or a range with a step, for rate"):
        sequences.grid_size(DOMAINS)


@pytest.mark.parametrize("base", [2, 3, 5, 7])
def test_every_part_of_the_unit_interval_gets_as_many_points(base):
    """Of base**m points, whichever begin at a multiple of that, one lies in each part: the
    property by which Halton's sequence is known; permuted digits keep it.
    """
    count = base**3
    for first in (0, count, 4 * count):
        points = [sequences.radical_inverse(first + k, base, 5) for k in range(count)]
        assert sorted(int(u * count) for u in points) == list(range(count))


def test_without_permutations_it_is_van_der_corputs_sequence(monkeypatch):
    class Identity:
        def __init__(self, _):
            pass

        def permutation(self, base):
            return range(base)

    monkeypatch.setattr(np.random, "default_rng", Identity)
    found = [sequences.radical_inverse(k, 2, 0) for k in range(8)]
    assert found == [0, 1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8, 3 / 8, 7 / 8]


@pytest.mark.parametrize("plan", [sequences.qmc, sequences.random])
def test_a_plan_depends_on_number_and_seed_alone(plan):
    first = [plan(k, DOMAINS, 3) for k in range(20)]
    assert first == [plan(k, DOMAINS, 3) for k in reversed(range(20))][::-1]
    assert first != [plan(k, DOMAINS, 4) for k in range(20)]
    assert {values["batch"] for values in first} == {16, 32, 64}
    assert all(list(values) == list(DOMAINS) for values in first)


def test_hyperparameters_do_not_move_together():
    domains = {str(k): Range(0.0, 1.0) for k in range(8)}
    points = [list(sequences.qmc(k, domains, 0).values()) for k in range(200)]
    related = np.corrcoef(np.transpose(points)) - np.eye(8)
    assert abs(related).max() < 0.25
