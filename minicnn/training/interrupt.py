"""Ctrl-C that ends training in good order."""

import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Self


class Interrupt:
    """While this context is open, the first Ctrl-C only sets `requested`; a second one interrupts
    at once, as usual.

    It acts only in the main thread and only where Python's own handler is in place: a program that
    handles the signal itself keeps doing so.

    Args:
        tell: called at the first one, so that nobody wonders whether it was heard.
        launched: whether a launcher of MPI has started this process: that one has the terminal, and
            passes a Ctrl-C on as SIGTERM. So does Slurm when time is up.
    """

    def __init__(self, tell: Callable[[], None], *, launched: bool = False) -> None:
        self.tell = tell
        self.requested = False
        self._usual: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler}
        if launched:
            self._usual[signal.SIGTERM] = signal.SIG_DFL
        self._installed: list[signal.Signals] = []

    def __enter__(self) -> Self:
        for number, usual in self._usual.items():
            if signal.getsignal(number) is usual:
                try:
                    signal.signal(number, self._handle)
                    self._installed.append(number)
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
        for number in self._installed:
            signal.signal(number, self._usual[number])
