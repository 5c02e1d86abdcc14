"""The step that docs/see/network.html begins with: it is what minicnn makes, and is small."""

import sys

import numpy as np
from see_pages import FOLDER

pytest_plugins = ["see_fixtures"]
sys.path.insert(0, str(FOLDER.parent))
import make_trace  # noqa: E402

LARGEST = 30_000  # bytes of a script or page, without the example's numbers
EXAMPLE = 100_000  # bytes of these


def test_the_example_is_what_the_script_makes(traced):
    """Up to rounding, which differs with the processor."""
    made = make_trace.example()
    assert made.rows == traced.rows and list(made.arrays) == list(traced.arrays)
    for name, array in made.arrays.items():
        if not name.endswith("/step"):  # Adam's for a gradient near 0 may have either sign
            np.testing.assert_allclose(array, traced.arrays[name], rtol=0.01, atol=1e-4)
    without = [{k: v for k, v in one.items() if k != "code"} for one in made.reasons.values()]
    assert without == [
        {k: v for k, v in one.items() if k != "code"} for one in traced.reasons.values()
    ]


def test_the_lines_that_the_example_cites_are_where_it_says(traced):
    for name, reason in traced.reasons.items():
        if "code" in reason:
            code = reason["code"]
            lines = (FOLDER.parent.parent / code["file"]).read_text(encoding="utf-8").splitlines()
            start = code["first"] - 1
            found = lines[start : start + len(code["lines"])]
            assert found == code["lines"], f"{name}: run python docs/make_trace.py"


def test_files_are_small():
    for name in ("network.html", "network.js", "network.css"):
        assert (FOLDER / name).stat().st_size < LARGEST
    assert (FOLDER / "network-example.js").stat().st_size < EXAMPLE
    assert (FOLDER / "pictures" / "network.png").stat().st_size < 60_000
