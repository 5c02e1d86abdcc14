"""`minicnn lesson`: lists lessons, writes one as a file, and looks at what has been written."""

import argparse
from dataclasses import asdict
from pathlib import Path

from minicnn.cli.common import show, writing
from minicnn.lessons import Lesson, all_lessons, lesson
from minicnn.lessons.notebook import notebook
from minicnn.lessons.script import script
from minicnn.lessons.verdict import check


def run(options: argparse.Namespace) -> int:
    """Do what is asked for; 1 when a check has found something wrong."""
    if options.number is None:
        return _list(options)
    chosen = lesson(options.number)
    if options.check is not None:
        return _check(options, chosen)
    if options.solution and options.output is None:
        show(options, {"lesson": chosen.number, "solution": chosen.solution()}, chosen.solution())
        return 0
    return _write(options, chosen)


def _list(options: argparse.Namespace) -> int:
    """Print the titles."""
    asked = [name for name in ("check", "solution", "notebook", "output") if getattr(options, name)]
    if asked:
        raise ValueError(
            f"--{asked[0]} expected the number of a lesson before it, such as minicnn lesson 1 "
            f"--{asked[0]}"
        )
    lessons = all_lessons()
    lines = [f"{one.number:>3}  {one.title}" for one in lessons]
    lines += ["", "minicnn lesson 1 writes the first one as lesson_1.py"]
    titles = [{"lesson": one.number, "title": one.title} for one in lessons]
    show(options, {"lessons": titles}, "\n".join(lines))
    return 0


def _check(options: argparse.Namespace, chosen: Lesson) -> int:
    """Print a line per step, as soon as it is known; 1 if one has failed."""
    for name in ("notebook", "output"):
        if getattr(options, name):
            raise ValueError(f"--{name} expected no --check beside it: name the file after --check")
    path, verdicts = _given(options, chosen), []
    for verdict in check(chosen, path):
        verdicts.append(verdict)
        if not options.json:
            print(verdict, flush=True)
    passed = all(verdict.passed for verdict in verdicts)
    result = {"lesson": chosen.number, "file": str(path), "passed": passed}
    result["checks"] = [asdict(verdict) for verdict in verdicts]
    if options.json or passed:
        show(options, result, _next(chosen))
    return 0 if passed else 1


def _given(options: argparse.Namespace, chosen: Lesson) -> Path:
    """The file to look at. Raises FileNotFoundError where there is none."""
    named = isinstance(options.check, Path)
    script_path = Path(f"lesson_{chosen.number}.py")
    choices = [options.check] if named else [script_path, script_path.with_suffix(".ipynb")]
    for path in choices:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"--check expected {' or '.join(map(str, choices))}, which is not there: "
        f"minicnn lesson {chosen.number} writes it"
    )


def _next(chosen: Lesson) -> str:
    """What is said when all is right."""
    if chosen.number == len(all_lessons()):
        return f"Lesson {chosen.number} is done, and it was the last one"
    following = lesson(chosen.number + 1)
    return (
        f"Lesson {chosen.number} is done. The next one is {following.title}: "
        f"minicnn lesson {following.number}"
    )


def _write(options: argparse.Namespace, chosen: Lesson) -> int:
    """Write a script or a notebook, unless somebody's work lies there."""
    as_notebook = options.notebook or (options.output or Path()).suffix == ".ipynb"
    text = (notebook if as_notebook else script)(chosen, options.solution)
    name = f"lesson_{chosen.number}.{'ipynb' if as_notebook else 'py'}"
    path = options.output or Path(name)
    if path.exists() and not (path.is_file() and path.read_bytes() == text.encode()):
        raise ValueError(
            f"{path} is there already, and something has been written in it: "
            f"--output OTHER writes the lesson beside it, --check looks at what is there"
        )
    with writing(path):
        path.write_text(text, encoding="utf-8", newline="\n")
    result = {"lesson": chosen.number, "saved": str(path)}
    look = f"minicnn lesson {chosen.number} --check"
    look += "" if str(path) == name else f" {path}"
    how = "open it in Jupyter" if as_notebook else "open it in an editor"
    done = "with the solution" if options.solution else f"{how}, write what is missing, and {look}"
    show(options, result, f"Saved {path}, {chosen.title}: {done}")
    return 0
