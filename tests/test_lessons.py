"""Lessons: what is given runs and asks for the rest, solutions pass, mistakes are named, and what
the texts say of the check is what it says.
"""

import contextlib
import io
import json
import re
import sys

import pytest

from minicnn.cli import main
from minicnn.lessons import all_lessons, lesson, work
from minicnn.lessons.lesson import cells_of
from minicnn.lessons.notebook import code_of, notebook
from minicnn.lessons.script import script
from minicnn.lessons.verdict import check

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
    text = "\n\n".join(cell.source for cell in one.told(solved=True) if cell.kind != "text")
    for old, new in places:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    verdicts = checked(one, text, folder)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    assert failed, "nothing is found wrong"
    said = " ".join(" ".join(verdict.told for verdict in failed).split())
    assert " ".join(told.split()) in said, said
