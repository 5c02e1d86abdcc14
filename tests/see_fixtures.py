"""Fixtures for the tests of docs/see: the browser, a page in it, a server that has the folder."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from chromium import forget, started, visit
from network_page import example
from see_pages import FOLDER, resize

from minicnn import explain


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """The browser; skips where there is none."""
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def address():
    """Where a server on this machine has the folder, and the paths that it was asked for."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

        def end_headers(self):
            self.send_header("Cache-Control", "no-store")
            super().end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=FOLDER))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()


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
