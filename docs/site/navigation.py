"""The navigation of the site: what docs/README.md lists, under its headings."""

import re
from posixpath import join, normpath

HEADING = re.compile(r"^(##+) (.+)$")
ENTRY = re.compile(r"^- \[([^]]+)\]\(([^):#]+)\.md(?:#[^)]*)?\)")  # an item that begins with a link


def sections(text: str) -> dict[str, dict[str, str]]:
    """For each heading of the map its pages, {"first_steps": "First steps"}; a page counts once.

    A heading of the third level has the name of the one above before it: "Use it: deploy".
    """
    found: dict[str, dict[str, str]] = {}
    above, seen = "", set()
    for line in text.splitlines():
        if heading := HEADING.match(line):
            level, name = heading.groups()
            above = name if level == "##" else above
            found[name if level == "##" else f"{above}: {name}"] = pages = {}
        elif (entry := ENTRY.match(line)) and entry[2] not in seen:
            seen.add(entry[2])
            pages[entry[2]] = entry[1]
    return found


def toctrees(text: str, folder: str) -> str:
    """Sphinx' hidden tables of contents, in MyST, of a map that lies in that folder."""
    found = {"": {"README": "All pages, by purpose"}} | sections(text)
    made = [toctree(name, pages, folder) for name, pages in found.items() if pages]
    return "\n\n" + "\n\n".join(made) + "\n"


def toctree(caption: str, pages: dict[str, str], folder: str) -> str:
    """One of them; without a caption where that is empty."""
    options = [":hidden:", f":caption: {caption}" if caption else ""]
    entries = [f"{title} </{normpath(join(folder, page))}>" for page, title in pages.items()]
    return "\n".join(["```{toctree}", *filter(None, options), "", *entries, "```"])
