"""Connections that slow and boundless clients cannot hold, and that end in order.

uvicorn lets a client take all the time in the world for a request's headers, and send any number
of bytes that are no body: headers that never end, chunk extensions, trailers. So what came since a
request began is counted here, and the server looks now and then which connections take too long.
A client that is cut is told why where it can still listen: before its request was answered.

When the server stops, a connection at rest stays open for a moment: its next request may be on the
way already, and is answered then.

Source: RFC 9110, section 15.5; RFC 9112, sections 9.3 and 9.6.
"""

import asyncio
import http
import json
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from minicnn.serve.limits import Limits

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:  # httptools, in C, parses faster, and need not be there
    HttpToolsProtocol = None  # type: ignore[assignment, misc]

# seconds, when the server stops, for a request that may be on its way: the first one of a
# connection, for which a busy client takes its time, and a later one
FIRST, LATER = 2.0, 0.3
SPARE = 1.0  # for answers to be sent to who takes the time that is allowed
OVERHEAD = 2  # bytes that may be sent for a byte of a body: it comes in chunks

if TYPE_CHECKING:
    Base = H11Protocol
else:
    Base = object


class Guarded(Base):
    """What is added to uvicorn's protocols; `limits` is set by `protocol`."""

    limits = Limits()
    _began: float | None = None  # since when a request is expected, or on its way
    _received = 0  # bytes since then
    _stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        # headers and body are two writes, of which the second would wait for 40 milliseconds;
        # asyncio sees to that for sockets of a named protocol only, which accepted ones have not
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._began = monotonic()
        if len(self.connections) > self.limits.connections:
            self.refuse(503, f"the server expected at most {self.limits.connections} connections")

    def data_received(self, data: bytes) -> None:
        """Count bytes before they are parsed, and look afterwards what they have begun."""
        if self.transport.is_closing():
            return
        rested = self._at_rest()
        if rested and self._began is None:
            self._began, self._received = monotonic(), 0
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._at_rest():
            if self._received > OVERHEAD * self.limits.body + self.limits.header:
                self.transport.abort()
            if self._stopping:
                self.cycle.keep_alive = False
        elif not rested:  # the rest of a request that was answered before
            self._began = None
        elif self._received > self.limits.header:
            self._refuse_headers()

    def on_response_complete(self) -> None:
        """The next request begins when its first byte comes, or has come already."""
        if self._whole():
            self._received = 0
        super().on_response_complete()
        self._began = None if self._at_rest() else monotonic()

    def check(self, now: float) -> None:
        """Cut a client that has taken too long by that time."""
        limits = self.limits
        if self._began is None:
            return
        took = now - self._began
        if not self._at_rest():
            if took > limits.header_seconds + limits.body_seconds + limits.answer_seconds + SPARE:
                self.transport.abort()
        elif took > limits.header_seconds:
            if self._received:
                self.refuse(
                    408, f"the headers expected to be there in {limits.header_seconds:g} seconds"
                )
            else:
                self.transport.abort()

    def forgive(self, seconds: float) -> None:
        """Do not count so many seconds, in which nothing could be read."""
        if self._began is not None:
            self._began += seconds

    def shutdown(self) -> None:
        """End when what was asked is answered, and what may be on the way."""
        self._stopping = True
        if self._at_rest():
            self.loop.call_later(FIRST if self.cycle is None else LATER, self._end_if_at_rest)
        else:
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """What uvicorn sends where a request cannot be understood, or its parser has enough."""
        if self._at_rest() and self._received > self.limits.header:
            self._refuse_headers()
            return
        self.refuse(400, "the server expected a request of HTTP/1.1, received something else")

    def refuse(self, status: int, sentence: str) -> None:
        """Tell why, and hang up; without a word where another answer is still to be sent."""
        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps({"error": sentence}).encode()
            head = (
                f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
                "connection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            self.transport.close()
        else:
            self.transport.abort()

    def _refuse_headers(self) -> None:
        self.refuse(431, f"the headers expected at most {self.limits.header} bytes")

    def _at_rest(self) -> bool:
        """Whether no request is being received or answered, but for headers that are not whole."""
        return self._whole() and (self.cycle is None or self.cycle.response_complete)

    def _whole(self) -> bool:
        """Whether all of the last request whose headers are there has been received."""
        raise NotImplementedError

    def _end_if_at_rest(self) -> None:
        if self._at_rest() and not self.transport.is_closing():
            self.transport.close()


class GuardedH11(Guarded, H11Protocol):
    """uvicorn's parser in Python."""

    def _whole(self) -> bool:
        return self.conn.their_state is not h11.SEND_BODY


if HttpToolsProtocol is not None:

    class GuardedHttpTools(Guarded, HttpToolsProtocol):  # type: ignore[misc]
        """uvicorn's parser in C."""

        _complete = True

        def on_headers_complete(self) -> None:
            """The parser has found the headers."""
            self._complete = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            """The parser has found the end of the body."""
            self._complete = True
            super().on_message_complete()

        def _whole(self) -> bool:
            return self._complete


def protocol(limits: Limits) -> type[Any]:
    """The class of connections with those limits, by the faster parser that is there."""
    base = GuardedH11 if HttpToolsProtocol is None else GuardedHttpTools
    return type("Connection", (base,), {"limits": limits})
