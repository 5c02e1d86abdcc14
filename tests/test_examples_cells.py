"""Every example is a percent script: a program, and a notebook whose cells run one by one in one namespace."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from example_runs import EXAMPLES, environment
from programs import PATIENCE

import minicnn

SMALL = ("--synthetic", "--limit", "300", "--epochs", "1", "--seed", "0", "--output", "out")
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)

# A notebook knows no __file__, and compiles each cell on its own.
NOTEBOOK = """
import re, sys
from pathlib import Path
script, sys.argv = sys.argv[1], sys.argv[1:]
names = {"__name__": "__main__"}
for number, cell in enumerate(re.split(r"(?m)^# %%.*$", Path(script).read_text(encoding="utf-8"))):
    exec(compile(cell, f"cell {number}", "exec"), names)
print("cells:", number + 1)
"""


def cells(path):
    """The text before the first mark, then (title, code) of every cell."""
    before, *parts = re.split(r"(?m)^# %%(.*)$", path.read_text(encoding="utf-8"))
    return before, list(zip(parts[::2], parts[1::2], strict=True))


@each_example
def test_it_is_divided_into_cells_with_titles(path):
    before, parts = cells(path)
    (docstring,) = ast.parse(before).body  # nothing else comes before the first cell
    assert isinstance(docstring, ast.Expr) and f"python examples/{path.name}" in before
    assert len(parts) >= 5
    for title, code in parts:
        assert len(title.strip()) > 10, title
        assert ast.parse(code).body, f"the cell {title!r} has no code"


def finish(program, path, folder, **more):
    command = [sys.executable, *program, str(path), *SMALL]
    done = subprocess.run(
        command, cwd=folder, env=environment(folder, **more), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@each_example
def test_it_runs_as_a_script_on_few_drawn_pictures(path, tmp_path):
    shown = finish([], path, tmp_path)
    assert "SYNTHETIC DATA: drawn shapes, NOT CIFAR-10: as --synthetic asks" in shown
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert "metrics.json" in written and {name.rsplit(".")[-1] for name in written} >= {"png", "safetensors"}
    assert all(name in shown for name in written)


@each_example
def test_its_cells_run_one_by_one_as_in_a_notebook(path, tmp_path):
    root = Path(minicnn.__file__).resolve().parent.parent
    shown = finish(["-c", NOTEBOOK], path, tmp_path, PYTHONPATH=str(root))
    assert shown.splitlines()[-1] == f"cells: {1 + len(cells(path)[1])}"
    assert (tmp_path / "out" / "metrics.json").exists()
