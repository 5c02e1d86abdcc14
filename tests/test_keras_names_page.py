"""The table of names in docs/coming_from_keras.md is what docs/make_keras_names.py writes."""

import sys
from pathlib import Path

import minicnn

ROOT = Path(minicnn.__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import make_keras_names  # noqa: E402


def test_the_table_is_up_to_date():
    page = make_keras_names.PAGE.read_text(encoding="utf-8")
    assert make_keras_names.written(page) == page, "run python docs/make_keras_names.py"


def test_the_table_tells_what_is_there_from_what_is_not():
    lines = make_keras_names.rows("layers", ["Add", "Conv2D", "Conv1D", "Lambda", "add", "get"])
    there, only_here, not_there = lines
    assert there == "| **layers** | Add, Conv2D |"
    assert only_here.startswith("| only here | ") and "Activation" in only_here
    assert not_there == "| not there | Lambda |"  # Conv1D is for no pictures
