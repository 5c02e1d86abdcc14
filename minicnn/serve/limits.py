"""How much a client may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request and all of them together may cost, and how long things may take.

    Attributes:
        body: bytes of a request's body.
        header: bytes of its first line and its headers together.
        pixels: of one picture as it is sent.
        pictures: in one request.
        in_flight: requests that wait for their answer at the same time, of one worker.
        held: bytes of their bodies together.
        connections: open at the same time, of one worker.
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
    connections: int = 1024
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    answer_seconds: float = 10.0
    idle_seconds: float = 15.0
    stop_seconds: float = 20.0
