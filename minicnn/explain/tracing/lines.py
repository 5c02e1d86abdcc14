"""Where in the source a number is computed."""

import inspect
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).resolve().parents[3]  # the folder that minicnn/ is in
ABOVE, BELOW = 4, 5  # lines around the one that is meant


@cache
def line_of(where: Any, text: str) -> dict[str, Any] | None:
    """The first line of a function or module that has that text in it, and some around it: "file",
    "line", and "first" and "lines" of the excerpt. Without one that has it, the first line. Of
    returns it is the last that returns something: those before are for special cases.

    None where there is no source, as of what was typed into a console.
    """
    try:
        lines, first = inspect.getsourcelines(where)
        path = inspect.getsourcefile(where)
    except (OSError, TypeError):
        return None
    first = max(first, 1)  # a module's is 0
    having = [n for n, line in enumerate(lines) if text in line and '"""' not in line]
    if text == "return":
        having = [n for n in having[::-1] if lines[n].strip() != "return None"]
    place = having[0] if having else 0
    start, end = max(0, place - ABOVE), place + BELOW + 1
    return {
        "file": shown(path or ""),
        "line": first + place,
        "first": first + start,
        "lines": [line.rstrip("\n") for line in lines[start:end]],
    }


def shown(path: str) -> str:
    """minicnn/layers/conv2d.py; of a file elsewhere its name alone."""
    whole = Path(path).resolve()
    if whole.is_relative_to(PACKAGE / "minicnn"):
        return whole.relative_to(PACKAGE).as_posix()
    return whole.name


def method(owner: Any, name: str) -> Any:
    """The function that an object's class runs under that name."""
    found = getattr(owner if isinstance(owner, ModuleType) else type(owner), name, None)
    return inspect.unwrap(found) if callable(found) else owner
