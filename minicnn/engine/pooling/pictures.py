"""Pooling over whole pictures in two stages, and the record that they are handed."""

from typing import NamedTuple

from numba import carray

from minicnn.engine.conv.layout import CHUNKS, NONE, share
from minicnn.engine.pooling.picture_kernels import Picture
from minicnn.machine.call import at, caller, clear, view
from minicnn.machine.jit import jit_part
from minicnn.machine.region import Task
from minicnn.machine.shares import each_chunk
from minicnn.types import Array

FORWARD, BACKWARD = range(2)
call_picture = caller(Picture)


class Layout(NamedTuple):
    """N pictures of so many pixels of C channels, and kernels; where there is none for backward, a
    channel has a winner.

    x and dx are (N, pixels, C), y, dy and winner, of numbers, (N, C).
    """

    N: int
    pixels: int
    C: int
    forward: int = 0
    back: int = 0
    x: Array = NONE
    y: Array = NONE
    winner: Array = NONE
    dy: Array = NONE
    dx: Array = NONE


@jit_part
def send_back(t, n, like):
    """dx of picture n: dy where a pixel has won a channel."""
    size = t.pixels * t.C
    clear(at(t.dx, n * size, like), size * like.itemsize)
    dx, dy = view(t.dx, t.N * size, like), view(t.dy, t.N * t.C, like)
    winner = view(t.winner, t.N * t.C, like)
    for c in range(t.C):
        dx[n * size + int(winner[n * t.C + c]) * t.C + c] = dy[n * t.C + c]


@jit_part
def do_picture(t, stage, n, like):
    """Picture n of a stage."""
    if stage == BACKWARD and t.back == 0:
        send_back(t, n, like)
        return
    x, y = (t.x, t.y) if stage == FORWARD else (t.dx, t.dy)
    call_picture(
        t.forward if stage == FORWARD else t.back,
        Picture(
            x=at(x, n * t.pixels * t.C, like),
            y=at(y, n * t.C, like),
            winner=at(t.winner, n * t.C, like),
            pixels=t.pixels,
            channels=t.C,
        ),
    )


@Task
def task(records, like, stage, t, workers):
    """What thread t does of a stage: its share of the chunks, and what is left of the others'."""
    r, numbers = carray(records, 1)[0], carray(like, 0)
    N = r.layout.N
    for k in each_chunk(r.shares, CHUNKS, t, workers):
        for n in range(share(N, k), share(N, k + 1)):
            do_picture(r.layout, stage, n, numbers)
