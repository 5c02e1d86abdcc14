"""Every >>> in the package's docstrings prints what stands below it.

An example takes for granted that a user has typed `import numpy as np` and `from minicnn import *`.
"""

import doctest
import importlib
import pkgutil
from importlib.util import find_spec

import numpy as np
import pytest

import minicnn

IMPORTED = {"np": np} | {name: getattr(minicnn, name) for name in minicnn.__all__}
MODULES = ["minicnn"] + [
    found.name
    for found in pkgutil.walk_packages(minicnn.__path__, "minicnn.")
    if not found.name.endswith("__main__")
    and (find_spec("optuna") or not found.name.startswith("minicnn.tune"))  # which is Optuna's
]


def examples():
    """A test for each docstring with examples, which may also use what its own module has."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in MODULES:
        module = importlib.import_module(name)
        yield from (
            test for test in finder.find(module, name, extraglobs=IMPORTED) if test.examples
        )


EXAMPLES = list(examples())


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name.removeprefix("minicnn."))
def test_examples_print_what_they_say(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    doctest.DocTestRunner().run(test, out=said.append)
    assert not said, "".join(said)


def test_there_are_many():
    """Of the names that users type, those that an example helps most with."""
    assert len(EXAMPLES) >= 60
