"""docs/missing_layers.md invites to write the layers that Keras has and minicnn has not: all of
them.

That its derivatives are right, the page checks itself: tests/test_readme.py runs its code.
"""

import json
import re
from pathlib import Path

import pytest

import minicnn
from minicnn import layers
from minicnn.names.keras_layers import LAYERS

ROOT = Path(minicnn.__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "missing_layers.md").read_text(encoding="utf-8")
INVITED, AWAY = PAGE.split("## What stays away")
KERAS = json.loads((ROOT / "tests" / "golden" / "names.json").read_text(encoding="utf-8"))[
    "modules"
]["layers"]
REFUSED = {name for names, _ in LAYERS for name in names.split()}  # with an error that says so


def invited():
    """The layers in headings, and in the first column of the table."""
    shown = re.findall(r"^### (.*)$|^\| (`.*?) \|", INVITED, re.MULTILINE)
    return [name for pair in shown for name in re.findall(r"`(\w+)", "".join(pair))]


def test_the_page_invites_to_many():
    assert len(invited()) == len(set(invited())) > 20


@pytest.mark.parametrize("name", invited())
def test_whoever_is_invited_writes_what_keras_has_and_minicnn_has_not(name):
    assert not hasattr(layers, name), "it is there: take it off the page"
    assert name in REFUSED and name in KERAS


def test_every_layer_of_keras_that_is_not_there_is_on_the_page():
    missing = {name for name in KERAS if name[0].isupper() and not hasattr(layers, name)}
    away = set(re.findall(r"`(\w+)`", AWAY))
    assert {name for name in missing if not re.search("[13]D", name)} - set(
        invited()
    ) == away & missing
    assert not away & set(invited()) and not [name for name in away if hasattr(layers, name)]


def test_what_it_tells_to_read_is_there():
    for name in re.findall(r"`([A-Z]\w+2D|[A-Z][a-z]+[A-Z]\w+)`", INVITED):
        assert hasattr(layers, name) or name in invited(), name
