"""`minicnn lesson`: what it lists, writes and says, and what it refuses."""

import json
import signal
import sys
import threading
import time

import pytest

from minicnn.cli import main
from minicnn.lessons import lesson, work
from minicnn.lessons.limit import within
from minicnn.lessons.script import script


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(capsys, *arguments):
    """(exit code, stdout, stderr) of `minicnn lesson ...`."""
    code = main(["lesson", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_the_list(capsys):
    code, out, _ = ran(capsys)
    assert code == 0 and "  1  A dense layer\n" in out and " 10  A tile of the engine\n" in out
    code, out, _ = ran(capsys, "--json")
    assert code == 0 and json.loads(out)["lessons"][1]["title"].startswith("ReLU")


def test_a_lesson_from_the_first_line_to_the_last(here, capsys):
    code, out, _ = ran(capsys, 2)
    assert code == 0 and out.startswith("Saved lesson_2.py, ReLU, and why a derivative is a mask: ")
    code, out, _ = ran(capsys, 2, "--check")
    assert code == 1 and out.startswith("FAIL  ReLU forward   is still to be written: forward of")
    (here / "lesson_2.py").write_text(script(lesson(2), solved=True), encoding="utf-8")
    code, out, err = ran(capsys, 2, "--check")
    assert code == 0 and "FAIL" not in out and "MyReLU: y" in err
    assert out.endswith("The next one is Softmax and cross-entropy: minicnn lesson 3\n")


def test_a_notebook_is_written_and_checked(here, capsys):
    assert ran(capsys, 1, "--notebook")[:2] == (
        0,
        "Saved lesson_1.ipynb, A dense layer: open it in Jupyter, write what is missing, and "
        "minicnn lesson 1 --check\n",
    )
    code, out, _ = ran(capsys, 1, "--check")  # found, as there is no script
    assert code == 1 and "is still to be written" in out
    (here / "lesson_1.ipynb").unlink()
    ran(capsys, 1, "--solution", "--output", "solved.ipynb")
    code, out, _ = ran(capsys, 1, "--check", "solved.ipynb", "--json")
    found = json.loads(out)
    assert code == 0 and found["passed"] and found["file"] == "solved.ipynb"
    assert [one["name"] for one in found["checks"]] == ["forward", "backward"]


def test_the_solution_is_printed_or_written(here, capsys):
    code, out, _ = ran(capsys, 5, "--solution")
    assert code == 0 and out == lesson(5).solution() + "\n" and list(here.iterdir()) == []
    assert json.loads(ran(capsys, 5, "--solution", "--json")[1])["solution"] in out
    ran(capsys, 5, "--solution", "--output", "mine.py")
    assert (here / "mine.py").read_text(encoding="utf-8") == script(lesson(5), solved=True)


def test_work_is_never_overwritten(here, capsys):
    ran(capsys, 1)
    assert ran(capsys, 1)[0] == 0  # nothing has been written in it yet
    path = here / "lesson_1.py"
    path.write_text(path.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    code, out, err = ran(capsys, 1)
    assert (code, out) == (2, "") and path.read_text(encoding="utf-8").endswith("# mine\n")
    assert err == (
        "minicnn lesson: lesson_1.py is there already, and something has been written in it: "
        "--output OTHER writes the lesson beside it, --check looks at what is there\n"
    )
    assert ran(capsys, 1, "--output", "other.py")[0] == 0
    (here / "folder").mkdir()
    assert ran(capsys, 1, "--output", "folder")[0] == 2


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ([11], 2, "lesson expected a number from 1 to 10, received 11: minicnn lesson lists them"),
        (
            [3, "--check"],
            3,
            "--check expected lesson_3.py or lesson_3.ipynb, which is not there: minicnn lesson 3 "
            "writes it",
        ),
        (
            [3, "--check", "no.py"],
            3,
            "--check expected no.py, which is not there: minicnn lesson 3 writes it",
        ),
        (
            ["--solution"],
            2,
            "--solution expected the number of a lesson before it, such as minicnn lesson 1 "
            "--solution",
        ),
        (
            [1, "--check", "--output", "a.py"],
            2,
            "--output expected no --check beside it: name the file after --check",
        ),
        (
            [1, "--output", "no/a.py"],
            2,
            "--output expected a path that can be written, received no/a.py: No such file or "
            "directory",
        ),
    ],
)
def test_what_is_refused(arguments, code, message, capsys):
    assert ran(capsys, *arguments) == (code, "", f"minicnn lesson: {message}\n")


@pytest.mark.parametrize("number", ["0", "four", "-1"])
def test_what_is_no_number_is_wrong_usage(number, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["lesson", number])
    assert stopped.value.code == 2 and "usage: minicnn" in capsys.readouterr().err


# Files that are not what they should be


def test_damaged_files(here, capsys):
    (here / "a.ipynb").write_text('{"cells": 3}', encoding="utf-8")
    code, out, err = ran(capsys, 1, "--check", "a.ipynb")
    assert (code, out) == (3, "") and "a.ipynb expected a notebook, received what cannot be" in err
    (here / "a.py").write_bytes(b"\xff\xfe\x00")
    code, out, err = ran(capsys, 1, "--check", "a.py")
    assert (code, out) == (3, "") and "a.py expected Python or a notebook, received what" in err


@pytest.mark.parametrize(
    "text, told",
    [
        ("x = 1\ndef f(:\n    pass\n", "FAIL  the file       line 2: SyntaxError: invalid syntax"),
        ("x = 1\nx.y\n", "FAIL  the file       line 2: AttributeError: 'int' object has no"),
        ("import sys\nsys.exit(3)\n", "FAIL  the file       line 2: SystemExit: 3"),
        (
            "",
            "FAIL  forward        lesson_1.py expected to define MyDense, which it does not: keep",
        ),
        ("MyDense = None\n", "FAIL  forward        TypeError: 'NoneType' object is not callable"),
    ],
)
def test_a_file_that_fails_is_told_where(text, told, here, capsys):
    (here / "lesson_1.py").write_text(text, encoding="utf-8")
    code, out, err = ran(capsys, 1, "--check")
    assert code == 1 and out.startswith(told) and err == ""


def line_of(text, part):
    """The number of the line where a part of a text ends."""
    return text[: text.index(part) + len(part)].rstrip("\n").count("\n") + 1


def changed(number, old, new):
    """A lesson's solution with other lines."""
    text = script(lesson(number), solved=True)
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    "number, old, new, told",
    [
        (
            3,
            "return loss, dlogits / N",
            "return loss",
            "softmax_cross_entropy expected to return loss, dlogits, received float64",
        ),
        (
            5,
            "    return y\n",
            "    pass\n",
            "y expected numbers, received None: does it end with return?",
        ),
        (5, "    return y\n", "    return y[0]\n", "y expected the shape (2, 5, 5, 4), received"),
        (5, "return y\n", "return y + 1e-3\n", "and no usual mistake explains it: y["),
        (1, '("bias", ', '("offset", ', "params expected kernel, bias, received kernel, offset"),
        (1, "x @ self.params", "x.T @ self.params", "line {}: ValueError: matmul: "),
        (10, "np.empty((OW, F), x.dtype)", "np.empty((OW, F))", "z expected float32, as x is"),
    ],
)
def test_other_mistakes_are_told_too(number, old, new, told, here, capsys):
    text = changed(number, old, new).partition("try:\n")[0]  # nothing is compiled
    (here / "lesson.py").write_text(text, encoding="utf-8")
    code, out, _ = ran(capsys, number, "--check", "lesson.py")
    assert code == 1 and told.format(line_of(text, new)) in " ".join(out.split())


def test_what_a_layer_prints_while_it_is_checked_is_no_result(here, capsys):
    text = changed(
        1, "        x = self.accept(x)\n", "        x = self.accept(x)\n        print(7)\n"
    )
    (here / "lesson_1.py").write_text(text, encoding="utf-8")
    code, out, err = ran(capsys, 1, "--check", "--json")
    assert code == 0 and json.loads(out)["passed"] and "\n7\n7\n" in err


def test_a_neighbour_can_be_imported_and_dataclasses_work(here):
    (here / "other.py").write_text("a = 5\n", encoding="utf-8")
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\nimport other\n"
    text += "@dataclass\nclass A:\n    a: int = other.a\n"
    (here / "mine.py").write_text(text, encoding="utf-8")
    before = list(sys.path)
    done = work.run(here / "mine.py")
    assert done.error is None and done.take("A")().a == 5
    assert sys.path == before and "mine" not in sys.modules


# Loops that do not end


@pytest.mark.parametrize(
    "number, old, new, told",
    [
        (
            1,
            "rng = np",
            "while True:\n    pass\nrng = np",
            "FAIL the file line {}: has not ended after 0.5",
        ),
        (
            5,
            "    return y\n",
            "    while len(x) == 2:\n        pass\n    return y\n",
            "FAIL strides of 1 line {}: ",
        ),
    ],
)
def test_a_loop_that_does_not_end_is_ended(number, old, new, told, here, capsys, monkeypatch):
    monkeypatch.setattr(work, "SECONDS", 0.5)
    monkeypatch.setattr("minicnn.lessons.verdict.SECONDS", 0.5)
    text = changed(number, old, new)
    (here / "lesson.py").write_text(text, encoding="utf-8")
    code, out, _ = ran(capsys, number, "--check", "lesson.py")
    loop = line_of(text, "    pass\n")
    told = told.format(loop), told.format(loop - 1)  # in the body or at the condition
    said = " ".join(out.split())
    assert (
        code == 1 and said.startswith(told) and "seconds: is there a loop that never ends?" in said
    )


def test_only_computing_counts_and_ctrl_c_stays_ctrl_c():
    with within(0.3):
        time.sleep(0.6)
    with pytest.raises(KeyboardInterrupt), within(60):
        signal.raise_signal(signal.SIGINT)
    assert threading.active_count() < 20
