"""The fingerprint of arrays: the numbers that its formula gives, and others for other bytes."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minicnn.machine.fingerprint import KEY, PARTS, Fingerprint, cut
from minicnn.machine.record import address
from minicnn.machine.region import Region
from minicnn.machine.workspace import LINE

TWO_TO_64 = 1 << 64


def defined(data):
    """What these bytes add to a part's sum: its factor, and a number."""
    words = np.frombuffer(data[: len(data) // 8 * 8], np.uint64).tolist()
    total = 0
    for i, w in enumerate(words):
        m = (w + KEY * (i + 1)) % TWO_TO_64
        total += m % (1 << 32) * (m >> 32)
    factor = KEY
    for byte in data[len(words) * 8 :]:
        factor, total = factor * KEY, total * KEY + byte
    return factor, total


@given(st.lists(st.integers(0, 3000), max_size=4), st.integers(0, 15))
@settings(max_examples=40)
def test_sums_are_those_of_the_formula(sizes, offset):
    """Of spans that begin anywhere, and are whole turns of the kernel's loops or less."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, offset + size, np.uint8)[offset:] for size in sizes]
    fingerprint = Fingerprint(arrays)
    data = {address(a): a for a in arrays}
    expected = []
    for part in cut([(address(a), a.nbytes) for a in arrays]):
        total = 0
        for start, size in part:
            whole = max(begin for begin in data if begin <= start and data[begin].size)
            first = start - whole
            factor, number = defined(data[whole][first : first + size].tobytes())
            total = (total * factor + number) % TWO_TO_64
        expected.append(total)
    sums(fingerprint)
    np.testing.assert_array_equal(fingerprint.sums[:: LINE // 8][:PARTS], expected)


@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 9999)), max_size=9))
def test_parts_have_all_bytes_once_and_about_as_many(spans):
    parts = cut(spans)
    joined = [span for part in parts for span in part]
    rebuilt = []
    for start, size in joined:
        if rebuilt and rebuilt[-1][1] < spans_left(spans)[len(rebuilt) - 1][1]:
            assert start == sum(rebuilt[-1]) and start % LINE == 0
            rebuilt[-1] = (rebuilt[-1][0], rebuilt[-1][1] + size)
        else:
            rebuilt.append((start, size))
    assert rebuilt == spans_left(spans)
    sizes = [sum(size for _, size in part) for part in parts]
    total = sum(sizes)
    assert len(parts) == PARTS and max(sizes) <= total / PARTS + 1 + LINE


def spans_left(spans):
    return [span for span in spans if span[1]]


def sums(fingerprint):
    Region().add(fingerprint.job, fingerprint.stages)
    return fingerprint.sums.tobytes()


@given(st.lists(st.integers(0, 100), min_size=1, max_size=4), st.data())
@settings(max_examples=60)
def test_any_byte_changes_the_fingerprint(sizes, data):
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, size, np.uint8) for size in sizes]
    fingerprint = Fingerprint(arrays)
    before = sums(fingerprint)
    assert sums(fingerprint) == before
    places = [(k, i) for k, size in enumerate(sizes) for i in range(size)]
    assume(places)
    k, i = data.draw(st.sampled_from(places))
    arrays[k][i] ^= data.draw(st.integers(1, 255))
    assert sums(fingerprint) != before


@pytest.mark.parametrize("change", [np.negative, lambda a: a[::-1], lambda a: a + 1e-7, np.roll])
def test_what_people_do_to_weights_changes_the_fingerprint(change):
    a = np.random.default_rng(0).standard_normal(1001).astype(np.float32)
    fingerprint = Fingerprint([a])
    before = sums(fingerprint)
    a[...] = change(a, 1) if change is np.roll else change(a)
    assert sums(fingerprint) != before
