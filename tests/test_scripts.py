"""Scripts for Keras run with their imports changed, and leave what they leave on Keras.

The scripts are in tests/scripts; golden/make_scripts.py ran them on Keras.
"""

import json
from typing import Any

import pytest
from golden import make_scripts as recipe

import minicnn

GOLDEN = json.loads(recipe.GOLDEN.read_text())
CLOSE = 1e-5  # of losses and other numbers, relative
WARNINGS = [  # of what is on purpose: small data, drawn weights, and files that are not Keras'
    ".*averages that lag",
    ".*safetensors",
]


def same(received: Any, expected: Any, where: str) -> None:
    """Numbers agree, all else is equal."""
    if isinstance(expected, dict):
        assert received.keys() == expected.keys(), where
        for key in expected:
            same(received[key], expected[key], f"{where}: {key}")
    elif isinstance(expected, list):
        assert len(received) == len(expected), where
        for number, parts in enumerate(zip(received, expected, strict=True)):
            same(*parts, f"{where}[{number}]")
    elif isinstance(expected, float):
        assert received == pytest.approx(expected, rel=CLOSE, abs=1e-6), where
    else:
        assert received == expected, where


@pytest.mark.parametrize("name", recipe.NAMES)
@pytest.mark.filterwarnings(*(f"ignore:{warning}" for warning in WARNINGS))
def test_a_script_leaves_what_it_leaves_on_keras(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, load_data in recipe.data_sets(minicnn).items():
        monkeypatch.setattr(module, "load_data", load_data)
    same(recipe.run(name, "minicnn"), GOLDEN[name], name)


def test_there_are_enough_of_them_and_only_imports_are_changed():
    assert len(recipe.NAMES) >= 25 and set(GOLDEN) == set(recipe.NAMES)
    for name in recipe.NAMES:
        source = (recipe.SCRIPTS / f"{name}.py").read_text(encoding="utf-8").splitlines()
        changed = recipe.redirected("\n".join(source), "minicnn").splitlines()
        lines = [old for old, new in zip(source, changed, strict=True) if old != new]
        assert lines and all(line.startswith(("import keras", "from ")) for line in lines)
        assert "minicnn" not in "".join(source)
