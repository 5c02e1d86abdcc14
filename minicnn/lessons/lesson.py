"""A lesson: text and code in cells, as they stand in texts/NN_name.md.

What stands behind the fence of a block says what it is:

    python              code that is there
    python exercise     what a learner begins with: it raises and says what is to be written
    python solution     the same block, written
    diff                what to break in the solution on purpose

All else is text and drawings. Of a diff, readers see the wrong lines alone: the right ones are
theirs to find, and may look otherwise.
"""

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
FENCE = "`" * 3
BLOCK = re.compile(
    rf"^{FENCE}python( exercise| solution)?\n(.*?)^{FENCE}$", re.MULTILINE | re.DOTALL
)
DIFF = re.compile(rf"^{FENCE}diff\n(.*?)^{FENCE}$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A piece of a lesson: its kind is "text", "code", "exercise" or "solution"."""

    kind: str
    source: str


@dataclass(frozen=True)
class Lesson:
    """What texts/NN_name.md says.

    Attributes:
        number: from 1.
        name: of its file and page, such as 01_dense.
        title: the first heading, without the number.
        cells: in order; each exercise has its solution right behind it.
    """

    number: int
    name: str
    title: str
    cells: tuple[Cell, ...]

    def told(self, solved: bool) -> list[Cell]:
        """The cells that a reader sees: exercises, or the solutions in their place."""
        hidden = "exercise" if solved else "solution"
        return [
            Cell(cell.kind, DIFF.sub(_wrong, cell.source))
            for cell in self.cells
            if cell.kind != hidden
        ]

    def solution(self) -> str:
        """The code that is to be written."""
        return "\n\n".join(cell.source for cell in self.cells if cell.kind == "solution")


def _wrong(diff: re.Match) -> str:
    """The lines that a diff puts in, as Python."""
    lines = [line[1:] for line in diff[1].splitlines() if line[0] == "+"]
    return f"{FENCE}python\n" + textwrap.dedent("\n".join(lines)) + f"\n{FENCE}"


def cells_of(text: str) -> tuple[Cell, ...]:
    """The cells of a lesson's file, empty ones left out."""
    found, end = [], 0
    for block in BLOCK.finditer(text):
        found.append(Cell("text", text[end : block.start()].strip("\n")))
        found.append(Cell((block[1] or " code").strip(), block[2].rstrip("\n")))
        end = block.end()
    found.append(Cell("text", text[end:].strip("\n")))
    return tuple(cell for cell in found if cell.source)


@cache
def all_lessons() -> tuple[Lesson, ...]:
    """All lessons, in order."""
    found = []
    for number, path in enumerate(sorted(TEXTS.glob("*.md")), 1):
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n")[0].partition(": ")[2]
        found.append(Lesson(number, path.stem, title, cells_of(text)))
    return tuple(found)


def lesson(number: int) -> Lesson:
    """The lesson of that number. Raises ValueError where there is none."""
    lessons = all_lessons()
    if not 1 <= number <= len(lessons):
        raise ValueError(
            f"lesson expected a number from 1 to {len(lessons)}, received {number}: "
            "minicnn lesson lists them"
        )
    return lessons[number - 1]
