"""The checks of the Doctor and of few pictures that take minutes: one case of each illness, and
their last results.
"""

import json
import warnings
from pathlib import Path

import check_doctor
import check_small_data
import pytest

RESULTS = Path(__file__).parents[1] / "docs" / "results"
CASES = list(enumerate(check_doctor.cases()))
QUICK = {
    illness: next(n for n, case in CASES if case.illness == illness)
    for illness in check_doctor.ILLNESSES
}


@pytest.mark.parametrize("illness", QUICK)
def test_the_doctor_names_it(illness):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_doctor.findings(CASES[QUICK[illness]][1], QUICK[illness])
    assert check_doctor.is_right(illness, found), found


def test_the_doctor_was_right_in_36_of_40_and_accused_nobody():
    result = json.loads((RESULTS / "doctor.json").read_text())
    assert result["passed"] and result["cases"] == len(CASES) == 40 and result["accused"] == []
    assert result["right"] == sum(result["right_by_illness"].values()) >= check_doctor.ENOUGH
    assert set(result["right_by_illness"]) == set(check_doctor.ILLNESSES)


SMALL = json.loads((RESULTS / "small_data.json").read_text())["reached"]


def test_the_bars_are_those_of_the_program():
    bars = [
        check_small_data.PHOTOS_BAR,
        *check_small_data.SHAPES.values(),
        check_small_data.TARBALL_BAR,
    ]
    assert [one["bar"] for one in SMALL.values()] == bars


@pytest.mark.parametrize("what", SMALL)
def test_few_pictures_reach_their_bar(what, request):
    if "CIFAR-10" in what:
        request.applymarker(
            pytest.mark.xfail(
                strict=True, reason="48.6 %: six epochs end before the rate is lowered"
            )
        )
    assert SMALL[what]["accuracy"] >= SMALL[what]["bar"]
