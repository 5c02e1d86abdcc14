"""Who may ask: the name that a server is called by, the page that a request comes from, a token.

A server on the loopback address alone is not out of reach: any page in a browser on the same
machine can send it requests. So its name is checked (a page can let its own name point to this
machine: DNS rebinding), and where the browser says that the request comes from (a picture can be
posted to another server without asking it first). Beyond loopback a token is expected.

Source: OWASP, Cross-Site Request Forgery Prevention; Fetch Metadata Request Headers (W3C).
"""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass

from minicnn.serve.messages import Request
from minicnn.serve.problems import Problem

PROBES = {"/ping", "/v2/health/live", "/v2/health/ready"}  # of those who start and watch servers
LOCAL = {"localhost", "127.0.0.1", "[::1]"}
HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        b"media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(self)"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
CORS = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
}


@dataclass(frozen=True)
class Security:
    """What is checked of every request, in this order, before anything else is done for it.

    Attributes:
        loopback: whether only this machine can reach the server.
        hosts: names, besides those of this machine, by which it may be called.
        origins: other pages that may ask, such as https://example.com.
        token: what requests must show, or None.
    """

    loopback: bool = True
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: str | None = None

    def check(self, request: Request, public: bool) -> None:
        """Raise Problem unless the request may be answered.

        public: whether the path needs no token, as the page itself.
        """
        headers = request.headers
        if request.path not in PROBES:
            self._check_host(headers.get("host", ""))
        origin = headers.get("origin")
        if origin is not None and not self._own(request, origin) and origin not in self.origins:
            raise Problem(
                403,
                "the server expected requests of its own page, received one of another: name that "
                "one with --allow-origin",
            )
        if (
            headers.get("sec-fetch-site") == "cross-site"
            and origin not in self.origins
            and request.method not in ("GET", "HEAD")
        ):
            raise Problem(
                403, "the server expected requests of its own page, received one of another site"
            )
        if self.token is not None and not public and request.path not in PROBES:
            self._check_token(headers.get("authorization", ""))

    def cors(self, request: Request) -> dict[str, str]:
        """Headers that let a named page read the answer; none for others."""
        origin = request.headers.get("origin")
        if origin is None or origin not in self.origins:
            return {}
        return {"access-control-allow-origin": origin, "vary": "origin"}

    def _check_host(self, host: str) -> None:
        if not host:
            raise Problem(400, "the request expected a Host header, received none")
        if not (self.loopback or self.hosts):
            return  # a token protects it, and it may have any name
        name = without_port(host.lower())
        if name not in LOCAL and name not in self.hosts:
            raise Problem(
                421,
                "the server expected to be called localhost, received another name in the Host "
                "header: allow that one with --allow-host",
            )

    def _own(self, request: Request, origin: str) -> bool:
        """Whether the page comes from this server. Behind a proxy, TLS may end there."""
        return origin in (
            f"http://{request.headers.get('host')}",
            f"https://{request.headers.get('host')}",
        )

    def _check_token(self, given: str) -> None:
        kind, _, token = given.partition(" ")
        expected = (self.token or "").encode()
        if not hmac.compare_digest(token.strip().encode(), expected) or kind.lower() != "bearer":
            raise Problem(
                401,
                "the server expected its token, in the header Authorization: Bearer TOKEN",
                {"www-authenticate": "Bearer"},
            )


def without_port(host: str) -> str:
    """localhost of localhost:8000, [::1] of [::1]:8000."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def drawn_token() -> str:
    """A new token, of 192 random bits."""
    return secrets.token_urlsafe(24)
