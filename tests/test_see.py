"""The files of docs/see: small, without strangers, and true to the source that they quote."""

import re
from html import unescape

import pytest
from see_pages import FOLDER, NAMES

ROOT = FOLDER.parent.parent
LIMIT, PICTURE_LIMIT = 30_000, 40_960  # bytes
each_page = pytest.mark.parametrize("name", NAMES)


def text_of(name):
    return (FOLDER / f"{name}.html").read_text(encoding="utf-8")


@each_page
def test_pages_and_pictures_are_small(name):
    assert len(text_of(name).encode()) < LIMIT
    picture = FOLDER / "pictures" / f"{name}.png"
    assert picture.stat().st_size <= PICTURE_LIMIT
    assert f'src="pictures/{name}.png"' in text_of(name)


def test_what_pages_share_is_small():
    assert sum((FOLDER / f"see.{kind}").stat().st_size for kind in ("css", "js")) < LIMIT


@each_page
def test_a_page_asks_for_nothing_but_what_lies_beside_it(name):
    links = re.findall(r'\b(?:src|href)="([^"]*)"', text_of(name))
    assert sorted(links) == ["data:,", f"pictures/{name}.png", "see.css", "see.js"]
    shared = [(FOLDER / f"see.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")]
    for text in (text_of(name).replace("http://www.w3.org/2000/svg", ""), *shared):
        asking = (
            r"https?://|fetch\(|XMLHttp|import\s*\(|@import|url\(|Beacon|WebSocket|Storage|cookie"
        )
        assert not re.search(asking, text)


@each_page
def test_lines_of_code_are_in_the_source(name):
    quotes = re.findall(r'<pre data-source="([^"]+)">(.*?)</pre>', text_of(name), re.DOTALL)
    assert len(quotes) == 1
    for files, code in quotes:
        source = "".join((ROOT / file).read_text(encoding="utf-8") for file in files.split())
        known = {line.strip() for line in source.splitlines()}
        lines = re.findall(r'<code data-of="[^"]+">(.*?)</code>', code)
        assert len(lines) > 2
        assert [unescape(line) for line in lines if unescape(line) not in known] == []


def test_the_list_has_every_page():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in FOLDER.glob("*.html"))
    assert set(pages) >= {f"{name}.html" for name in NAMES}
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert [page for page in pages if page not in links] == []
    assert [link for link in links if not (FOLDER / link).exists()] == []
    for name in NAMES:
        (row,) = [line for line in readme.splitlines() if f"({name}.html)" in line]
        assert f"(pictures/{name}.png)" in row


def test_every_page_leads_to_the_others():
    shared = (FOLDER / "see.js").read_text(encoding="utf-8")
    listed = re.findall(r"(\w+): \"", shared.partition("const PAGES = {")[2].partition("};")[0])
    assert sorted(f"{name}.html" for name in listed) == sorted(
        path.name for path in FOLDER.glob("*.html")
    )
