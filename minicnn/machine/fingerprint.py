"""Whether numbers are still what they were, for less than it costs to do something with them.

    sum over the 8-byte words w_i of  low(w_i + k_i) high(w_i + k_i)  mod 2^64,   k_i = k (i + 1)

low and high are a word's halves: with random keys k_i two different arrays have the same sum once
in 2^32 times. Keys that are no secret do as well, as nobody writes weights in order to deceive.
Source: Black, Halevi, Krawczyk, Krovetz, Rogaway 1999, "UMAC: fast and secure message
authentication", section 4 (NH).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import carray

from minicnn.machine.call import caller, pointer, word
from minicnn.machine.emit import I64, Emitter, kernel
from minicnn.machine.operands import Numbers
from minicnn.machine.record import WORD, Record, address
from minicnn.machine.region import Stages, Task
from minicnn.machine.workspace import LINE, aligned
from minicnn.types import Array

PARTS = 8  # of all bytes, which threads share
SIDE_BY_SIDE = 4  # registers of words in a turn of the loop, whose sums do not wait for each other
KEY, HALF, LOW = 0x9E3779B97F4A7C15, 32, 0xFFFFFFFF
FACTOR = np.uint64(KEY)
SUMS, BYTES = np.zeros(0, np.uint64), np.zeros(0, np.uint8)  # "like this"


class Words(NamedTuple):
    """words: `size` of them, 8 bytes each; total: one."""

    words: Numbers
    size: int
    total: Numbers


call_add_words = caller(Words)


class Places(NamedTuple):
    """Spans of bytes, addresses and lengths (n, 2); marks between those of the parts; a sum of each
    part, a cache line apart; the address of a kernel.
    """

    spans: Array
    marks: Array
    sums: Array
    add_words: int


class Fingerprint:
    """Of arrays that stay where they are, whoever writes to them; a job of a region.

    Attributes:
        job, stages: what to do.
        sums: what it has found; other numbers give other sums.
    """

    def __init__(self, arrays: Sequence[Array]):
        assert all(array.flags.c_contiguous for array in arrays)
        self.arrays = arrays  # kept alive
        parts = cut([(address(array), array.nbytes) for array in arrays])
        spans = np.array([span for part in parts for span in part], np.int64).reshape(-1, 2)
        marks = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        self.sums = aligned(PARTS * LINE // WORD, np.dtype(np.uint64))
        self.record = Record(places=Places(spans, marks, self.sums, add_words()))
        self.job, self.stages = fingerprint.on(self.record, np.dtype(np.uint64)), Stages(0)


def cut(spans: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Spans (address, bytes) in PARTS parts of about as many bytes, cut where cache lines begin."""
    parts: list[list[tuple[int, int]]] = [[] for _ in range(PARTS)]
    total, before = sum(size for _, size in spans), 0
    for start, size in spans:
        done = 0
        while done < size:
            k = (before + done) * PARTS // total
            end = -(-total * (k + 1) // PARTS) - before  # of part k, counted from the span's start
            end += -(start + end) % LINE
            parts[k].append((start + done, min(end, size) - done))
            done = min(end, size)
        before += size
    return parts


@Task
def fingerprint(records, like, stage, t, workers):  # noqa: ARG001
    """The sums of thread t's parts."""
    r = carray(records, 1)[0].places
    for k in range(PARTS * t // workers, PARTS * (t + 1) // workers):
        place = r.sums + k * LINE
        total = carray(pointer(place, SUMS), 1)
        total[0] = 0
        for span in range(word(r.marks, k), word(r.marks, k + 1)):
            start, size = word(r.spans, 2 * span), word(r.spans, 2 * span + 1)
            call_add_words(r.add_words, Words(words=start, size=size // WORD, total=place))
            for byte in carray(pointer(start + size // WORD * WORD, BYTES), size % WORD):
                total[0] = total[0] * FACTOR + np.uint64(byte)


@kernel
def add_words() -> Emitter:
    """total = total k + the sum of these words.

    A register of words has a register of keys; both the sums and the keys of SIDE_BY_SIDE registers
    are held side by side. What fills no such turn is added register by register, then word by word.
    """
    emit = Emitter("float64", Words)
    arg, build = emit.arg, emit.builder
    lanes, count = emit.lanes, arg["size"]
    many = ir.VectorType(I64, lanes)

    def constant(kind: ir.Type, values: Sequence[int]) -> ir.Constant:
        numbers = [value % (1 << 64) for value in values]
        return ir.Constant(kind, numbers if kind == many else numbers[0])

    def mixed(place: ir.Value, key: ir.Value) -> ir.Value:
        """low(w + k) high(w + k) of the words from that number on, as many as there are keys."""
        one = emit.at(arg["words"], place)
        loaded = emit.load(one) if key.type == many else build.load(one, typ=emit.element)
        summed = build.add(build.bitcast(loaded, key.type), key)
        low, half = (constant(key.type, [value] * lanes) for value in (LOW, HALF))
        return build.mul(build.and_(summed, low), build.lshr(summed, half))

    def add_up(
        first: ir.Value, each: int, kind: ir.Type, at_once: int
    ) -> tuple[ir.Value, ir.Value]:
        """(next word, the sum) of all turns of `at_once` values of that kind from a word on."""
        step = each * at_once
        turns = build.sdiv(build.sub(count, first), emit.integer(step))
        start = build.mul(build.add(first, emit.integer(1)), constant(I64, [KEY]))
        keys = [
            build.add(
                emit.spread(start) if kind == many else start,
                constant(kind, [KEY * (each * n + lane) for lane in range(lanes)]),
            )
            for n in range(at_once)
        ]

        def turn(i: ir.Value, held: list[ir.Value]) -> Sequence[ir.Value]:
            place = build.add(first, build.mul(i, emit.integer(step)))
            sums, keys = held[:at_once], held[at_once:]
            return [
                build.add(total, mixed(build.add(place, emit.integer(each * n)), key))
                for n, (total, key) in enumerate(zip(sums, keys, strict=True))
            ] + [build.add(key, constant(kind, [KEY * step] * lanes)) for key in keys]

        zeros = [constant(kind, [0] * lanes)] * at_once
        sums = emit.loop(turns, [*zeros, *keys], turn)[:at_once]
        while len(sums) > 1:
            sums = [build.add(*pair) for pair in zip(sums[::2], sums[1::2], strict=True)]
        return build.add(first, build.mul(turns, emit.integer(step))), sums[0]

    place, in_turns = add_up(emit.integer(0), lanes, many, SIDE_BY_SIDE)
    place, in_registers = add_up(place, lanes, many, 1)
    _, total = add_up(place, 1, I64, 1)
    in_lanes = build.add(in_turns, in_registers)
    for lane in range(lanes):
        total = build.add(total, build.extract_element(in_lanes, ir.Constant(I64, lane)))
    where = build.bitcast(arg["total"], I64.as_pointer())
    before = build.mul(build.load(where, typ=I64), constant(I64, [KEY]))
    build.store(build.add(before, total), where)
    return emit
