"""Ctrl-C that ends training in good order."""

import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Self


class Interrupt:
    """While this context is open, the first Ctrl-C only sets `requested`; a second one interrupts
    at once, as usual.

    It acts only in the main thread and only where Python's own handler is in place: a program that
    handles the signal itself keeps doing so.

    Args:
        tell: called at the first one, so that nobody wonders whether it was heard.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell
        self.requested = False
        self._installed = False

    def __enter__(self) -> Self:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            try:
                signal.signal(signal.SIGINT, self._handle)
                self._installed = True
            except ValueError:  # not in the main thread, which alone receives signals
                pass
        return self

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            signal.default_int_handler(number, frame)
        self.requested = True
        with suppress(RuntimeError):  # it came in the middle of another message
            self.tell()

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
