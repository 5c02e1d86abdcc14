"""How much a client may ask for."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from minicnn.errors import did_you_mean


@dataclass(frozen=True)
class Limits:
    """What a request and all of them together may cost, and how long things may take.

    Attributes:
        body: bytes of a request's body.
        header: bytes of its first line and its headers together.
        pixels: of one picture as it is sent.
        pictures: in one request.
        in_flight: requests that wait for their answer at the same time.
        held: bytes of their bodies together.
        connections: open at the same time.
        header_seconds: from the first byte of a request to the end of its headers.
        body_seconds: from there to the end of its body.
        answer_seconds: from there to the answer.
        idle_seconds: a connection stays open for another request.
        stop_seconds: what is in flight is waited for, when the server is told to stop.
    """

    body: int = 8 << 20
    header: int = 16 << 10
    pixels: int = 40_000_000
    pictures: int = 64
    in_flight: int = 256
    held: int = 256 << 20
    connections: int = 512
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    answer_seconds: float = 10.0
    idle_seconds: float = 15.0
    stop_seconds: float = 20.0

    def shared(self, workers: int) -> "Limits":
        """Of each of so many workers: its part of what holds for all requests together."""
        return replace(
            self,
            in_flight=max(1, self.in_flight // workers),
            held=max(self.body, self.held // workers),
            connections=max(1, self.connections // workers),
        )


def changed(words: Iterable[str]) -> Limits:
    """The usual limits but for those that are named, as in "body=16000000".

    Raises ValueError for another name, and for what is no positive number of the same kind.
    """
    limits = Limits()
    known = {field.name: type(getattr(limits, field.name)) for field in fields(limits)}
    for word in words:
        name, _, text = word.partition("=")
        if name not in known:
            raise ValueError(
                f"--limit expected NAME=NUMBER, received {word!r}.{did_you_mean(name, known)}"
            )
        kind = "a number" if known[name] is float else "a whole number"
        try:
            value = known[name](text)
        except ValueError:
            value = 0
        if not 0 < value < 1e12:
            raise ValueError(f"--limit {name} expected {kind} above 0, received {text!r}")
        limits = replace(limits, **{name: value})
    return limits
