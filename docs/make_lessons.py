"""Writes docs/lessons/, a page for each lesson, from minicnn/lessons/texts: `python
docs/make_lessons.py`.

A page is the lesson's text, with the names of files as links, and the solution folded away at its
end, so that nobody reads it by accident. Those who read it here see the same as in a script.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from minicnn.lessons import Cell, Lesson, all_lessons  # noqa: E402

PAGES = ROOT / "docs" / "lessons"
INDEX = "../lessons.md"
FILE = re.compile(r"`((?:minicnn|docs|examples)/[\w/]+\.(?:py|md))`")


def page(lesson: Lesson) -> str:
    """The page of a lesson."""
    title, _, rest = shown(lesson.told(solved=False)).partition("\n\n")
    about = (
        f"*`minicnn lesson {lesson.number}` writes this page as a script, with `--notebook` as a "
        f"notebook. [All lessons]({INDEX}).*"
    )
    solution = f"```python\n{lesson.solution()}\n```"
    folded = f"<details>\n<summary>Solution</summary>\n\n{solution}\n\n</details>"
    return "\n\n".join([title, about, rest, folded, ways(lesson)]) + "\n"


def shown(cells: list[Cell]) -> str:
    """Text as it is, with links, and code in blocks."""
    blocks = [
        FILE.sub(link, cell.source) if cell.kind == "text" else f"```python\n{cell.source}\n```"
        for cell in cells
    ]
    return "\n\n".join(blocks)


def link(file: re.Match) -> str:
    """A file's name as a link to it, from a page in docs/lessons."""
    return f"[{file[1]}](../../{file[1]})"


def ways(lesson: Lesson) -> str:
    """Links to the lesson before and the one after."""
    lessons = all_lessons()
    before, after = lessons[: lesson.number - 1][-1:], lessons[lesson.number :][:1]
    links = [f"Before: [{one.title}]({one.name}.md)" for one in before]
    links += [f"Next: [{one.title}]({one.name}.md)" for one in after]
    return ". ".join(links)


def pages() -> dict[str, str]:
    """The text of every page, by its file's name."""
    return {f"{lesson.name}.md": page(lesson) for lesson in all_lessons()}


if __name__ == "__main__":
    PAGES.mkdir(exist_ok=True)
    for path in PAGES.glob("*.md"):
        path.unlink()
    for name, text in pages().items():
        (PAGES / name).write_text(text, encoding="utf-8")
