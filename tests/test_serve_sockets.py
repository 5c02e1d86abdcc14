"""Slow and boundless clients on real sockets are told why or cut, and whoever comes next is
answered.
"""

import asyncio
import socket
import threading
import time

import pytest
from serving import answer_in, listening, picture, received, request

from minicnn.serve import connections
from minicnn.serve.limits import Limits

LIMITS = Limits(
    body=200_000,
    header=2000,
    header_seconds=0.4,
    body_seconds=0.4,
    answer_seconds=2,
    idle_seconds=1,
    connections=20,
)
PARSERS = [connections.GuardedH11]
if connections.HttpToolsProtocol is not None:
    PARSERS.append(connections.GuardedHttpTools)


@pytest.fixture(scope="module", params=PARSERS, ids=lambda parser: parser.__name__)
def server(request):
    with listening(request.param, limits=LIMITS) as server:
        yield server


@pytest.fixture(autouse=True)
def good_requests_are_answered(server):
    yield
    answer = answer_in(server.sent(request(picture(), close=True)))
    assert answer.status == 200 and len(answer.json["predictions"]) == 1
    assert server.service.in_flight == 0 == server.service.held.bytes


HEAD = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\n"
NOT_HTTP = (400, "the server expected a request of HTTP/1.1, received something else")
LONG = (431, "the headers expected at most 2000 bytes")
SLOW = (408, "the headers expected to be there in 0.4 seconds")
REFUSED = {
    "no HTTP": (b"\x16\x03\x01\x02hello\r\n\r\n", NOT_HTTP),
    "half a request": (HEAD, SLOW),
    "no end of a header": (HEAD + b"x: " + b"y" * 5000, LONG),
    "no end of headers": (HEAD + b"x: y\r\n" * 1000, LONG),
    "a long address": (b"GET /" + b"a" * 5000, LONG),
    "a body that does not come": (
        HEAD + b"content-length: 100\r\n\r\nabc",
        (408, "the body expected to be there within 0.4 seconds, received 3 bytes of it"),
    ),
    "two lengths": (HEAD + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd", NOT_HTTP),
    "a length that is none": (HEAD + b"content-length: abc\r\n\r\nabc", NOT_HTTP),
    "a chunk that is none": (
        HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
        NOT_HTTP,
    ),
    "a chunk that breaks off": (
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nabc",
        (408, "the body expected to be there within 0.4 seconds, received 3 bytes of it"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_and_why(server, case):
    data, (status, sentence) = REFUSED[case]
    whole = server.sent(data)
    if not whole and status == 400:  # cut without a word, after a request had begun
        return
    answer = answer_in(whole)
    assert answer.status == status and answer.error.startswith(sentence)
    assert answer.headers["connection"] == "close"


def test_headers_longer_than_the_limit_in_one_piece(server):
    """They are whole when they are looked at; the connection may stay."""
    data = HEAD + b"x: " + b"y" * 3000 + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    answer = answer_in(server.sent(data))
    assert answer.status in (400, 431) and answer.error


def drip(server, first, more, pause=0.05):
    """Send more and more until the server hangs up; the seconds that took, and what it said."""
    began = time.monotonic()
    with server.connection() as wire:
        wire.sendall(first)
        said = []
        reader = threading.Thread(target=lambda: said.append(received(wire)))
        reader.start()
        while reader.is_alive() and time.monotonic() - began < 60:
            try:
                wire.sendall(more)
            except OSError:
                break
            reader.join(pause)
        reader.join(60)
        return time.monotonic() - began, answer_in(said[0])


def test_headers_byte_by_byte_are_cut(server):
    seconds, answer = drip(server, HEAD + b"x: ", b"y")
    assert answer.status == 408 and answer.error == SLOW[1] and seconds < 30


def test_a_body_byte_by_byte_is_cut(server):
    seconds, answer = drip(server, HEAD + b"content-length: 10000\r\n\r\n", b"y")
    assert answer.status == 408 and answer.error.startswith("the body expected to be there")
    assert seconds < 30


def test_chunks_for_ever_are_cut(server):
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    _, answer = drip(server, HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk, 0)
    # the answer may be lost in what is still being sent
    assert answer is None or answer.status == 413


def test_what_is_sent_after_an_answer_is_bounded(server):
    """A body that was refused by its length, and is sent all the same, for ever."""
    _, answer = drip(server, HEAD + b"content-length: 9999999999\r\n\r\n", b"x" * 65536, 0)
    assert answer is None or answer.status == 413


def test_trailers_without_end_are_cut(server):
    first = HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    _, answer = drip(server, first, b"x: " + b"y" * 1000 + b"\r\n", 0)
    assert answer is None or answer.status in (400, 408, 431)


def test_a_silent_connection_is_cut(server):
    began = time.monotonic()
    assert server.sent(b"") == b"" and time.monotonic() - began < 30


def test_who_came_while_the_server_did_not_run_is_not_cut(server):
    """As when the machine sleeps, or has no time for it: here for longer than headers may take."""

    async def sleep_and_look():
        wire.sendall(request(picture(), close=True))
        time.sleep(2 * LIMITS.header_seconds)
        await server.server.on_tick(0)

    loop = server.service.asking._loop
    with server.connection() as wire:
        until(lambda: server.server.server_state.connections)
        asyncio.run_coroutine_threadsafe(sleep_and_look(), loop).result()
        assert answer_in(received(wire)).status == 200


def test_a_connection_at_rest_is_closed_in_the_end(server):
    data = server.sent(request(picture()))
    assert answer_in(data).status == 200
    assert data.count(b"HTTP/1.1 ") == 1


def test_one_connection_takes_many_requests(server):
    with server.connection() as wire:
        for _ in range(5):
            wire.sendall(request(picture()))
            data = b""
            while b"milliseconds" not in data:
                data += wire.recv(65536)
            assert answer_in(data).status == 200


def test_requests_sent_ahead_are_answered_in_order(server):
    data = server.sent(
        request(picture(), "/v1/predict?top=1")
        + b"GET /v2/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
        + request(b"none", close=True)
    )
    places = [data.index(word) for word in (b"predictions", b'"live":true', b'"error"')]
    assert places == sorted(places) and data.count(b"HTTP/1.1 ") == 3


def test_more_connections_than_may_be_are_told(server):
    wires = [server.connection() for _ in range(LIMITS.connections)]
    try:
        time.sleep(0.1)
        refused = answer_in(server.sent(request(picture())))
        assert refused is None or refused.status == 503
        if refused is not None:
            assert refused.error == "the server expected at most 20 connections"
    finally:
        for wire in wires:
            wire.close()
    time.sleep(0.2)


def test_a_client_that_does_not_read_its_answers_is_cut(server):
    """It asks on and on, and its window fills."""
    with server.connection() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        wire.settimeout(0.5)
        ahead = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 50
        with pytest.raises(OSError):
            for _ in range(100_000):
                wire.sendall(ahead)
        until(lambda: not server.server.server_state.connections)


def test_a_client_that_hangs_up_leaves_nothing_behind(server):
    for data in (HEAD + b"content-length: 100\r\n\r\nabc", request(picture())):
        with server.connection() as wire:
            wire.sendall(data)
    until(lambda: not server.server.server_state.tasks)


def until(true):
    """Wait for what must become true."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_nothing_tells_what_the_server_is_made_of(server):
    for data in (request(picture(), close=True), b"nonsense\r\n\r\n"):
        said = server.sent(data).lower()
        assert b"uvicorn" not in said and b"python" not in said and b"server:" not in said
