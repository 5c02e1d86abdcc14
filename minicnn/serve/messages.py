"""A request and a response, as the handlers see them, over ASGI.

A dozen routes need no web framework: what a handler asks for is a header, the query and the body,
and what it gives back is a status, some headers and bytes.

Source: ASGI specification, HTTP connection scope, version 2.3.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from minicnn.serve.limits import Limits
from minicnn.serve.problems import Problem, busy

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
QUESTIONS = 16  # names in a query


class Gone(Exception):
    """The client has hung up; nobody waits for an answer."""


@dataclass
class Held:
    """Bytes of the bodies of all requests that are being answered."""

    bytes: int = 0


class Request:
    """What a client asks.

    Args:
        scope, receive: of ASGI.
        limits: what it may cost.
        held: counts its body, until `forget`.
    """

    def __init__(self, scope: Scope, receive: Receive, limits: Limits, held: Held):
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.limits, self._query, self._receive = limits, scope["query_string"], receive
        self._held, self._own = held, 0
        # of a header that is there twice, both: neither would be what somebody else takes it for
        self.headers: dict[str, str] = {}
        self.header_bytes = len(scope.get("raw_path") or b"") + len(self._query)
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self.header_bytes += len(name) + len(value) + 4
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    @cached_property
    def query(self) -> dict[str, str]:
        """Names and values behind the question mark.

        Raises Problem for what is no UTF-8, and for a name that is there twice.
        """
        try:
            pairs = parse_qsl(
                self._query.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=QUESTIONS,
            )
        except ValueError:
            raise Problem(
                400, f"the query expected at most {QUESTIONS} names with values in UTF-8"
            ) from None
        if len(dict(pairs)) < len(pairs):
            raise Problem(400, "the query expected every name once, received one of them twice")
        return dict(pairs)

    @property
    def content_type(self) -> str:
        """image/jpeg of "image/jpeg; q=1"."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def body(self) -> bytes:
        """All of its bytes. Raises Problem when they are too many or come too slowly."""
        most = self.limits.body
        announced = self.headers.get("content-length", "0")
        if not announced.isdecimal() or len(announced) > 15 or int(announced) > most:
            raise _too_large(most, announced)
        parts = []
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while True:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        raise Gone
                    part = message.get("body", b"")
                    self._own += len(part)
                    self._held.bytes += len(part)
                    if self._own > most:
                        raise _too_large(most, "more")
                    if self._held.bytes > self.limits.held:
                        raise busy("the server has too many bytes at once to read: try again")
                    parts.append(part)
                    if not message.get("more_body"):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            raise Problem(
                408,
                f"the body expected to be there within {self.limits.body_seconds:g} seconds, "
                f"received {self._own} bytes of it",
                {"connection": "close"},
            ) from None

    def forget(self) -> None:
        """The body is no longer in memory."""
        self._held.bytes -= self._own
        self._own = 0


@dataclass
class Response:
    """What is sent back."""

    status: int
    body: bytes = b""
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    async def send(
        self, send: Send, always: list[tuple[bytes, bytes]], more: dict[str, str]
    ) -> None:
        """Send it, with more headers: the response itself may be sent again, to somebody else."""
        named = self.headers | more
        headers = [
            (b"content-length", str(len(self.body)).encode()),
            *always,
            *((name.encode(), value.encode("latin-1")) for name, value in named.items()),
        ]
        if self.body:
            headers.append((b"content-type", self.type.encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response of JSON; numbers that are none become null."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode(), headers=headers or {})


def _too_large(most: int, received: str) -> Problem:
    received = received if received.isdecimal() else "more"
    return Problem(413, f"the body expected at most {most} bytes, received {received[:15]}")
