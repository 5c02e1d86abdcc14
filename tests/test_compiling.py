"""What is said while kernels are compiled, on a terminal and in a log."""

import io
import logging
from threading import Event

import pytest

from minicnn.machine import compiling


class Screen(io.StringIO):
    """A stderr that tells when something of interest is written."""

    def __init__(self, terminal: bool, word: str) -> None:
        super().__init__()
        self.terminal, self.word, self.seen = terminal, word, Event()

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        if self.word in text:
            self.seen.set()
        return super().write(text)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """As in a process that has not compiled anything."""
    for name, value in (
        ("_began", None),
        ("_depth", 0),
        ("_done", 0),
        ("TICK", 0.01),
        ("PATIENCE", 0.01),
    ):
        monkeypatch.setattr(compiling, name, value)
    yield
    compiling._over.set()


def screen(monkeypatch, *, terminal: bool, word: str) -> Screen:
    found = Screen(terminal, word)
    monkeypatch.setattr("sys.stderr", found)
    handler = logging.StreamHandler(found)
    logger = logging.getLogger("minicnn")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    return found


def test_a_terminal_shows_how_far_it_is_and_is_left_clean(monkeypatch):
    stderr = screen(monkeypatch, terminal=True, word="1 done")
    compiling.begin(kept=True)
    compiling.begin(kept=True)  # the first calls the second
    compiling.end()
    assert stderr.seen.wait(60)
    compiling.end()
    said = stderr.getvalue()
    assert said.startswith("minicnn: compiling kernels (kept for later runs)\n")
    assert "\r\x1b[Kcompiling kernels: 1 done, 0 s" in said
    assert said.count("minicnn:") == 1, "once"


def test_a_log_has_lines(monkeypatch):
    stderr = screen(monkeypatch, terminal=False, word="0 done")
    compiling.begin(kept=False)
    assert stderr.seen.wait(60)
    compiling.end()
    first, second, *_ = stderr.getvalue().splitlines()
    assert (
        first
        == "minicnn: compiling kernels (at every start: no folder can be written to keep them in)"
    )
    assert second == "minicnn: compiling kernels: 0 done, 0 s"
    assert "\r" not in stderr.getvalue()


def test_whoever_wants_no_warnings_has_none(monkeypatch):
    stderr = screen(monkeypatch, terminal=True, word="done")
    logger = logging.getLogger("minicnn")
    monkeypatch.setattr(logger, "level", logging.ERROR)
    logger.manager._clear_cache()
    try:
        compiling.begin(kept=True)
        compiling.end()
        assert stderr.getvalue().strip("\r\x1b[K") == ""
    finally:
        monkeypatch.undo()
        logger.manager._clear_cache()
