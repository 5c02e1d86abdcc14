"""Lessons: what is given runs and asks for the rest, solutions pass, mistakes are named, and what
the texts say of the check is what it says.
"""

import json
import re
import sys
from pathlib import Path

import pytest

from minicnn.lessons import all_lessons, lesson, work
from minicnn.lessons.lesson import cells_of
from minicnn.lessons.notebook import code_of, notebook
from minicnn.lessons.script import script
from minicnn.lessons.verdict import check

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "docs"))
import make_lessons  # noqa: E402

LESSONS = all_lessons()
each_lesson = pytest.mark.parametrize("one", LESSONS, ids=lambda one: one.name)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(one, text, folder):
    """The verdicts on a script."""
    path = folder / f"lesson_{one.number}.py"
    path.write_text(text, encoding="utf-8")
    return list(check(one, path))


def breaks(one):
    """(old and new lines of the solution, the words of the check) of each break in a lesson."""
    text = "\n".join(cell.source for cell in one.cells if cell.kind == "text")
    found = re.findall(r"^```diff\n(.*?)^```\n+```text\n(.*?)^```", text, re.M | re.S)
    return [(changes(diff), told.strip()) for diff, told in found]


def changes(diff):
    """(old lines, new lines) of each place in a diff."""
    places = re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.M)
    return [tuple(re.sub(r"^[-+]", "", part, flags=re.M) for part in place) for place in places]


def written(one):
    """A lesson's code as far as it has been written, without what tries it, which takes longer."""
    end = [cell.kind for cell in one.cells].index("solution")
    code = [cell.source for cell in one.cells[: end + 1] if cell.kind in ("code", "solution")]
    return "\n\n".join(code) + "\n"


BREAKS = [
    pytest.param(one, *broken, id=f"{one.name}-{number}")
    for one in LESSONS
    for number, broken in enumerate(breaks(one), 1)
]


def test_there_are_ten_lessons_with_two_breaks_each():
    assert [one.number for one in LESSONS] == list(range(1, 11))
    assert [one.name[:2] for one in LESSONS] == [f"{n:02}" for n in range(1, 11)]
    assert all(len(breaks(one)) == 2 for one in LESSONS)


@each_lesson
def test_what_a_lesson_is_made_of(one):
    """A drawing, a derivation, lines to write that are few, and where it is in minicnn."""
    kinds = [cell.kind for cell in one.cells]
    assert kinds[0] == "text" and kinds.count("exercise") == 1
    assert kinds[kinds.index("exercise") + 1] == "solution"
    text = one.cells[0].source
    assert text.startswith(f"# Lesson {one.number}: {one.title}\n") and "```text" in text
    all_text = "\n".join(cell.source for cell in one.cells if cell.kind == "text")
    for heading in ("## Write it", "## Try it", "## Check it, and break it", "## In minicnn"):
        assert heading in all_text, heading
    exercise = next(cell.source for cell in one.cells if cell.kind == "exercise")
    written = set(one.solution().splitlines()) - set(exercise.splitlines())
    assert 6 <= len(written) <= 20, f"{len(written)} lines are to be written"


@each_lesson
def test_the_skeleton_runs_and_asks_for_what_is_missing(one, folder):
    path = folder / "lesson.py"
    path.write_text(script(one), encoding="utf-8")
    done = work.run(path)
    assert isinstance(done.error, NotImplementedError)  # of what tries it
    *before, verdict = check(one, path)
    assert before == [] and not verdict.passed
    assert verdict.told.startswith("is still to be written: ") and len(verdict.told) > 50


@each_lesson
def test_the_solution_runs_and_passes(one, folder, capsys):
    verdicts = checked(one, script(one, solved=True), folder)
    assert len(verdicts) >= 2 and all(verdict.passed for verdict in verdicts), verdicts
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err  # what it tries prints, beside the result


@pytest.mark.parametrize("one, places, told", BREAKS)
def test_a_break_is_named_as_the_text_says(one, places, told, folder):
    text = written(one)
    for old, new in places:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    verdicts = checked(one, text, folder)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    assert failed, "nothing is found wrong"
    said = " ".join(" ".join(verdict.told for verdict in failed).split())
    assert " ".join(told.split()) in said, said


# Files


def test_the_pages_are_up_to_date():
    there = {path.name: path.read_text(encoding="utf-8") for path in make_lessons.PAGES.glob("*")}
    assert there == make_lessons.pages(), "run python docs/make_lessons.py"
    index = (make_lessons.ROOT / "docs" / "lessons.md").read_text(encoding="utf-8")
    for one in LESSONS:
        assert f"| {one.number} | [{one.title}](lessons/{one.name}.md) |" in index


@pytest.mark.parametrize("name", make_lessons.pages())
def test_files_that_a_page_names_exist(name):
    text = make_lessons.pages()[name]
    links = re.findall(r"\]\((?!https?:)([^)\s#]+)\)", text)
    assert len(links) >= 3  # the index, a file, a neighbour
    assert not [link for link in links if not (make_lessons.PAGES / link).exists()]
    named = re.findall(r"(?<![\w/.])((?:minicnn|docs|examples)/[\w./]*\w)", text)
    assert not [file for file in named if not (make_lessons.ROOT / file).exists()]


def test_readers_see_the_wrong_line_of_a_break_and_not_the_right_one():
    text = script(lesson(9))
    assert "# return dx + dy\n" in text and "dx + dz\n" not in text.replace(" dx + dz with", "")
    assert "```diff" not in text


@each_lesson
@pytest.mark.parametrize("solved", [False, True])
def test_a_notebook_is_one_of_nbformat_4_5(one, solved):
    """As its schema has it: these keys, and no others."""
    found = json.loads(notebook(one, solved))
    assert set(found) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert {"name", "display_name"} <= set(found["metadata"]["kernelspec"])
    ids = [cell["id"] for cell in found["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", name) for name in ids)
    for cell in found["cells"]:
        keys = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            keys |= {"execution_count", "outputs"}
            assert (cell["execution_count"], cell["outputs"]) == (None, [])
            compile("".join(cell["source"]), "cell", "exec")
        else:
            assert cell["cell_type"] == "markdown"
        assert set(cell) == keys and cell["metadata"] == {}
        assert all(line.endswith("\n") for line in cell["source"][:-1])
    code = [cell.source for cell in one.told(solved) if cell.kind != "text"]
    assert code_of(notebook(one, solved), "it") == "\n\n".join(code) + "\n"


def test_lines_for_jupyter_alone_are_left_out_of_a_notebooks_code():
    cells = [{"cell_type": "code", "source": ["%matplotlib inline\n", "a = 1\n", "!ls"]}]
    assert code_of(json.dumps({"cells": cells}), "it") == "\na = 1\n\n"


def test_cells_keep_their_order_and_empty_ones_are_left_out():
    text = "# A\n\n```python\na\n```\n\n```python exercise\nb\n```\n\n"
    text += "```python solution\nc\n```\nend\n"
    found = [(cell.kind, cell.source) for cell in cells_of(text)]
    assert found == [
        ("text", "# A"),
        ("code", "a"),
        ("exercise", "b"),
        ("solution", "c"),
        ("text", "end"),
    ]
