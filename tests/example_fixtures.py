"""Fixtures for the tests of examples; a test module asks for them with pytest_plugins."""

from pathlib import Path

import pytest
from example_runs import ARGUMENTS, run


@pytest.fixture(scope="session")
def as_script(tmp_path_factory):
    """Each example, run once for all tests: call it with a name for its folder and its output."""
    finished = {}

    def result(name):
        if name not in finished:
            folder = tmp_path_factory.mktemp(Path(name).stem)
            done = run(name, folder, *ARGUMENTS[name])
            assert done.returncode == 0, done.stderr
            finished[name] = folder, done
        return finished[name]

    return result
