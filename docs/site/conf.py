"""How Sphinx makes a site of README.md and docs/: `python docs/make_site.py` runs it.

The pages are the Markdown files as they are, with the links that work in a clone. Four things are
added: the navigation, which is what docs/README.md lists; a page for each file of the repository
that is linked, with its source; the pages in docs/see, which are HTML already; and for the search
the other spelling of words that have two.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
ROOT = HERE.parent.parent
from navigation import toctrees  # noqa: E402
from spelling import other_spellings  # noqa: E402

project = "minicnn"
author = "The minicnn authors"
release = re.findall(r'__version__ = "(.*)"', (ROOT / "minicnn/__init__.py").read_text("utf-8"))[0]

extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "*.md",
    "docs/**.md",
    "benchmarks/README.md",
    "minicnn/engine/README.md",
]
exclude_patterns = [".*", "build", "dist", "runs", "data", "tests"]
myst_heading_anchors = 4  # those of GitHub: "## The ladder" is #the-ladder
suppress_warnings = ["myst.header"]  # a page may go from # to ###

smartquotes = False  # they would curl the quotation marks of code in prose

html_theme = "furo"
pygments_dark_style = "github-dark"
html_title = f"minicnn {release}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it fetches pages, which browsers refuse to pages from a folder
html_show_sphinx = html_show_copyright = False

BACK = '<p><a href="README.html">What these pages are, and the way back</a></p>'
LANGUAGES = {".py": "python", ".json": "json", ".jsonl": "json", ".toml": "toml", ".cff": "yaml"}


def add_navigation(_app: Sphinx, page: str, source: list[str]) -> None:
    """The start page gets what docs/README.md lists, lessons.md the pages in lessons/ ..."""
    if page == root_doc:
        source[0] += toctrees((ROOT / "docs" / "README.md").read_text(encoding="utf-8"), "docs")
        return
    below = page.removesuffix("/README")
    if below != "docs" and len(list((ROOT / below).glob("*.md"))) > 1:
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n/{below}/*\n```\n"


def lead_to_sources(app: Sphinx, tree: nodes.document) -> None:
    """A link to a text that is no page leads to one that shows it; a page of HTML is what it is."""
    page = app.env.current_document.docname
    for link in list(tree.findall(addnodes.download_reference)):
        path = ((ROOT / page).parent / link["reftarget"]).resolve().relative_to(ROOT)
        address = link["reftarget"]
        if path.suffix == ".png":  # Sphinx copies it
            continue
        if path.suffix != ".html":
            app.env.shown_files.add(path)
            address = app.builder.get_relative_uri(page, f"source/{path.as_posix()}")
        link.replace_self(nodes.reference("", "", *link.children, refuri=address))


def add_spellings(_app: Sphinx, tree: nodes.document) -> None:
    """The words of a page in their other spelling, where the search looks too."""
    if words := other_spellings(tree.astext()):
        tree += nodes.meta("", name="keywords", content=", ".join(words))


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The pages of all files that are linked."""
    for path in sorted(app.env.shown_files):
        text = (ROOT / path).read_text(encoding="utf-8")
        language = LANGUAGES.get(path.suffix, "text")
        shown = app.builder.highlighter.highlight_block(text, language)
        body = f"<h1>{escape(path.as_posix())}</h1>{shown}"
        yield f"source/{path.as_posix()}", {"title": path.as_posix(), "body": body}, "page.html"


def add_ready_pages(app: Sphinx, failure: Exception | None) -> None:
    """The pages that are HTML already; index.html, which is the start page, as browsers want it."""
    if failure:
        return
    out = Path(app.outdir)
    shutil.copyfile(out / f"{root_doc}.html", out / "index.html")
    if (ROOT / "docs" / "see").exists():
        shutil.copytree(
            ROOT / "docs/see",
            out / "docs/see",
            ignore=shutil.ignore_patterns("*.md"),
            dirs_exist_ok=True,
        )
        for page in (out / "docs/see").glob("*.html"):
            if page.stem != "README":  # which is Sphinx' own
                text = page.read_text(encoding="utf-8")
                page.write_text(text.replace("</main>", f"{BACK}</main>"), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """What Sphinx calls with every build."""
    app.connect("builder-inited", lambda app: setattr(app.env, "shown_files", set()))
    app.connect("source-read", add_navigation)
    app.connect("doctree-read", lead_to_sources, priority=400)  # before files are copied, at 500
    app.connect("doctree-read", add_spellings)
    app.connect("html-collect-pages", source_pages)
    app.connect("build-finished", add_ready_pages)
