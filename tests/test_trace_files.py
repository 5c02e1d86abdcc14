"""Files of steps: every bit of explain.trace is written, and read back."""

import json

import numpy as np
import pytest
from trace_cases import CASES, bits, small

from minicnn import explain
from minicnn.explain.tracing import exact


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_a_file_has_every_bit(make, tmp_path):
    model, x, y = make()
    traced = explain.trace(model, x, y)
    found = explain.load_trace(traced.save(tmp_path / "step.json"))
    assert (found.about, found.rows) == (traced.about, traced.rows)
    assert found.reasons == traced.reasons
    assert list(found.arrays) == list(traced.arrays)
    for name, array in traced.arrays.items():
        assert bits(found.arrays[name]) == bits(array)
    assert repr(explain.why(found, "dense/kernel", (0, 0))) == repr(
        explain.why(traced, "dense/kernel", (0, 0))
    )
    assert traced.to_dict() == json.loads((tmp_path / "step.json").read_text())


def test_any_float32_is_read_back_as_itself():
    """Also what lies in the middle between two, and what JSON has no word for."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    special = np.array([0.0, -0.0, 1e-45, -1e-45, 3.4028235e38, np.inf, -np.inf, np.nan], "f4")
    for array in (drawn[~np.isnan(drawn)], special, np.array(0.1, "f4"), np.array([[1 / 3]])):
        values = json.loads(exact.text_of(array), parse_constant=pytest.fail)
        found = exact.array_of(values, list(array.shape), array.dtype.name)
        assert bits(found) == bits(array)
    assert exact.text_of(np.float32([0.1, np.nan])) == '[0.1,"NaN"]'
    assert exact.text_of(np.array([True, False])) == "[1,0]"


def test_equal_arrays_are_written_once(tmp_path):
    model, x, y = small()
    file = explain.trace(model, x, y).save(tmp_path / "step.json")
    arrays = json.loads(file.read_text())["arrays"]
    assert arrays["dense/dy"] == {"same": "loss/dx"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read as one"),
        ("[1, 2]", "cannot be read as one"),
        ("{}", "cannot be read as one ('format')"),
        ('{"format": "minicnn trace", "version": 9}', "version 9"),
        ('{"format": "other", "version": 1}', "it says 'other'"),
        (
            '{"format": "minicnn trace", "version": 1, "about": {}, "rows": [], "reasons": {}, '
            '"arrays": {"a": {"shape": [3], "dtype": "float32", "values": [1, 2]}}}',
            "cannot reshape",
        ),
        (
            '{"format": "minicnn trace", "version": 1, "about": {}, "rows": [], "reasons": {}, '
            '"arrays": {"a": {"shape": [1], "dtype": "object", "values": [1]}}}',
            "expected numbers of type",
        ),
    ],
)
def test_a_file_that_is_no_trace_says_so(text, says, tmp_path):
    file = tmp_path / "step.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="load_trace expected a file of minicnn trace") as error:
        explain.load_trace(file)
    assert says in str(error.value)
    print(error.value)
