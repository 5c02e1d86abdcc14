"""A lesson as a percent script: Python, with text in comments, and cells that begin with `# %%`,
which editors run one by one.
"""

from minicnn.lessons.lesson import Cell, Lesson


def script(lesson: Lesson, solved: bool = False) -> str:
    """The text of lesson_N.py."""
    return "\n\n".join(_percent(cell) for cell in lesson.told(solved)) + "\n"


def _percent(cell: Cell) -> str:
    if cell.kind != "text":
        return f"# %%\n{cell.source}"
    lines = [f"# {line}".rstrip() for line in cell.source.splitlines()]
    return "\n".join(["# %% [markdown]", *lines])
