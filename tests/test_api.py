"""docs/api is what `python docs/make_api.py` makes of the docstrings; no public name lacks one."""

import re
import sys
from pathlib import Path

import minicnn

ROOT = Path(minicnn.__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import make_api  # noqa: E402
from docstring_markdown import markdown  # noqa: E402

PAGES = make_api.pages()


def test_the_pages_are_up_to_date():
    there = {path.name: path.read_text(encoding="utf-8") for path in make_api.API.glob("*.md")}
    assert set(there) == set(PAGES), "run python docs/make_api.py"
    assert not [name for name, text in PAGES.items() if there[name] != text], (
        "run python docs/make_api.py"
    )


def test_every_public_name_has_a_docstring():
    assert len(make_api.homes()) > 120
    assert make_api.undocumented() == []


def test_every_module_that_users_import_has_its_page():
    modules = {
        name for name in minicnn.__all__ if isinstance(getattr(minicnn, name), type(minicnn))
    }
    assert {f"{name}.md" for name in modules} <= set(PAGES)


def headings(text):
    """GitHub's anchors of a page."""
    found = {}
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for title in re.findall(
        r"^#+ (.*)$",
        re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL),
        re.MULTILINE,
    ):
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
        yield f"{anchor}-{found[anchor]}".removesuffix("-0")


def test_links_lead_somewhere():
    anchors = {name: set(headings(text)) for name, text in PAGES.items()}
    for name, text in PAGES.items():
        for target in re.findall(r"(?<!\\)\]\((?!https?:)([^)\s]+)\)", text):
            file, _, anchor = target.partition("#")
            assert (make_api.API / file).exists(), (name, target)
            assert not anchor or anchor in anchors[file], (name, target)


def test_a_docstring_as_markdown():
    docstring = """The sum of a and *args.

        y = a * b

    Args:
        a, b: two numbers, or
            more of them.

    Shapes: a, b (N, ...)
    Raises ValueError for `None`.

    >>> 1 + 1
    2
    """
    lines = [line for line in markdown(docstring) if line]
    assert lines == [
        "The sum of a and \\*args.",
        "```text",
        "y = a * b",
        "```",
        "**Args:**",
        "- `a, b`: two numbers, or",
        "  more of them.",
        "**Shapes**: a, b (N, ...)",
        "**Raises** ValueError for `None`.",
        "```pycon",
        ">>> 1 + 1",
        "2",
        "```",
    ]
