"""docs/experiments.md says of each training that goes wrong what the Doctor really says."""

import re

import pytest
from test_readme import ROOT

PAGE = ROOT / "docs" / "experiments.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEALTHY = "nothing found: gradients, updates and loss look healthy"


def without_numbers(text):
    """One line, numbers and the list of a finding's layers left out: these vary with rounding."""
    text = " ".join(text.split()).replace("1 / 255", "1/255")
    text = re.sub(r"\d+ of \d+ units of '\w+'(, (?=\d))?", "UNITS", text)
    return re.sub(r"\d[\d,]*(\.\d+)?(e[+-]\d+)?|UNITS(UNITS)+", "#", text)


def told_and_said(text, capsys):
    """What the page tells, and what its code says, for each block of text."""
    names, said = {}, ""
    for kind, block in BLOCK.findall(text):
        if kind == "python":
            exec(compile(block, str(PAGE), "exec"), names)
            said = capsys.readouterr().out
        else:
            yield block, said


@pytest.mark.filterwarnings("ignore:.*averages that lag")
def test_the_doctor_says_what_the_page_tells(capsys):
    pairs = list(told_and_said(PAGE.read_text(encoding="utf-8"), capsys))
    assert len(pairs) == 10 and pairs[0][1].strip() == HEALTHY
    for told, said in pairs:
        assert without_numbers(told) == without_numbers(said)
    assert len({without_numbers(said) for _, said in pairs}) >= 7  # each breaks in its own way


def test_only_numbers_are_left_out():
    said = "dead units: 3 of 8 units of 'conv2d', 2 of 4 units of 'dense': not in 352 pictures"
    assert without_numbers(said) == without_numbers(said.replace("352", "1,320"))
    assert without_numbers(said) != without_numbers(said.replace("dead", "alive"))
    assert without_numbers("up to 7.9e+00 of") == without_numbers("up to 812 of") == "up to # of"
