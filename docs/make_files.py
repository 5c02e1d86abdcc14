"""Write the tables of layers in files.md, of what minicnn/saving/keras has words for.

python docs/make_files.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from minicnn.layers import LAYERS  # noqa: E402
from minicnn.saving.keras import layers, operations, telling  # noqa: E402

PAGE = ROOT / "docs" / "files.md"
BEGIN, END = "<!-- written by docs/make_files.py: {} -->\n", "<!-- end: {} -->\n"


def keras_layers() -> str:
    """Layers in files of Keras: what they become here, and whether they are written."""
    lines = ["| layer of Keras | here | weights, in order | written to |", "|---|---|---|---|"]
    for name, kind in sorted(layers.KINDS.items()):
        weights = ", ".join(f"`{one.partition('?')[0]}`" for one in kind.weights)
        old = "" if name in telling.NEW_LAYERS else ", `.h5`"
        written = f"`.keras`{old}" if kind.layer == name else ""
        lines.append(f"| `{name}` | `{kind.layer}` | {weights} | {written} |")
    only = sorted({cls.__name__ for cls in LAYERS.values()} - layers.KINDS.keys())
    lines.append(f"| | {', '.join(f'`{name}`' for name in only)} | | |")
    return "\n".join(lines) + "\n"


def keras_arguments() -> str:
    """Arguments that minicnn has not, with the values that change nothing."""
    lines = ["| argument of Keras | read when it is |", "|---|---|"]
    for name, values in sorted(layers.EXTRA.items()):
        told = ["anything" if one is layers.ANY else f"`{one!r}`" for one in values]
        lines.append(f"| `{name}` | {', '.join(told)} |")
    lines.append("| any other that minicnn's layer does not take | `None` |")
    return "\n".join(lines) + "\n"


def keras_operations() -> str:
    """Operations between layers."""
    names = ", ".join(f"`{name}`" for name in operations.KINDS)
    old = ", ".join(f"`{name}`" for name in operations.FUNCTIONS)
    return f"Keras 3: {names}.\n\nKeras 2: {old}.\n"


TABLES = {
    "layers": keras_layers,
    "arguments": keras_arguments,
    "operations": keras_operations,
}


def written(page: str) -> str:
    """The page with the tables as they are to be."""
    for name, table in TABLES.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{table()}{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
