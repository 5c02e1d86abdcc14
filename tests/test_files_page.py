"""The tables in docs/files.md are what docs/make_files.py writes."""

import sys
from pathlib import Path

import pytest

import minicnn

pytest.importorskip("onnx")
pytest.importorskip("flatbuffers")

ROOT = Path(minicnn.__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import make_files  # noqa: E402


def test_the_tables_are_up_to_date():
    page = make_files.PAGE.read_text(encoding="utf-8")
    assert make_files.written(page) == page, "run python docs/make_files.py"


def test_the_tables_say_what_is_read_and_what_is_written():
    lines = make_files.keras_layers().splitlines()
    assert "| `Conv2D` | `Conv2D` | `kernel`, `bias` | `.keras`, `.h5` |" in lines
    assert "| `ThresholdedReLU` | `ReLU` |  |  |" in lines
    assert "| `groups` | `1` |" in make_files.keras_arguments()
    lines = make_files.operators().splitlines()
    assert "| `Conv2D` | Conv | CONV_2D |" in lines
    assert "| `Dropout` | nothing | nothing |" in lines
    assert "| `RandomCrop` | Slice | SLICE |" in lines
