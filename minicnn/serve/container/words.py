"""Names that somebody chose, in files that other programs read.

Only `plain` names go where a shell or a container engine takes words; the others are quoted, in
YAML, in a Dockerfile or in Markdown, so that no name can say more than itself.
"""

import re
import unicodedata

LONGEST = 40  # characters of a plain name: Kubernetes adds its own to it, and ends at 63


def plain(name: str) -> str:
    """The name as small letters of ASCII, digits and single hyphens, which begins with a letter:
    what images, Kubernetes, files and shells all take as one word.

    >>> from minicnn.serve.container import words
    >>> words.plain("Café & Bar 2"), words.plain("10 Klassen"), words.plain("猫")
    ('cafe-bar-2', 'model-10-klassen', 'model')
    """
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
    if not found[:1].isalpha():
        found = f"model-{found}"
    return found[:LONGEST].strip("-")


def one_line(name: str) -> str:
    """The name with spaces where a line would end or a character cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def in_yaml(name: str) -> str:
    """The name as a string of YAML, in double quotes, in ASCII; ? for what is no character, which
    names of files may have.
    """
    return '"' + "".join(map(_escaped, name.encode(errors="replace").decode())) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if 32 <= code < 127:
        return character
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def in_dockerfile(name: str) -> str:
    """The name on one line as a word of a Dockerfile, in double quotes, without variables."""
    return '"' + re.sub(r'(["\\$])', r"\\\1", one_line(name)) + '"'


def in_markdown(name: str) -> str:
    """The name on one line as code, in more backticks than stand in it anywhere."""
    text = one_line(name)
    longest = max(map(len, re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    room = " " if text[:1] == "`" or text[-1:] == "`" or not text else ""
    return f"{ticks}{room}{text}{room}{ticks}"
