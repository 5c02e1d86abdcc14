"""A lesson as a notebook, and the code of one.

Source: "The notebook file format", version 4.5, https://nbformat.readthedocs.io
"""

import json
from typing import Any

from minicnn.errors import DataError
from minicnn.lessons.lesson import Cell, Lesson

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(lesson: Lesson, solved: bool = False) -> str:
    """The text of lesson_N.ipynb."""
    cells = [_cell(cell, number) for number, cell in enumerate(lesson.told(solved), 1)]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    found = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _cell(cell: Cell, number: int) -> dict[str, Any]:
    """A cell; its source is a list of lines that keep their ends, as Jupyter writes it."""
    is_text = cell.kind == "text"
    found: dict[str, Any] = {
        "cell_type": "markdown" if is_text else "code",
        "id": f"cell-{number}",
        "metadata": {},
        "source": cell.source.splitlines(keepends=True),
    }
    return found if is_text else found | {"execution_count": None, "outputs": []}


def code_of(text: str, called: str) -> str:
    """The code cells of a notebook, one after the other; lines for Jupyter alone (%, !) are left
    empty. Raises DataError for what is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{called} expected a notebook, received what cannot be read as one: "
            "minicnn lesson N --notebook writes a new one"
        ) from error
    lines = "\n\n".join(sources).splitlines()
    return "\n".join("" if line.lstrip()[:1] in ("%", "!") else line for line in lines) + "\n"
