"""What is said while kernels are compiled, which takes from a moment to half a minute.

Once per process a line in words, by way of Python's logging. Then a terminal shows every second how
far it is, on a line that is empty again when nothing is being compiled; and a log that is none has
a line every few seconds.
"""

import logging
import sys
from threading import Event, Thread
from time import monotonic

TICK, PATIENCE = 1.0, 4.0  # seconds between two signs of life, on a terminal and in a log

_log = logging.getLogger("minicnn")
_began: float | None = None  # when the first kernel was
_depth = 0  # kernels that are being compiled: one may call another
_done = 0
_over = Event()


def begin(*, kept: bool) -> None:
    """Note that a kernel is about to be compiled. kept: whether later runs will find it."""
    global _began, _depth
    if _began is None:
        _began = monotonic()
        often = (
            "kept for later runs"
            if kept
            else "at every start: no folder can be written to keep them in"
        )
        _log.warning("minicnn: compiling kernels (%s)", often)
    _depth += 1
    if _depth == 1 and _log.isEnabledFor(logging.WARNING):
        _over.clear()
        Thread(target=_tell, args=(_began,), name="minicnn-compiling", daemon=True).start()


def end() -> None:
    """Note that the kernel that was begun last is there."""
    global _depth, _done
    _depth -= 1
    _done += 1
    if _depth == 0:
        _over.set()
        _write("")


def _tell(began: float) -> None:
    """Say now and then how far it is, until it is over."""
    while not _over.wait(TICK if _on_terminal() else PATIENCE):
        text = f"compiling kernels: {_done} done, {monotonic() - began:.0f} s"
        if _on_terminal():
            _write(text)
        else:
            _log.warning("minicnn: %s", text)


def _write(text: str) -> None:
    if _on_terminal():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
