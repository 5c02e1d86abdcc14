"""An end for code that may never come to one."""

import contextlib
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from time import process_time

TICK = 0.1  # seconds between two looks at the clock


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the body when it has computed for so long.

    It is the processor's time that counts, so that a busy machine stops nobody. A thread interrupts
    the main one as Ctrl-C does; a Ctrl-C of the user's stays one. In a browser, where no thread can
    be started, there is no limit.
    """
    late, done, begun = threading.Event(), threading.Event(), process_time()

    def watch() -> None:
        while not done.wait(TICK):
            if process_time() - begun > seconds:
                late.set()
                return interrupt_main()

    with contextlib.suppress(RuntimeError):
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except KeyboardInterrupt as error:
        if not late.is_set():
            raise
        told = f"has not ended after {seconds:g} seconds: is there a loop that never ends?"
        raise TimeoutError(told).with_traceback(error.__traceback__) from None
    finally:
        done.set()
