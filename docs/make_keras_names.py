"""Write the table of names in coming_from_keras.md, of what modules have and of Keras' own list.

    python docs/make_keras_names.py

Keras' names are those in tests/golden/names.json and applications.json. Functions that a class does
the work of too, such as add and Add, and names of no use for pictures are left out.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
import minicnn  # noqa: E402
from minicnn.names.words import instead  # noqa: E402

PAGE = ROOT / "docs" / "coming_from_keras.md"
BEGIN, END = "<!-- written by docs/make_keras_names.py -->\n", "<!-- end -->\n"
GOLDEN = ROOT / "tests" / "golden"
BY_CLASS = "layers losses metrics optimizers initializers regularizers constraints callbacks"
BY_NAME = "activations schedules applications datasets utils"
NO_USE = "minicnn classifies pictures"  # so says the advice on layers for text, sequences, volumes
PLUMBING = {"get", "serialize", "deserialize", "schedules", "legacy"}


def keras_names() -> dict[str, list[str]]:
    """What each of Keras' modules has."""
    modules = json.loads((GOLDEN / "names.json").read_text(encoding="utf-8"))["modules"]
    networks = json.loads((GOLDEN / "applications.json").read_text(encoding="utf-8"))["names"]
    return modules | {"applications": [name for name in networks if name[0].isupper()]}


def rows(module: str, keras: list[str]) -> list[str]:
    """Lines of the table: what is there, what is only here, what is not there."""
    ours = [name for name in import_module(f"minicnn.{module}").__all__ if name not in PLUMBING]
    if module in [*BY_CLASS.split(), "applications"]:
        ours, keras = ([name for name in names if name[0].isupper()] for names in (ours, keras))
    there = [name for name in ours if name in keras]
    more = [name for name in ours if name not in keras]
    missing = [
        name
        for name in keras
        if name not in ours and name not in PLUMBING and NO_USE not in instead(name, module, [])
    ]
    parts = {f"**{module}**": there, "only here": more, "not there": missing}
    return [f"| {title} | {', '.join(sorted(names))} |" for title, names in parts.items() if names]


def table() -> str:
    """The table, of the modules that both have."""
    modules, lines = keras_names(), ["| | |", "|---|---|"]
    for module in f"{BY_CLASS} {BY_NAME}".split():
        if module in [*minicnn.__all__, "schedules"] and module in modules:
            lines += rows(module, modules[module])
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with the table in it."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
