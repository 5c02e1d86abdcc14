"""Names that try to say more than themselves, where `minicnn export docker` writes them."""

import re
import shlex

import yaml  # as Compose and Kubernetes read
from container_names import HOSTILE
from hypothesis import example, given
from hypothesis import strategies as st

from minicnn.serve.container import words

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def hostile(test):
    """The test, with all hostile names and drawn ones."""
    for name in HOSTILE:
        test = example(name)(test)
    return given(NAMES)(test)


@hostile
def test_a_plain_name_is_one_word_everywhere(name):
    plain = words.plain(name)
    # RFC 1035's label, which Kubernetes asks for; with room for what it adds
    assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", plain) and len(plain) <= 40
    assert shlex.split(plain, comments=True) == [plain]
    assert words.plain(plain) == plain


@hostile
def test_a_name_in_yaml_is_that_name(name):
    line = f"annotations: {{model: {words.in_yaml(name)}}}  # comment"
    assert line.isascii() and "\n" not in line
    assert yaml.safe_load(line) == {"annotations": {"model": name}}


@hostile
def test_a_name_in_a_dockerfile_ends_neither_its_word_nor_its_line(name):
    """Docker takes the next character as it is behind a backslash, and replaces variables."""
    word = words.in_dockerfile(name)
    assert word.isprintable() and re.fullmatch(r'"([^"\\$]|\\["\\$])*"', word)
    assert re.sub(r"\\(.)", r"\1", word[1:-1]) == words.one_line(name)


@hostile
def test_a_name_in_markdown_is_code_to_its_end(name):
    """CommonMark: code ends at a run of as many backticks as it began with."""
    code = words.in_markdown(name)
    ticks = re.match("`+", code)[0]
    inside = code[len(ticks) : -len(ticks)]
    assert code.startswith(ticks) and code.endswith(ticks)
    assert ticks not in re.findall("`+", inside)
    assert inside.strip() == words.one_line(name).strip() and "\n" not in code


def test_what_is_no_character_stays_out():
    """A file's name that is no UTF-8 comes with surrogates, which no file of text can hold."""
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert yaml.safe_load(words.in_yaml(name)) == "caf?"
    assert words.in_dockerfile(name) == '"caf"' and words.in_markdown(name) == "`caf`"
    assert words.plain(name) == "caf"
