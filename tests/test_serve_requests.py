"""What a request may be: every limit, and what is no picture, form or query."""

import asyncio
import email.message
import email.parser
import email.policy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_bombs import png
from serving import form, inside, picture

from minicnn.serve import multipart
from minicnn.serve.limits import Limits
from minicnn.serve.problems import Problem

LIMITS = Limits(body=5000, pictures=3, pixels=10_000, body_seconds=0.2, in_flight=2, header=900)


@pytest.fixture(scope="module")
def server():
    with inside(limits=LIMITS) as server:
        yield server
        # nothing that was refused is still counted
        assert server.service.held.bytes == 0 == server.service.in_flight


REFUSED = {
    "a body that says that it is too large": (
        {"body": b"", "headers": {"content-length": "5001", "content-type": "image/png"}},
        (413, "the body expected at most 5000 bytes, received 5001"),
    ),
    "one that says nothing and is": (
        {"body": [b"x" * 2500] * 3, "headers": {"content-type": "image/png"}},
        (413, "the body expected at most 5000 bytes, received more"),
    ),
    "a length that is no number": (
        {"body": b"", "headers": {"content-length": "-1", "content-type": "image/png"}},
        (413, "the body expected at most 5000 bytes, received more"),
    ),
    "a length of a thousand digits": (
        {"body": b"", "headers": {"content-length": "9" * 500, "content-type": "image/png"}},
        (413, "the body expected at most 5000 bytes, received " + "9" * 15),
    ),
    "a body that does not come": (
        {"body": [b"abc", None], "headers": {"content-type": "image/png"}},
        (408, "the body expected to be there within 0.2 seconds, received 3 bytes of it"),
    ),
    "no body": (
        {"body": b"", "headers": {"content-type": "image/png"}},
        (400, "the request expected a picture in its body, received none"),
    ),
    "another type": (
        {"body": b"{}", "headers": {"content-type": "application/json"}},
        (
            415,
            "the request expected Content-Type image/..., application/octet-stream or "
            "multipart/form-data, received 'application/json': with curl, -F picture=@FILE",
        ),
    ),
    "no picture": (
        {"body": b"hello", "headers": {"content-type": "image/png"}},
        (400, "the picture: expected a picture"),
    ),
    "half a picture": (
        {"body": picture()[:900], "headers": {"content-type": "image/png"}},
        (400, "the picture: expected a whole PNG"),
    ),
    "a picture of many pixels in few bytes": (
        {"body": png(30_000), "headers": {"content-type": "image/png"}},
        (
            400,
            "the picture: expected at most 10000 pixels, received 173 x 173: make it smaller first",
        ),
    ),
    "long headers": (
        {"body": picture(), "headers": {"content-type": "image/png", "x": "y" * 900}},
        (431, "the headers expected at most 900 bytes, received 963"),
    ),
    "a form without a boundary": (
        {"body": b"x", "headers": {"content-type": "multipart/form-data"}},
        (
            400,
            "the body expected a whole form (multipart/form-data), received no boundary in the "
            "Content-Type",
        ),
    ),
    "a form that breaks off": (
        {
            "body": form([picture()])[0][:-8],
            "headers": {"content-type": form([b""])[1]},
        },
        (400, "the body expected a whole form (multipart/form-data), received one that breaks off"),
    ),
    "a form of nothing": (
        {"body": form([])[0], "headers": {"content-type": form([])[1]}},
        (400, "the form expected at least one picture, received none"),
    ),
    "a form of too many": (
        {"body": form([b"a"] * 4)[0], "headers": {"content-type": form([])[1]}},
        (413, "the form expected at most 3 pictures, received more"),
    ),
    "a form with a field": (
        {
            "body": form([b"3"])[0].replace(b'; filename="0.png"', b""),
            "headers": {"content-type": form([])[1]},
        },
        (
            400,
            "the form expected pictures as files, received a field that is none: what else is to "
            "be told, such as top=3, belongs in the address",
        ),
    ),
    "a form with a part that is none": (
        {"body": b"--limit\r\nabc\r\n--limit--", "headers": {"content-type": form([])[1]}},
        (
            400,
            "the body expected a whole form (multipart/form-data), received a part without headers",
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_and_why(server, case):
    asked, (status, sentence) = REFUSED[case]
    answer = server.ask("POST", "/v1/predict", **asked)
    assert answer.status == status and answer.error.startswith(sentence)
    assert "minicnn." not in answer.error and "Traceback" not in answer.error
    assert server.post(picture(0, (12, 10))).status == 200


def test_of_several_pictures_the_broken_one_is_named(server):
    body, kind = form([picture(0, (9, 9)), b"none", picture(0, (9, 9))])
    answer = server.post(body, kind=kind)
    assert answer.status == 400 and answer.error.startswith("picture 2: expected a picture")


QUERIES = {
    "top=0": "top expected a whole number of 1 or more, received '0'",
    "top=-1": "top expected a whole number of 1 or more, received '-1'",
    "top=1e3": "top expected a whole number of 1 or more, received '1e3'",
    "top=": "top expected a whole number of 1 or more, received ''",
    "top=%D9%A3": "top expected a whole number of 1 or more, received '\u0663'",
    "top=99999999999999999999999": "top expected a whole number of 1 or more, received "
    "'99999999999999999999'",
    "explain=lime": "explain expected grad-cam, received 'lime'",
    "k=3": "the query expected model, top or explain, received 'k'",
    "top=1&top=2": "the query expected every name once, received one of them twice",
    "model=%ff": "the query expected at most 16 names with values in UTF-8",
    "model=\xff": "the query expected at most 16 names with values in UTF-8",
    "&".join(f"a{k}=1" for k in range(17)): "the query expected at most 16 names with values in "
    "UTF-8",
}


@pytest.mark.parametrize("query", QUERIES)
def test_queries_that_are_refused(server, query):
    answer = server.post(picture(), f"/v1/predict?{query}")
    assert (answer.status, answer.error) == (400, QUERIES[query])


def test_more_requests_than_may_wait_are_told_when_to_come_again(server):
    async def crowd():
        slow = [
            asyncio.create_task(
                server.asked("POST", "/v1/predict", [b"a", None], {"content-type": "image/png"})
            )
            for _ in range(2)
        ]
        await asyncio.sleep(0.05)
        refused = await server.asked(
            "POST", "/v1/predict", picture(), {"content-type": "image/png"}
        )
        allowed = await server.asked("GET", "/v1/models")
        return refused, allowed, await asyncio.gather(*slow)

    refused, allowed, slow = server.run(crowd())
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert refused.error == "2 requests wait for their answer already: try again in a second"
    assert allowed.status == 200 and [answer.status for answer in slow] == [408, 408]


def test_bodies_together_are_bounded_too():
    with inside(limits=Limits(body=5000, held=6000, body_seconds=1)) as server:

        async def two():
            headers = {"content-type": "image/png"}
            slow = asyncio.create_task(
                server.asked("POST", "/v1/predict", [b"x" * 4000, None], headers)
            )
            await asyncio.sleep(0.05)
            refused = await server.asked("POST", "/v1/predict", b"x" * 4000, headers)
            slow.cancel()
            return refused

        answer = server.run(two())
        assert answer.status == 429 and answer.headers["retry-after"] == "1"
        assert answer.error == "the server has too many bytes at once to read: try again"


def test_an_answer_that_takes_too_long_is_given_up():
    with inside(limits=Limits(answer_seconds=0.2)) as server:
        import threading

        hold = threading.Event()
        server.service.asking._batcher.call(hold.wait)
        answer = server.post(picture())
        assert (answer.status, answer.headers["retry-after"]) == (504, "1")
        assert answer.error == ("the answer expected to be there within 0.2 seconds: try again")
        before = server.service.metrics.text()
        hold.set()
        assert server.post(picture()).status == 200
        # nobody waits for the first any more, so it was not computed
        assert "batch_pictures_sum 0" in before
        assert "batch_pictures_sum 1\n" in server.service.metrics.text()


contents = st.lists(st.binary(max_size=60), min_size=1, max_size=3)
boundaries = st.from_regex(r"[A-Za-z0-9'+_./:=?-]{1,30}", fullmatch=True)


@given(contents, boundaries, st.booleans())
def test_a_form_gives_what_pythons_email_package_finds(files, boundary, quoted):
    if any(f"--{boundary}".encode() in file for file in files):
        return
    body, _ = form(files, boundary)
    kind = f'multipart/form-data; boundary="{boundary}"'
    if not quoted and boundary.isalnum():
        kind = kind.replace('"', "")
    assert multipart.files(body, kind, 3) == files
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\nMIME-Version: 1.0\r\n\r\n" + body
    )
    assert message.is_multipart() and len(list(message.iter_parts())) == len(files)


@given(st.binary(max_size=400), st.integers(0, 400), st.binary(max_size=3))
def test_no_damage_of_a_form_makes_anything_but_a_problem(noise, place, change):
    body, kind = form([b"abc", noise])
    damaged = body[:place] + change + body[place + len(change) :]
    for data in (damaged, body[:place], noise):
        try:
            found = multipart.files(data, kind, 3)
        except Problem as problem:
            assert problem.status in (400, 413) and problem.sentence
        else:
            assert all(isinstance(file, bytes) for file in found) and found


@given(st.binary(max_size=300))
def test_no_bytes_make_the_server_fail(server, noise):
    for kind in ("image/png", form([])[1]):
        assert server.post(noise, kind=kind).status in (400, 413)


@given(st.text(max_size=40).map(lambda text: text.encode("utf-8").decode("latin-1")))
def test_no_query_makes_the_server_fail(server, query):
    answer = server.post(picture(0, (12, 10)), f"/v1/predict?{query}")
    assert answer.status in (200, 400, 404)
    answer = server.ask("GET", f"/v2/models/{query.partition('?')[0]}")
    assert answer.status in (200, 404)


def test_a_picture_of_several_megapixels_is_read_as_one_of_files_is(server):
    """The limits are those that were given, and no others."""
    data = png(9_000)
    assert server.post(data).status == 200
    assert np.isfinite(server.post(data).json["milliseconds"])


def test_workers_share_what_holds_for_all_requests_together():
    part = Limits(body=100, held=900, in_flight=10, connections=3).shared(4)
    assert (part.in_flight, part.held, part.connections) == (2, 225, 1)
    assert Limits(body=100, held=300).shared(4).held == 100  # one request has room
    assert Limits().shared(1) == Limits()
