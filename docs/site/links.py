"""Checks the pages of a site as files: links and anchors lead somewhere, nothing comes from afar.

What Sphinx checks are the links that authors write. Here all counts that a browser would follow or
load, also in pages that Sphinx has not made.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"script", "img", "iframe", "source", "video", "audio", "embed"}  # by src, unasked
STYLES = re.compile(r"@import\s+[\"']|url\(\s*[\"']?(?!data:|#)([^\"')]+)")


class Page(HTMLParser):
    """The anchors of a page, the addresses that it links to, and those that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {given[name] or "" for name in ("id", "name") if name in given}
        if "href" in given:
            (self.loads if tag == "link" else self.links).append(given["href"] or "")
        if tag in LOADED and "src" in given:
            self.loads.append(given["src"] or "")


def is_foreign(address: str) -> bool:
    """Whether it leads out of the folder: https://..., mailto:..., //host/..."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def problems(site: Path) -> list[str]:
    """A sentence for each address in a folder of HTML that leads nowhere, or loads from afar."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    found = []
    for path, page in sorted(pages.items()):
        where = path.relative_to(site).as_posix()
        found += [f"{where} loads {a} from elsewhere" for a in page.loads if foreign_load(a)]
        local = [a for a in dict.fromkeys(page.links + page.loads) if not is_foreign(a)]
        found += [f"{where}: {a}: {why}" for a in local if (why := broken(site, path, a, pages))]
    for path in sorted(site.rglob("*.css")):
        addresses = STYLES.findall(path.read_text(encoding="utf-8"))
        where = path.relative_to(site).as_posix()
        found += [f"{where} loads {a} from elsewhere" for a in addresses if is_foreign(a)]
    return found


def foreign_load(address: str) -> bool:
    return is_foreign(address) and not address.startswith("data:")


def broken(site: Path, page: Path, address: str, pages: dict[Path, Page]) -> str | None:
    """Why a local address leads nowhere."""
    parts = urlsplit(address)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(site):
        return "leads out of the site"
    if not target.is_file():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "there is no such anchor"
    return None
