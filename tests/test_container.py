"""The folder that `minicnn export docker` writes: its files, read by other programs where there are
some, and names that try to say more than themselves.
"""

import base64
import csv
import hashlib
import io
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import minicnn
from minicnn import cli
from minicnn.serve.container import folder, wheel, words

yaml = pytest.importorskip("yaml", reason="reads the files as Compose and Kubernetes do")

PACKAGE = Path(minicnn.__file__).parent
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
HOSTILE = [
    "",
    "猫",
    "-rf",
    "no",
    "a" * 200,
    '"; rm -rf / #',
    "$(touch x)`touch y`",
    "a\nUSER root\n",
    "a: b, {c: [d]} # e",
    "x\x00\x1b[31m\x85\u2028\ufeff",
    "\\",
    "```",
    "😀",
]


def hostile(test):
    """The test, with all hostile names and drawn ones."""
    for name in HOSTILE:
        test = example(name)(test)
    return given(NAMES)(test)


# Names


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
    """Docker splits words as a shell does, and replaces variables in them."""
    word = words.in_dockerfile(name)
    assert "\n" not in word and word.isprintable()
    assert not re.search(r"(?<!\\)(\\\\)*\$", word)
    assert shlex.split(word) == [words.one_line(name)]


@hostile
def test_a_name_in_markdown_is_code_to_its_end(name):
    """CommonMark: code ends at a run of as many backticks as it began with."""
    code = words.in_markdown(name)
    ticks = re.match("`+", code)[0]
    inside = code[len(ticks) : -len(ticks)]
    assert code.startswith(ticks) and code.endswith(ticks)
    assert ticks not in re.findall("`+", inside)
    assert inside.strip() == words.one_line(name).strip() and "\n" not in code
