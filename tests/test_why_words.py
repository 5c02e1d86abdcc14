"""What explain.why says: value, sum, terms, the line of code; what is wrong with a question."""

from pathlib import Path

import pytest
from trace_cases import CASES, convolution

from minicnn import explain
from minicnn.explain.tracing import lines, place
from minicnn.explain.tracing.sums import Named, read

ROOT = Path(__file__).parent.parent


def test_the_text_says_value_sum_terms_and_line():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    found = explain.why(traced, "conv2d/kernel", (0, 1, 0, 3))
    lines = found.to_text().splitlines()
    assert lines[0] == f"conv2d/kernel/gradient[0, 1, 0, 3] = {found.value:.9g}"
    assert lines[1].startswith("  sum over n, i, j of x[n, i*SH - top + kh*DH, ")
    assert lines[1].endswith("with SH = 2, SW = 1, DH = 1, DW = 2, top = 1, left = 2")
    assert lines[2].startswith(f"  {len(found.terms)} terms, with the sum ")
    assert lines[2].endswith(("the same but for rounding", "the same number"))
    biggest = found.largest(1)[0]
    assert lines[3] == f"    {biggest.value:+.6g} = {biggest}"
    assert lines[-4].endswith(f"of {len(found.terms) - 8} smaller ones")
    assert lines[-3] == "  indices of input/output and conv2d/dy: picture, row, column, channel"
    assert lines[-2].startswith("  computed at minicnn/layers/conv2d.py:")
    assert "patches.transpose" in lines[-1]
    assert found.to_dict()["recomputed"] == found.recomputed
    assert repr(found) == found.to_text()


def test_the_line_is_the_one_that_is_named(monkeypatch):
    """Every line that is cited has in it what its explainer was looking for, in a file that is
    there.
    """
    cited = []

    def checked(where, text):
        found = lines.line_of(where, text)
        line = found["lines"][found["line"] - found["first"]]
        assert text in line, (where, text)
        path = ROOT / found["file"]
        assert path.read_text(encoding="utf-8").splitlines()[found["line"] - 1] == line
        cited.append(found["file"])
        return found

    monkeypatch.setattr(place, "line_of", checked)
    for make in CASES.values():
        for optimizer in ("adam", "sgd", "rmsprop"):
            explain.trace(*make(), optimizer)
    assert len(set(cited)) > 25


def test_padding_has_no_terms():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    found = explain.why(traced, "conv2d/patches", (0, 0, 0))
    assert found.terms == [] and found.recomputed == found.value == 0
    assert "no term at this place: it is 0" in found.to_text()


# What goes wrong


def test_an_unknown_name_and_a_place_outside():
    model, x, y = convolution()
    traced = explain.trace(model, x, y)
    for name, index, says in (
        ("conv2/kernel", (0, 0, 0, 0), "received 'conv2/kernel'. Did you mean 'conv2d/"),
        ("conv2d/kernel", (0, 0, 0, 4), "from (0, 0, 0, 0) to (2, 2, 1, 3), received (0, 0, 0, 4)"),
        ("conv2d/kernel", (0, 0, 0, -1), "received (0, 0, 0, -1)"),
        ("conv2d/kernel", (0, 0), "of shape (3, 3, 2, 4)"),
        ("conv2d/bias", "a", "received 'a'"),
        ("conv2d/bias", 1.5, "received 1.5"),
        ("loss/value", (0,), "(), it is one number, received (0,)"),
    ):
        with pytest.raises(ValueError, match="explain.why expected") as error:
            explain.why(traced, name, index)
        print(error.value)
        assert says in str(error.value)
    assert explain.why(traced, "conv2d/bias", 1).index == (1,)


@pytest.mark.parametrize(
    "text", ["x[n] + x[n]", "x[n, n]", "sinus(x[n])", "x[n * n]", "2 / x[n]", "x[0.5]"]
)
def test_a_formula_that_is_none_says_so(text):
    with pytest.raises(ValueError, match="a formula expected products") as error:
        read(text, "", {"x": Named("a/output", (3,))}, {})
    print(error.value)
