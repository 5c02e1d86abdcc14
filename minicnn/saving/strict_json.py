"""JSON from files that may be damaged or meant to do damage: what is read is small, flat, and says
everything once.
"""

import json
from typing import Any

DEPTH = 80  # of objects in objects
PARTS = 50_000  # objects and lists
VALUES = 600_000
WIDE = 2**20  # characters; with one that is not ASCII, each of them may take four bytes


def parse(text: str) -> dict[str, Any]:
    """The object that a text describes. NaN and infinities, which JSON has not, are read as Python
    writes them.

    Raises ValueError when it is none, when a key is there twice, and when it is deeper or has more
        parts than any model needs: a list of empty lists takes twenty times the memory that its
            text takes.
    """
    if text.count("[") + text.count("{") > PARTS or text.count(",") > VALUES:
        raise ValueError(f"expected at most {PARTS:,} objects and {VALUES:,} values")
    if len(text) > WIDE and not text.isascii():
        raise ValueError(f"expected ASCII in more than {WIDE:,} characters")
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("expected no object of such depth") from error
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, received {value!r:.40}")
    level: list[dict | list] = [value]
    depth = 0
    while level:
        if depth >= DEPTH:
            raise ValueError(f"expected at most {DEPTH} objects in one another")
        inner = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
        ]
        for part in inner:
            if isinstance(part, str):
                part.encode()  # UnicodeEncodeError, a ValueError, for half a character
        level, depth = [part for part in inner if isinstance(part, dict | list)], depth + 1
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"expected {twice!r:.40} once, received it twice")
    for name in found:
        name.encode()
    return found
