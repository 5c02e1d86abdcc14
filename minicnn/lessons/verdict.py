"""What a check says of a learner's file, step by step."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from minicnn.lessons.checks import CHECKS
from minicnn.lessons.checks.step import Step
from minicnn.lessons.lesson import Lesson
from minicnn.lessons.limit import within
from minicnn.lessons.work import SECONDS, Work, run


@dataclass(frozen=True)
class Verdict:
    """One thing that was looked at; str() is a line, or several."""

    name: str
    passed: bool
    told: str

    def __str__(self) -> str:
        first, *others = self.told.splitlines() or [""]
        line = f"{'PASS' if self.passed else 'FAIL'}  {self.name:<14} {first}"
        return "\n".join([line, *(f"{'':21}{other}" for other in others)])


def check(lesson: Lesson, path: Path) -> Iterator[Verdict]:
    """Run a learner's file, and say what is right, as soon as it is known, to the first thing that
    is not: what follows builds on it.

    Raises FileNotFoundError and DataError for a file that cannot be read.
    """
    work = run(path)
    if work.error is not None and not isinstance(work.error, NotImplementedError):
        yield Verdict("the file", False, said(work, work.error))
    if isinstance(work.error, SyntaxError | TimeoutError):
        return
    for step in CHECKS[lesson.number](work):
        verdict = _judged(work, step)
        yield verdict
        if not verdict.passed:
            return


def _judged(work: Work, step: Step) -> Verdict:
    """What comes of a step; whatever the learner's code prints goes to stderr."""
    try:
        with within(SECONDS), contextlib.redirect_stdout(sys.stderr):
            return Verdict(step.name, True, step.call())
    except NotImplementedError as error:
        told = f"is still to be written: {error}"
    except AssertionError as error:
        told = str(error)
    except Exception as error:
        told = said(work, error)
    return Verdict(step.name, False, told)


def said(work: Work, error: BaseException) -> str:
    """An error in a learner's file, with its line."""
    line = work.line_of(error)
    if isinstance(error, SyntaxError):
        return f"{line}SyntaxError: {error.msg}"
    if isinstance(error, TimeoutError):
        return f"{line}{error}"
    return f"{line}{type(error).__name__}: {error}"
