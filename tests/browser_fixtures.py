"""The browser, for all tests of a module; it asks for it with pytest_plugins."""

import pytest
from chromium import started


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """The browser; skips where there is none."""
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
