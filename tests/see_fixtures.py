"""Fixtures for the tests of docs/see: the browser, a page in it, a server that has the folder."""

import pytest
from chromium import forget, visit
from hosting import hosted
from network_page import example
from see_pages import FOLDER, resize

from minicnn import explain

pytest_plugins = ["browser_fixtures"]


@pytest.fixture(scope="module")
def address():
    """Where a server on this machine has the folder, and a list of what it was asked."""
    with hosted(FOLDER) as (url, asked):
        yield url, asked


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The step that network.html begins with, as minicnn reads it."""
    file = tmp_path_factory.mktemp("example") / "example.json"
    file.write_text(example(), encoding="utf-8")
    return explain.load_trace(file)


@pytest.fixture
def page(request, browser):
    """The page that the test names, opened from file://; no message when
    it is left.
    """
    name = request.param
    resize(browser, 1280)
    visit(browser, "about:blank")
    forget(browser)
    visit(browser, (FOLDER / f"{name}.html").as_uri())
    yield browser
    assert browser.get_log("browser") == []
