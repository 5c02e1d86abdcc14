"""Downloads from a local server that misbehaves: each ends in the right file or in one line, never
in a wrong file.
"""

import contextlib
import hashlib
import http.server
import socket
import ssl
import struct
import threading
import tracemalloc
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from minicnn.datasets import download
from minicnn.datasets.download import ATTEMPTS, _SchemeGuard, fetch
from minicnn.errors import DataError

PAYLOAD = np.random.default_rng(0).bytes(300_000)
SIZE = len(PAYLOAD)
SHA256 = hashlib.sha256(PAYLOAD).hexdigest()
WRONG = PAYLOAD[:-1] + bytes([PAYLOAD[-1] ^ 1])
REDIRECTS = {
    "to_ok": "/ok",
    "to_file": "file:///etc/passwd",
    "to_ftp": "ftp://127.0.0.1/x",
    "to_itself": "/to-itself",
}
OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DRIPS = {  # a beginning, and what follows it again and again, so slowly that each read is in time
    "drip_status": (b"", b"H"),
    "drip_header": (OK, b"X"),
    "drip_headers": (OK, b"X: y\r\n"),
    "drip_continue": (b"", CONTINUE),
    "drip_chunk_size": (CHUNKED, b"0"),
    "drip_chunk_extension": (CHUNKED + b"5;", b"e"),
    "drip_chunk": (CHUNKED + b"50000\r\n", b"x"),
    "drip_trailers": (CHUNKED + b"5\r\nhello\r\n0\r\n", b"t: x\r\n"),
    "drip_error": (b"HTTP/1.1 404 No\r\n", b"X: y\r\n"),
}
# what is given up soon
SLOW = (
    "stall",
    "silent",
    "drip",
    *(name.replace("_", "-") for name in DRIPS),
)


class Misbehaving(http.server.BaseHTTPRequestHandler):
    """The path of the address says how to behave: it names a status, a redirect or a method."""

    def do_GET(self):
        behaviour = urlsplit(self.path).path.strip("/").replace("-", "_")
        self.server.requests.append((behaviour, self.headers.get("Range")))
        with contextlib.suppress(OSError):  # the client may hang up
            if behaviour.isdigit():
                self.send_error(int(behaviour))
            elif behaviour in REDIRECTS:
                self.reply(302, length=0, Location=REDIRECTS[behaviour])
            elif behaviour in DRIPS:
                self.drip_raw(*DRIPS[behaviour])
            else:
                getattr(self, behaviour)()

    do_CONNECT = do_GET  # as a proxy

    def log_message(self, *_):
        pass

    def reply(self, status=200, length=SIZE, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def start(self, content=PAYLOAD):
        """Answer with the headers for what was asked for, and return the bytes still to be sent."""
        asked = self.headers.get("Range")
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        status = (
            {"status": 206, "Content_Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}
            if asked
            else {}
        )
        self.reply(length=len(content) - first, **status)
        return content[first:]

    def first_time(self):
        return [name for name, _ in self.server.requests].count(self.server.requests[-1][0]) == 1

    def ok(self):
        self.wfile.write(self.start())

    def range_ignored(self):
        self.reply()
        self.wfile.write(PAYLOAD[: 100_000 if self.first_time() else None])

    def wrong_range(self):
        if self.first_time():
            return self.wfile.write(self.start()[:100_000])
        self.reply(206, Content_Range=f"bytes 0-{len(PAYLOAD) - 1}/{len(PAYLOAD)}")
        self.wfile.write(PAYLOAD)

    def range_refused(self):
        if "Range" in self.headers:
            return self.send_error(416)
        self.reply()
        self.wfile.write(PAYLOAD[: None if len(self.server.requests) > 2 else 100_000])

    def no_length(self):
        self.reply(length=None)
        self.wfile.write(PAYLOAD)

    def gzip_label(self):
        self.reply(Content_Encoding="gzip")
        self.wfile.write(PAYLOAD)

    def interrupted(self):
        self.wfile.write(self.start()[: 100_000 if self.first_time() else None])

    def short(self):
        self.wfile.write(self.start()[:20_000])

    def empty(self):
        self.reply()

    def wrong(self):
        self.wfile.write(self.start(WRONG))

    def wrong_then_short(self):
        self.wfile.write(self.start(WRONG[::-1])[:20_000])

    def endless(self):
        self.reply(length=None)
        while True:
            self.wfile.write(bytes(50_000))

    def endless_after_the_file(self):
        self.reply(length=None)
        self.wfile.write(PAYLOAD)
        while True:
            self.wfile.write(bytes(50_000))

    def web_page(self):
        page = b"<!DOCTYPE html><title>Log in to the network</title>"
        self.reply(length=len(page))
        self.wfile.write(page)

    def reset(self):
        self.wfile.write(self.start()[:20_000])
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def stall(self):
        self.wfile.write(self.start()[:20_000])
        self.server.over.wait()

    def silent(self):
        self.server.over.wait()

    def drip(self):
        for byte in self.start():
            self.wfile.write(bytes([byte]))
            if self.server.over.wait(0.02):
                break

    def drip_raw(self, start, drop):
        self.wfile.write(start)
        while not self.server.over.wait(0.02):
            self.wfile.write(drop)

    def flood_continue(self):
        while True:
            self.wfile.write(CONTINUE * 100)

    def flood_redirect(self):
        self.reply(302, length=None, Location="/ok")
        while True:
            self.wfile.write(bytes(50_000))

    def drip_redirect(self):
        self.reply(302, length=None, Location="/ok")
        self.drip_raw(b"", b"x")

    def flood_error(self):
        self.reply(500, length=None)
        while True:
            self.wfile.write(bytes(50_000))

    def no_http(self):
        self.wfile.write(b"220 ready" + b"x" * 5000)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    transfer = download._transfer

    # a busy machine may answer late to all that is not SLOW
    def impatient(url, schemes, part, size, timeout):
        return transfer(url, schemes, part, size, 0.15 if url.endswith(SLOW) else timeout)

    monkeypatch.setattr(download, "_transfer", impatient)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as server:
        server.requests, server.over = [], threading.Event()
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.url = lambda behaviour: f"http://127.0.0.1:{server.server_port}/{behaviour}"
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def get(target, *own, mirrors=()):
    return fetch(target, mirrors, size=SIZE, sha256=SHA256, own=own)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


GOOD = [
    "ok", "interrupted", "range-ignored", "wrong-range", "range-refused", "no-length", "gzip-label",
    "endless-after-the-file", "to-ok", "flood-redirect", "drip-redirect",
]  # fmt: skip
BAD = {
    "short": "incomplete after 5 attempts|the connection ended after .* of 300000 bytes",
    "empty": "the connection ended after 0 of 300000 bytes",
    "wrong": "expected SHA-256 .*, received .* [(]file starts with b",
    "endless": "expected SHA-256 .*, received",
    "web-page": "expected 300000 bytes, received 51 starting with b'<!DOCTYPE html>",
    "reset": "incomplete after 5 attempts|reset",
    "stall": "incomplete after 5 attempts|timed out",
    "silent": "timed out",
    "drip": "incomplete after 5 attempts|less than 1024 bytes per second",
    "404": "404: Not Found",
    "500": "500: Internal Server Error",
    "503": "503: Service Unavailable",
    "no-http": "220 readyx{291}$",
    "flood-continue": "much more was sent than a file of 300000 bytes, of which came 0",
    "flood-error": "500: Internal Server Error",
    "to-file": "file:///etc/passwd.* not allowed",
    "to-ftp": "expected an address with https or http, received ftp://127.0.0.1/x",
    "to-itself": "infinite loop",
} | {
    name.replace(
        "_", "-"
    ): "timed out: less than 1024 bytes per second for 0.15 seconds, after . of 300000 bytes"
    for name in DRIPS
}


@pytest.mark.parametrize("behaviour", GOOD)
def test_the_file_arrives(server, tmp_path, behaviour):
    assert get(tmp_path / "file", server.url(behaviour)) == tmp_path / "file"
    assert (tmp_path / "file").read_bytes() == PAYLOAD
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("behaviour", BAD)
def test_a_fault_is_one_line_and_leaves_no_wrong_file(server, tmp_path, behaviour):
    with pytest.raises(DataError, match=BAD[behaviour]) as caught:
        get(tmp_path / "file", server.url(behaviour))
    assert "\n" not in str(caught.value) and server.url(behaviour) in str(caught.value)
    assert not (tmp_path / "file").exists()
    assert len(server.requests) <= 11  # urllib follows at most ten redirects
    # what it left behind does no harm
    assert get(tmp_path / "file", server.url("ok")).read_bytes() == PAYLOAD


@pytest.mark.parametrize("behaviour", BAD)
def test_the_next_address_is_tried(server, tmp_path, behaviour):
    assert get(tmp_path / "file", server.url(behaviour), server.url("ok")).read_bytes() == PAYLOAD
    assert files(tmp_path) == ["file"]


def test_an_interrupted_download_resumes(server, tmp_path):
    get(tmp_path / "file", server.url("interrupted"))
    assert server.requests == [("interrupted", None), ("interrupted", "bytes=100000-")]


def test_a_server_that_cannot_resume_starts_again(server, tmp_path):
    get(tmp_path / "file", server.url("range-ignored"))
    assert server.requests == [("range_ignored", None), ("range_ignored", "bytes=100000-")]


def test_a_later_call_resumes(server, tmp_path):
    (tmp_path / "file.part").write_bytes(PAYLOAD[:299_999])
    get(tmp_path / "file", server.url("ok"))
    assert server.requests == [("ok", "bytes=299999-")]
    assert (tmp_path / "file").read_bytes() == PAYLOAD


def test_a_complete_part_needs_no_request(server, tmp_path):
    (tmp_path / "file.part").write_bytes(PAYLOAD)
    get(tmp_path / "file", server.url("ok"))
    assert server.requests == [] and files(tmp_path) == ["file"]


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(PAYLOAD), b"x" * 400_000])
def test_a_wrong_part_is_thrown_away(server, tmp_path, left):
    (tmp_path / "file.part").write_bytes(left)
    assert get(tmp_path / "file", server.url("ok")).read_bytes() == PAYLOAD
    assert server.requests[-1] == ("ok", None)


def test_a_wrong_beginning_from_one_address_does_not_poison_the_next(server, tmp_path):
    assert (
        get(tmp_path / "file", server.url("wrong-then-short"), server.url("ok")).read_bytes()
        == PAYLOAD
    )


def test_attempts_are_bounded(server, tmp_path):
    with pytest.raises(DataError, match=f"still incomplete after {ATTEMPTS} attempts"):
        get(tmp_path / "file", server.url("short"))
    assert len(server.requests) == ATTEMPTS


def test_an_existing_file_is_replaced_only_by_the_right_one(server, tmp_path):
    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(DataError):
        get(tmp_path / "file", server.url("wrong"))
    assert (tmp_path / "file").read_bytes() == b"before"
    assert get(tmp_path / "file", server.url("ok")).read_bytes() == PAYLOAD


def test_all_failures_are_named(server, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/"
    with pytest.raises(
        DataError, match="file: expected 300000 bytes, received from .*404.*and from .*refused"
    ) as caught:
        get(tmp_path / "file", server.url("404"), closed)
    assert "\n" not in str(caught.value)


def test_a_reason_that_all_have_is_named_once(server, tmp_path):
    addresses = [server.url("404"), server.url("404") + "?again"]
    with pytest.raises(DataError) as caught:
        get(tmp_path / "file", *addresses)
    assert str(caught.value).count("Not Found") == 1
    assert f"{addresses[0]}, {addresses[1]}: " in str(caught.value)


@pytest.mark.parametrize(
    "scheme", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "nonsense"]
)
def test_a_mirror_must_be_https(tmp_path, scheme):
    with pytest.raises(DataError, match="expected an address with https, received " + scheme):
        get(tmp_path / "file", mirrors=[scheme])


@pytest.mark.parametrize("scheme", ["ftp://127.0.0.1/x", "file:///etc/passwd", "data:,x"])
def test_an_own_address_must_be_http_or_https(tmp_path, scheme):
    with pytest.raises(
        DataError, match="expected an address with https or http, received " + scheme
    ):
        get(tmp_path / "file", scheme)


def test_https_never_falls_back_to_http():
    guard, request = _SchemeGuard(["https"]), urllib.request.Request("https://a.example/x")
    with pytest.raises(
        DataError, match="expected an address with https, received http://a.example/y"
    ):
        guard.redirect_request(request, None, 302, "Found", {}, "http://a.example/y")
    assert guard.redirect_request(
        request, None, 302, "Found", {}, "https://a.example/y"
    ).full_url.endswith("/y")


def test_a_full_disk_is_one_line(server, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builtins.open", full)
    with pytest.raises(DataError, match="No space left on device"):
        get(tmp_path / "file", server.url("ok"))
    monkeypatch.undo()
    assert files(tmp_path) == []


@pytest.mark.parametrize("behaviour", ["flood-redirect", "flood-error", "endless"])
def test_a_flood_takes_no_memory(server, tmp_path, behaviour):
    tracemalloc.start()
    try:
        with contextlib.suppress(DataError):
            get(tmp_path / "file", server.url(behaviour))
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


@pytest.fixture
def encrypted(server, monkeypatch):
    """The server, speaking https with a certificate of its own, which is trusted."""
    pem = Path(__file__).with_name("localhost.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = lambda behaviour: f"https://127.0.0.1:{server.server_port}/{behaviour}"
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return server


@pytest.mark.parametrize("behaviour", ["ok", "interrupted", "to-ok", "drip-redirect"])
def test_the_file_arrives_encrypted(encrypted, tmp_path, behaviour):
    assert get(tmp_path / "file", mirrors=[encrypted.url(behaviour)]).read_bytes() == PAYLOAD


@pytest.mark.parametrize("behaviour", ["drip-status", "drip-chunk-size", "silent"])
def test_a_slow_encrypted_server_is_given_up(encrypted, tmp_path, behaviour):
    with pytest.raises(DataError, match="timed out: less than 1024 bytes per second"):
        get(tmp_path / "file", mirrors=[encrypted.url(behaviour)])


def test_a_certificate_that_nobody_trusts_is_refused(encrypted, tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DataError, match="CERTIFICATE_VERIFY_FAILED"):
        get(tmp_path / "file", mirrors=[encrypted.url("ok")])


@pytest.mark.usefixtures("server")
def test_a_server_that_never_begins_encryption_is_given_up(tmp_path):
    """It accepts the connection and says nothing to the client's hello."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}/silent"
        with pytest.raises(DataError, match="timed out"):
            get(tmp_path / "file", mirrors=[url])


@pytest.mark.parametrize("behaviour", ["drip-status", "drip-headers"])
def test_a_slow_proxy_is_given_up(server, tmp_path, monkeypatch, behaviour):
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("https_proxy", server.url("proxy"))
    monkeypatch.setattr(
        Misbehaving, "do_CONNECT", lambda self: self.drip_raw(*DRIPS[behaviour.replace("-", "_")])
    )
    with pytest.raises(DataError, match="timed out"):
        get(tmp_path / "file", mirrors=["https://a.example/silent"])


def test_a_look_up_that_never_ends_is_given_up(server, tmp_path, monkeypatch):
    def waits(*_):
        server.over.wait()
        raise OSError

    monkeypatch.setattr(socket, "create_connection", waits)
    with pytest.raises(DataError, match="timed out"):
        get(tmp_path / "file", "http://a.example/silent")


def test_a_name_that_is_none_is_one_line(tmp_path):
    with pytest.raises(DataError, match="label"):
        get(tmp_path / "file", mirrors=[f"https://{'x' * 70}.example/"])
