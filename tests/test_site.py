"""The site: its navigation is docs/README.md, and what leads nowhere is an error.

Sphinx itself is only needed by the last tests.
"""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from programs import PATIENCE

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs" / "site"))
from links import problems  # noqa: E402
from navigation import sections, toctrees  # noqa: E402
from spelling import other_spellings  # noqa: E402

MAP = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
SECTIONS = "Start, See, Build it yourself, Use it, How it is fast, Reference, Results".split(", ")
needs_sphinx = pytest.mark.skipif(
    not all(map(find_spec, ("sphinx", "myst_parser", "furo"))), reason="Sphinx is not installed"
)


def test_the_map_has_the_sections_in_their_order():
    found = [name for name in sections(MAP) if ":" not in name]
    assert found == [name for name in SECTIONS if name in found] and len(found) >= 6


def test_every_page_is_in_the_navigation():
    listed = {page for pages in sections(MAP).values() for page in pages}
    pages = {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
        if path.parent.name not in ("api", "lessons")  # below api/README.md and lessons.md
    }
    assert pages - listed == {"README"}
    assert {"api/README", "../CONTRIBUTING", "../CHANGELOG", "../SECURITY"} <= listed


def test_a_map_becomes_tables_of_contents():
    text = """# Map

## Use it

### Deploy

- [Serve](serve.md): an [engine](engine.md) on
- [Afar](https://example.org/page.md)
- [Security](../SECURITY.md#report)

## Start

- [Serve](serve.md) again
- [First](first.md)
"""
    assert sections(text) == {
        "Use it": {},
        "Use it: Deploy": {"serve": "Serve", "../SECURITY": "Security"},
        "Start": {"first": "First"},
    }
    made = toctrees(text, "docs")
    assert ":caption: Use it: Deploy\n\nServe </docs/serve>\nSecurity </SECURITY>\n```" in made
    assert ":caption: Use it\n" not in made


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Batch normalisation, normalised.", ["normalization", "normalized"]),
        ("BatchNormalization and the optimizers", ["batchnormalisation", "optimisers"]),
        ("normalisation is normalization", []),
        ("colours, greyscale", ["colors", "grayscale"]),
        ("a raised size, a normal optimum, precise, realised", []),
    ],
)
def test_words_have_their_other_spelling(text, other):
    assert other_spellings(text) == other


def test_links_that_lead_somewhere_are_no_problem(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "a.css").write_text("a { background: url(data:image/png;base64,AA) }")
    (tmp_path / "below" / "b.html").write_text("<h1 id='top'>B</h1>")
    (tmp_path / "a.html").write_text(
        "<link rel='stylesheet' href='a.css?v=1'><a href='below/b.html#top'>b</a>"
        "<a href='https://example.org'>afar</a><a href='#here'></a><p id='here'><a href=''>.</a>"
    )
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<a href='b.html'>b</a>", "a.html: b.html: there is no such file"),
        ("<img src='b.png'>", "a.html: b.png: there is no such file"),
        ("<a href='#there'>b</a>", "a.html: #there: there is no such anchor"),
        ("<a href='../a.html'>b</a>", "a.html: ../a.html: leads out of the site"),
        ("<script src='//x.org/a.js'></script>", "a.html loads //x.org/a.js from elsewhere"),
        ("<link href='https://x.org/a.css'>", "a.html loads https://x.org/a.css from elsewhere"),
    ],
)
def test_what_leads_nowhere_or_loads_from_afar_is_told(tmp_path, html, told):
    (tmp_path / "a.html").write_text(html)
    assert problems(tmp_path) == [told]


def test_styles_load_nothing_from_afar(tmp_path):
    (tmp_path / "a.css").write_text("@font-face { src: url('https://x.org/a.woff2') }")
    assert problems(tmp_path) == ["a.css loads https://x.org/a.woff2 from elsewhere"]


def made_of(folder, pages):
    """A copy of what makes the site, with these pages, and how making it ended."""
    for path in [*(ROOT / "docs" / "site").glob("*.*"), ROOT / "docs" / "make_site.py"]:
        (folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.relative_to(ROOT))
    (folder / "minicnn").mkdir()
    (folder / "minicnn" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    for name, text in pages.items():
        (folder / name).write_text(text)
    command = [sys.executable, "docs/make_site.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


START = {
    "README.md": "# Start\n\n[a page](docs/one.md#the-end), [a file](minicnn/__init__.py)\n",
    "docs/README.md": "# Map\n\n## Use it\n\n- [One](one.md)\n",
    "docs/one.md": "# One\n\n## The end\n",
}


@needs_sphinx
def test_a_small_site_is_made(tmp_path):
    made = made_of(tmp_path, START)
    assert made.returncode == 0, made.stderr
    site = tmp_path / "build" / "site"
    assert made.stdout == f"{site / 'index.html'}: open it in a browser\n"
    start = (site / "index.html").read_text()
    assert 'href="docs/one.html#the-end"' in start and "Use it" in start
    assert 'href="source/minicnn/__init__.py.html"' in start
    assert "1.2.3" in (site / "source" / "minicnn" / "__init__.py.html").read_text()


@needs_sphinx
def test_the_search_finds_either_spelling(tmp_path):
    page = {"docs/one.md": "# One\n\n## The end\n\nof normalisation\n"}
    assert made_of(tmp_path, START | page).returncode == 0
    index = (tmp_path / "build" / "site" / "searchindex.js").read_text()
    words = index.replace('"', "")  # their stems: normalisation, and normalization
    assert "normalis:" in words and "normal:" in words


@needs_sphinx
def test_ready_pages_lead_back(tmp_path):
    (tmp_path / "docs" / "see").mkdir(parents=True)
    (tmp_path / "docs" / "see" / "a.html").write_text("<main><h1>A</h1></main>")
    map_of_it = "# Map\n\n## See\n\n- [See](see/README.md)\n\n## Use it\n\n- [One](one.md)\n"
    pages = {"docs/see/README.md": "# See\n\n[A](a.html)\n", "docs/README.md": map_of_it}
    made = made_of(tmp_path, START | pages)
    assert made.returncode == 0, made.stderr
    see = tmp_path / "build" / "site" / "docs" / "see"
    assert 'href="README.html"' in (see / "a.html").read_text() and (see / "README.html").exists()


@needs_sphinx
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("docs/one.md", "# One\n\n## The end\n\n[b](two.md)\n", "two.md"),
        ("docs/one.md", "# One\n\n## Another end\n", "the-end"),
        ("docs/two.md", "# Two\n", "isn't included in any toctree"),
    ],
)
def test_a_broken_link_and_a_page_that_nobody_finds_are_errors(tmp_path, name, text, told):
    made = made_of(tmp_path, START | {name: text})
    assert made.returncode == 1 and told in made.stderr
    assert "make_site.py expected no warning, received those above" in made.stderr


@needs_sphinx
def test_a_folder_of_another_kind_is_left_alone(tmp_path):
    (tmp_path / "build" / "site").mkdir(parents=True)
    (tmp_path / "build" / "site" / "thesis.txt").write_text("years")
    made = made_of(tmp_path, START)
    assert made.returncode == 1 and "choose another" in made.stderr
    assert (tmp_path / "build" / "site" / "thesis.txt").read_text() == "years"
