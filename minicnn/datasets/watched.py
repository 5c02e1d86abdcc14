"""HTTP that a faulty server cannot make endless: one clock and one count over all that a transfer
does.

http.client watches each read from the socket alone, so that a server that sends one byte every few
seconds (of the status line, of headers, of `100 Continue` responses, of a chunk's size, of
trailers) keeps it waiting for days. Here all reads of a transfer, over its redirects, its proxy and
its encryption, ask one Watch how long they may still take.
"""

import http.client
import io
import socket
import threading
import time
import urllib.request
from concurrent.futures import Future
from functools import partial
from typing import Any

SLOWEST = 1024  # bytes of the file per second, over `timeout` seconds: slower counts as stalled
# bytes beside the file, and the file's size once more: for headers, and for the sizes of chunks
ROOM = 1 << 20


class Watch:
    """The clock and the count of one transfer.

    The file must begin within `timeout` seconds, and from then on each SLOWEST * timeout bytes of
    it have as long. All that is received may be at most 2 * size + ROOM bytes.
    """

    def __init__(self, timeout: float, size: int):
        self.timeout, self.size = timeout, size
        self.room = 2 * size + ROOM
        self.responses: list[http.client.HTTPResponse] = []
        self.begin(0)

    def close(self) -> None:
        """Let go of what was left open when something went wrong."""
        for response in self.responses:
            response.close()

    def begin(self, done: int) -> None:
        """The file itself begins, after the first `done` bytes."""
        self.done, self.due = done, done + SLOWEST * self.timeout
        self.deadline = time.monotonic() + self.timeout

    def progress(self, done: int) -> None:
        """So many bytes of the file are there."""
        self.done = done
        if done >= self.due:
            self.begin(done)

    def left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError after it."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise self.late()
        return seconds

    def received(self, count: int) -> None:
        """So many bytes came in, of whatever kind. Raises OSError when all of them are too many."""
        self.room -= count
        if self.room < 0:
            raise OSError(
                f"much more was sent than a file of {self.size} bytes, of which came {self.done}"
            )

    def late(self) -> TimeoutError:
        return TimeoutError(
            f"timed out: less than {SLOWEST} bytes per second for {self.timeout:g} seconds, "
            f"after {self.done} of {self.size} bytes"
        )

    def connect(self, address: tuple[str, int], *options: Any) -> socket.socket:
        """As socket.create_connection, which waits for the look-up of the name, and for each
        address that it has.
        """
        future: Future[socket.socket] = Future()

        def create() -> None:
            try:
                future.set_result(socket.create_connection(address, *options))
            except (OSError, ValueError) as error:  # ValueError: no name that could be looked up
                future.set_exception(error)

        threading.Thread(target=create, daemon=True).start()
        try:
            made = future.result(self.left())
        except TimeoutError:
            future.add_done_callback(_close)  # should it come after all
            raise self.late() from None
        made.settimeout(self.timeout)  # for what is sent, and for the start of encryption
        return made


def _close(future: Future[socket.socket]) -> None:
    if not future.exception():
        future.result().close()


class _Received(io.RawIOBase):
    """The bytes that come out of a socket."""

    def __init__(self, sock: socket.socket, watch: Watch):
        self.sock, self.watch = sock, watch
        self.file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self.sock.settimeout(self.watch.left())
        try:
            count = self.file.readinto(buffer)
        except TimeoutError:
            raise self.watch.late() from None
        self.watch.received(count or 0)
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response, also that of a proxy, that is read under watch."""

    def __init__(self, watch: Watch, sock: socket.socket, *args: Any, **kwargs: Any):
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Received(sock, watch))
        watch.responses.append(self)


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens http and https addresses under watch."""

    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, http.client.HTTPConnection), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, http.client.HTTPSConnection), req)

    def _connection(
        self, kind: type[http.client.HTTPConnection], host: str, **options: Any
    ) -> http.client.HTTPConnection:
        connection = kind(host, **options)
        hooks = {
            "_create_connection": self.watch.connect,
            "response_class": partial(_Response, self.watch),
        }
        vars(connection).update(hooks)  # how http.client connects, and what reads its responses
        return connection


def opener(watch: Watch, *handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    """urllib's opener, with proxies and all, under watch."""
    return urllib.request.build_opener(_Handler(watch), *handlers)
