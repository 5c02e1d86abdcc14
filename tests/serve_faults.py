"""Broken requests, each made of a generator of random numbers: bytes that are sent one after the
other, and seconds that are waited in between.
"""

import json

from picture_bombs import png
from serving import form, picture

HEAD = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\n"
INFER = b"POST /v2/models/small/infer HTTP/1.1\r\nhost: localhost\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
GOOD = picture()
PAUSE = 0.2  # seconds between the bytes of slow clients
PIECES = 200  # that a boundless client sends before it gives up: 13 MB, or 40 seconds of bytes


def whole(body, head=HEAD):
    return head + b"content-length: %d\r\n\r\n" % len(body) + body


def noise(rng, most=2000):
    return rng.bytes(int(rng.integers(1, most)))


def a_length_that_is_too_long(rng):
    yield HEAD + b"content-length: %d\r\n\r\n" % (len(GOOD) + int(rng.integers(1, 10**6))) + GOOD


def a_length_that_is_too_short(rng):
    yield HEAD + b"content-length: %d\r\n\r\n" % int(rng.integers(1, len(GOOD) // 2)) + GOOD


def a_length_that_is_none(rng):
    words = [b"-1", b"1e3", b"0x10", b"9" * 400, b"", b"1, 2", b"\xff", b"1 1"]
    yield HEAD + b"content-length: " + words[rng.integers(len(words))] + b"\r\n\r\n" + GOOD


def two_lengths(rng):
    more = b"content-length: %d\r\n" % int(rng.integers(1, 999))
    yield whole(GOOD, HEAD + more)


def a_length_and_chunks(_):
    yield whole(b"5\r\nabcde\r\n0\r\n\r\n", HEAD + b"transfer-encoding: chunked\r\n")


def chunks_for_ever(rng):
    yield CHUNKED
    chunk = rng.bytes(65536)
    for _ in range(PIECES):
        yield b"10000\r\n" + chunk + b"\r\n"


def chunks_that_are_none(rng):
    yield CHUNKED + [b"zz\r\n", b"-5\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabc\r\n0\r\n\r\n",
                     b"\r\n\r\n"][rng.integers(5)] + noise(rng)  # fmt: skip


def an_extension_without_end(_):
    yield CHUNKED + b"5;"
    for _ in range(PIECES):
        yield b"x" * 65536


def trailers_without_end(rng):
    yield CHUNKED + b"1\r\na\r\n0\r\n"
    for _ in range(PIECES):
        yield b"a: " + b"x" * int(rng.integers(1, 4000)) + b"\r\n"


def a_slow_body(rng):
    yield HEAD + b"content-length: 5000\r\n\r\n"
    for _ in range(PIECES):
        yield rng.bytes(1)
        yield PAUSE


def slow_headers(_):
    yield HEAD + b"x: "
    for _ in range(PIECES):
        yield b"y"
        yield PAUSE


def huge_headers(rng):
    yield HEAD
    for _ in range(PIECES):
        yield b"x%d: " % int(rng.integers(10**9)) + b"y" * int(rng.integers(1, 60_000)) + b"\r\n"


def a_header_without_end(_):
    yield HEAD + b"x: "
    for _ in range(PIECES):
        yield b"y" * 65536


def a_long_address(rng):
    yield (
        b"GET /" + b"a" * int(rng.integers(20_000, 10**6)) + b" HTTP/1.1\r\nhost: localhost\r\n\r\n"
    )


def no_http(rng):
    yield noise(rng) + b"\r\n\r\n"


def another_type(rng):
    kinds = [b"text/plain", b"application/json", b"video/mp4", b"\xff\xfe", b"x" * 3000]
    yield whole(GOOD, HEAD.replace(b"image/png", kinds[rng.integers(len(kinds))]))


def no_picture(rng):
    yield whole(noise(rng))


def half_a_picture(rng):
    kind = ["PNG", "JPEG", "WEBP"][rng.integers(3)]
    data = picture(int(rng.integers(99)), kind=kind)
    yield whole(data[: rng.integers(1, len(data) - 20)])


def a_bomb(rng):
    """100 million pixels and more in some kilobytes."""
    yield whole(png(int(rng.choice([10**8, 3 * 10**8, 9 * 10**8])), colour=0, depth=1))


def a_hundred_megapixels(_):
    yield whole(HUGE)


def deep_json(rng):
    depth = int(rng.choice([100, 1000, 10**5]))
    yield whole(b'{"inputs":' + b"[" * depth + b"]" * depth + b"}", INFER)


def json_that_is_no_utf8(rng):
    yield whole(b'{"id":"' + noise(rng) + b'\xff"}', INFER)


def json_of_a_wrong_tensor(rng):
    shapes = [[1, 2, 2, 3], [-1, 12, 10, 3], [10**18, 12, 10, 3], [], [1] * 1000, "abc", None]
    tensor = {"name": "x", "datatype": "FP32", "shape": shapes[rng.integers(7)], "data": [1.0] * 99}
    yield whole(json.dumps({"inputs": [tensor]}).encode(), INFER)


def a_form_that_is_damaged(rng):
    body, kind = form([GOOD, GOOD])
    place = int(rng.integers(len(body) - 60))
    yield whole(body[:place], HEAD.replace(b"image/png", kind.encode()))


def a_form_of_many_parts(_):
    body, kind = form([b"x"] * 5000)
    yield whole(body, HEAD.replace(b"image/png", kind.encode()))


def an_address_that_is_not_there(rng):
    names = [b"/../../etc/passwd", b"/%2e%2e/%2e%2e/x", b"/page/", b"/v2/models/%00/infer",
             b"/v2/models/../x", b"/" + noise(rng, 50).hex().encode()]  # fmt: skip
    yield whole(GOOD, b"POST " + names[rng.integers(6)] + b" HTTP/1.1\r\nhost: localhost\r\n")


def another_host(_):
    yield whole(GOOD, HEAD.replace(b"localhost", b"evil.example"))


def another_origin(_):
    yield whole(GOOD, HEAD + b"origin: http://evil.example\r\n")


def a_query_that_is_none(rng):
    words = [b"top=0", b"top=%ff", b"explain=x", b"a=1&a=2", b"top=" + b"9" * 500, b"&" * 500]
    yield whole(GOOD, HEAD.replace(b"predict", b"predict?" + words[rng.integers(6)]))


HUGE = png(10**8, colour=2, depth=8)
FAULTS = [
    value
    for value in list(globals().values())
    if callable(value) and getattr(value, "__module__", None) == __name__
    and value not in (whole, noise)
]  # fmt: skip
# these may be answered as good requests are: what is too much goes by unread, or comes too late
MAY_SUCCEED = {a_query_that_is_none, a_length_that_is_too_short}
