"""Who may ask: Host, Origin, token, and what the browser is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving import inside, picture

from minicnn.serve import security
from minicnn.serve.security import Security

PROBES = ("/ping", "/v2/health/live", "/v2/health/ready")
TOKEN = "a-token-of-some-letters"


@pytest.fixture(scope="module")
def here():
    with inside() as server:
        yield server


@pytest.fixture(scope="module")
def abroad():
    """Reached by others, with a token, and named pages may ask."""
    rules = Security(
        loopback=False,
        origins=frozenset({"https://friend.example"}),
        token=TOKEN,
    )
    with inside(security=rules) as server:
        yield server


NAMES = ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8000"]


@pytest.mark.parametrize("host", NAMES)
def test_this_machine_is_called_so(here, host):
    assert here.ask("GET", "/v1/models", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "evil.example:80",
     "localhost:8000@evil.example", "[::1]evil", "0.0.0.0", "localhost:80:80", "localhost, evil"],
)  # fmt: skip
def test_a_page_whose_name_points_to_this_machine_is_refused(here, host):
    """DNS rebinding: the browser takes evil.example for the page's own server."""
    for method, path in (("GET", "/"), ("GET", "/v1/models"), ("POST", "/v1/predict")):
        answer = here.ask(method, path, picture(), {"host": host, "origin": f"http://{host}"})
        assert (answer.status, answer.error) == (
            421,
            "the server expected to be called localhost, received another name in the Host "
            "header: allow that one with --allow-host",
        )
    for probe in PROBES:  # by which nothing is learnt
        assert here.ask("GET", probe, headers={"host": host}).status == 200


def test_no_host_is_refused(here):
    answer = here.ask("GET", "/v1/models", headers={"host": None})
    assert (answer.status, answer.error) == (
        400,
        "the request expected a Host header, received none",
    )


def test_names_can_be_allowed():
    rules = Security(hosts=frozenset({"camera.example"}))
    with inside(security=rules) as server:
        for host, status in (("camera.example:8000", 200), ("localhost", 200), ("x.example", 421)):
            assert server.ask("GET", "/v1/models", headers={"host": host}).status == status


OTHERS = ["http://evil.example", "null", "http://localhost:9000", "http://localhost", "file://",
          "http://localhost:8000.evil.example", "https://localhost:8001", ""]  # fmt: skip


@pytest.mark.parametrize("origin", OTHERS)
def test_pages_of_others_may_not_ask(here, origin):
    for kind in ("text/plain", "image/png", "multipart/form-data"):  # sent without a preflight
        answer = here.post(picture(), kind=kind, origin=origin)
        assert (answer.status, answer.error) == (
            403,
            "the server expected requests of its own page, received one of another: name that one "
            "with --allow-origin",
        )
    preflight = here.ask("OPTIONS", "/v1/predict", headers={"origin": origin})
    assert preflight.status == 403
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_what_the_browser_calls_cross_site_may_only_look(here):
    answer = here.post(picture(), sec_fetch_site="cross-site")
    assert (answer.status, answer.error) == (
        403,
        "the server expected requests of its own page, received one of another site",
    )
    assert here.ask("GET", "/", headers={"sec-fetch-site": "cross-site"}).status == 200
    assert here.post(picture(), sec_fetch_site="same-origin").status == 200


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://localhost:8000"])
def test_its_own_page_may_ask_and_gets_no_more_headers(here, origin):
    answer = here.post(picture(), origin=origin)
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_named_pages_may_ask_and_read(abroad):
    friend = {"origin": "https://friend.example", "host": "any.example"}
    preflight = abroad.ask(
        "OPTIONS", "/v1/predict", headers=friend | {"access-control-request-method": "POST"}
    )
    assert preflight.status == 204 and preflight.body == b""
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    answer = abroad.post(
        picture(), **friend, authorization=f"Bearer {TOKEN}", sec_fetch_site="cross-site"
    )
    assert answer.status == 200
    for one in (preflight, answer):
        assert one.headers["access-control-allow-origin"] == "https://friend.example"
        assert one.headers["vary"] == "origin"
        assert "access-control-allow-credentials" not in one.headers
    stranger = abroad.post(
        picture(), origin="https://friend.example.evil", authorization=f"Bearer {TOKEN}"
    )
    assert stranger.status == 403 and "access-control-allow-origin" not in stranger.headers


def test_what_one_is_allowed_is_not_told_to_another(abroad):
    """Also where the answer is made once for all."""
    token = {"authorization": f"Bearer {TOKEN}"}
    friend = abroad.ask(
        "GET", "/openapi.json", headers=token | {"origin": "https://friend.example"}
    )
    assert friend.headers["access-control-allow-origin"] == "https://friend.example"
    other = abroad.ask("GET", "/openapi.json", headers=token)
    assert other.status == 200 and "access-control-allow-origin" not in other.headers


GIVEN = ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x",
         f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}", "Bearer \xff",
         f"Bearer {TOKEN}, Bearer x"]  # fmt: skip


@pytest.mark.parametrize("given", GIVEN)
def test_a_wrong_token_is_refused(abroad, given):
    for method, path in (("POST", "/v1/predict"), ("GET", "/v1/models"), ("GET", "/metrics"),
                         ("GET", "/nowhere"), ("GET", "/openapi.json"),
                         ("POST", "/invocations"), ("GET", "/v2/models/small")):  # fmt: skip
        answer = abroad.ask(method, path, picture(), {"authorization": given})
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.error == (
            "the server expected its token, in the header Authorization: Bearer TOKEN"
        )


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}", f"bearer  {TOKEN} "])
def test_the_right_token_opens(abroad, given):
    assert abroad.post(picture(), authorization=given).status == 200
    assert abroad.ask("GET", "/nowhere", headers={"authorization": given}).status == 404


def test_the_page_and_probes_need_no_token(abroad):
    """The page gets it behind the # of its address, which browsers do not send."""
    for path in ("/", *PROBES):
        assert abroad.ask("GET", path).status == 200


@given(st.text(max_size=30))
def test_no_other_text_opens(text):
    rules = Security(token=TOKEN)
    if text.strip() != TOKEN:
        with pytest.raises(Exception, match="expected its token"):
            rules._check_token(f"Bearer {text}")


def test_tokens_are_compared_in_constant_time(monkeypatch):
    compared = []
    monkeypatch.setattr(
        security.hmac, "compare_digest", lambda *pair: compared.append(pair) or True
    )
    Security(token=TOKEN)._check_token("Bearer abc")
    assert compared == [(b"abc", TOKEN.encode())]


def test_drawn_tokens_are_long_and_new():
    drawn = {security.drawn_token() for _ in range(100)}
    assert len(drawn) == 100 and all(len(token) == 32 for token in drawn)


@pytest.mark.parametrize("path", ["/", "/v1/models", "/nowhere"])
def test_the_browser_is_told_what_the_page_may_do(here, path):
    headers = here.ask("GET", path).headers
    policy = headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["permissions-policy"] == "camera=(self)"
    assert "server" not in headers


def test_addresses_of_this_machine_alone():
    alone = ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost"]
    assert all(map(security.is_loopback, alone))
    for host in ("0.0.0.0", "::", "", "192.168.1.5", "localhost.example", "127.0.0.1.example"):
        assert not security.is_loopback(host)
