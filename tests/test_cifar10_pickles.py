"""Pickled batches: good ones are read as `pickle` reads them, bad ones refused and not obeyed."""

import os
import pickle
import struct
import sys
import threading
import tracemalloc
import warnings
from pathlib import Path

import cifar_files as files
import numpy as np
import pytest
from cifar_files import ROWS, array, batch, labels_list, shape, string
from hypothesis import example, given, strategies

from minicnn.datasets import archive
from minicnn.datasets.unpickle import OPCODE_LIMIT, read_batch
from minicnn.errors import DataError

pytest_plugins = ["cifar_fixtures"]
pytestmark = pytest.mark.usefixtures("alone")

TITLE = files.TITLES[0]


def test_a_batch_of_full_size_reads_as_pickle_reads_it():
    """10 000 rows, and the miniature's layout is that of real files: the standard library
    understands it alike.
    """
    rng = np.random.default_rng(0)
    pixels, labels = (
        rng.integers(0, 256, (10_000, 32, 32, 3), np.uint8),
        rng.integers(0, 10, 10_000, np.uint8),
    )
    blob = files.python_batch(TITLE, pixels, labels)
    assert 30_900_000 < len(blob) < archive.MEMBER_LIMIT
    rows, found = read_batch(blob, "data_batch_1", 10_000, TITLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy 2.4 dislikes the align=0 in these pickles
        reference = pickle.loads(blob, encoding="bytes")
    assert np.array_equal(rows, reference[b"data"]) and np.array_equal(found, reference[b"labels"])
    assert np.array_equal(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), pixels)


@pytest.mark.parametrize("protocol", [3, 4])
def test_reads_a_batch_that_python_3_pickled_again(protocol):
    pixels, labels = files.images()[0][0].reshape(ROWS, 3072), files.images()[1][0].tolist()
    blob = pickle.dumps(
        {b"batch_label": TITLE.encode(), "labels": labels, b"data": pixels}, protocol
    )
    rows, found = read_batch(blob, "x", ROWS, TITLE)
    assert np.array_equal(rows, pixels) and found.tolist() == labels


PIXELS = bytes(ROWS * 3072)
GOOD_ARRAY, GOOD_LABELS = array(PIXELS, shape(ROWS, 3072)), labels_list([1] * ROWS)


def odd(**parts):
    return batch(TITLE, **({"labels": GOOD_LABELS, "data": GOOD_ARRAY} | parts))


def raw(opcodes, stop=b"."):
    return b"\x80\x02" + opcodes + stop


ONES = b"K\x01" * ROWS
DEEP = b")" + b"\x85" * 40_000  # comparing or printing such a tuple would be a RecursionError
DEEPER = b")" + b"\x85" * (OPCODE_LIMIT - 100)  # and hashing this one would overflow the stack of C
LAUGHS = b"]q\x64" + b"".join(b"](" + b"h%c" % k * 9 + b"eq%c" % (k + 1) for k in range(100, 120))
PICKLES = {
    "empty": (b"", "exhausted before seeing STOP"),
    "only stop": (b".", "damaged pickle"),
    "no dictionary": (raw(b"]"), "a dict was due but a list came"),
    "other keys": (
        raw(b"}(" + string("fine_labels") + GOOD_LABELS + b"u"),
        "its keys are .b'fine_labels'., not b'data' and",
    ),
    "no data": (odd(data=b""), r"its keys are .b'batch_label', b'labels'.*"),
    "wrong title": (
        batch("training batch 2 of 5", labels=GOOD_LABELS, data=GOOD_ARRAY),
        "does not call itself 'training batch 1",
    ),
    "data is bytes": (odd(data=string("pixels")), "a Array was due but a bytes came"),
    "array without contents": (
        odd(data=b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R"),
        "0 pictures",
    ),
    "too few rows": (
        odd(data=array(PIXELS[3072:], shape(ROWS - 1, 3072))),
        r"not the shape \(4, 3072\)",
    ),
    "too few bytes": (odd(data=array(PIXELS[1:], shape(ROWS, 3072))), r"not the shape \(4, 3072\)"),
    "too many bytes": (
        odd(data=array(PIXELS + b"x", shape(ROWS, 3072))),
        r"not the shape \(4, 3072\)",
    ),
    "other shape": (odd(data=array(PIXELS, shape(3072, ROWS))), r"not the shape \(4, 3072\)"),
    "fortran order": (odd(data=array(PIXELS, shape(ROWS, 3072), fortran=b"\x88")), "in C order"),
    "float64": (
        odd(data=array(PIXELS, shape(ROWS, 3072), element=b"f8")),
        "'numpy dtype' is called for something else",
    ),
    "objects": (
        odd(data=array(PIXELS, shape(ROWS, 3072), element=b"O8")),
        "'numpy dtype' is called for something else",
    ),
    "64 TiB array": (
        odd(data=array(PIXELS, shape(ROWS, 3072), first=b"\x8a\x06" + bytes(5) + b"\x40\x85")),
        "opcode LONG1",
    ),
    "2 GiB array": (
        odd(data=array(PIXELS, shape(ROWS, 3072), first=b"J\xff\xff\xff\x7f\x85")),
        "_reconstruct' is called for",
    ),
    "state of no array": (raw(b"}(K\1K\2tb"), "a Array was due but a dict came"),
    "state without a dtype": (
        odd(data=GOOD_ARRAY.split(b"cnumpy\ndtype")[0] + b"N\x89T\x00\x00\x00\x00tb"),
        "a Dtype was due but a NoneType came",
    ),
    "short state": (
        raw(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R)b"),
        "not enough values",
    ),
    "label 10": (odd(labels=labels_list([1, 10, 2, 3])), "the label 10, not only 0 to 9"),
    "label -1": (
        odd(labels=b"](" + ONES[2:] + b"J\xff\xff\xff\xffe"),
        "the label -1, not only 0 to 9",
    ),
    "label true": (odd(labels=b"](" + ONES[2:] + b"\x88e"), "a int was due but a bool came"),
    "label text": (
        odd(labels=b"](" + ONES[2:] + string("cat") + b"e"),
        "a int was due but a bytes came",
    ),
    "label list": (odd(labels=b"](" + ONES[2:] + b"]e"), "a int was due but a list came"),
    "five labels": (odd(labels=labels_list([1] * 5)), "it has 5 labels and 4 pictures, not 4"),
    "labels are an array": (odd(labels=GOOD_ARRAY), "a list was due but a Array came"),
    "labels are a tuple": (odd(labels=b"(" + ONES + b"t"), "a list was due but a tuple came"),
    "os.system": (
        raw(b"cos\nsystem\n" + string("touch evil") + b"\x85R"),
        "'os system' would be imported, .* do not trust",
    ),
    "eval": (
        raw(b"c__builtin__\neval\n" + string("open('evil', 'w')") + b"\x85R"),
        "'__builtin__ eval' would be imported",
    ),
    "numpy load": (
        raw(b"cnumpy\nload\n" + string("evil") + b"\x85R"),
        "'numpy load' would be imported",
    ),
    "attribute of a global": (
        raw(b"cnumpy\nndarray.tofile\n)R"),
        "'numpy ndarray.tofile' would be imported",
    ),
    "dtype as a function": (
        raw(b"cnumpy\ndtype\n" + string("O") + b"\x85R"),
        "'numpy dtype' is called for something else",
    ),
    "ndarray as a function": (
        raw(b"cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85\x85R"),
        "'numpy ndarray' is called for something",
    ),
    "call of a tuple": (raw(DEEPER + b")R"), "a Global was due but a tuple came"),
    "new object": (raw(b"cnumpy\nndarray\n)\x81"), "the opcode NEWOBJ occurs"),
    "extension": (raw(b"\x82\x01"), "the opcode EXT1 occurs"),
    "persistent": (raw(b"Pevil\n"), "the opcode PERSID occurs"),
    "instance": (raw(b"(ios\nsystem\n"), "the opcode INST occurs"),
    "global from the stack": (
        raw(b"\x8c\x02os\x8c\x06system\x93)R"),
        "'os system' would be imported",
    ),
    "global from numbers": (raw(b"K\1K\2\x93"), "a bytes was due but a int came"),
    "unknown opcode": (raw(b"\xff"), "opcode .* unknown"),
    "huge memo index": (raw(b"}r\xff\xff\xff\xff"), "its keys are"),
    "unknown memo index": (raw(b"h\7"), "damaged pickle"),
    "huge bytes": (raw(b"B\xff\xff\xff\x7f"), "expected 2147483647 bytes"),
    "huger bytes": (raw(b"\x8e" + struct.pack("<Q", 1 << 46)), "expected 70368744177664 bytes"),
    "huge bytearray": (raw(b"\x96" + struct.pack("<Q", 1 << 46)), "expected 70368744177664 bytes"),
    "huge frame": (raw(b"\x95" + struct.pack("<Q", 1 << 46), b""), "exhausted before seeing STOP"),
    "million-digit number": (
        raw(b"L" + b"9" * 1_000_000 + b"L\n"),
        "integer string|opcode LONG occurs",
    ),
    "too many opcodes": (raw(b"]" * (OPCODE_LIMIT + 10)), "more than 200000 opcodes"),
    "deep tuple as a key": (raw(b"}" + DEEPER + b"K\1s"), "a bytes was due but a tuple came"),
    "deep tuple as the shape": (odd(data=array(PIXELS, DEEP)), r"not the shape \(4, 3072\)"),
    "deep tuple as an argument": (
        raw(b"cnumpy\ndtype\n" + DEEP + b"R"),
        "'numpy dtype' is called for something else",
    ),
    "deep lists": (raw(b"]" * 90_000 + b"a" * 89_999), "a dict was due but a list came"),
    "list of itself": (
        odd(labels=b"]q\1(" + b"h\1" * ROWS + b"e"),
        "a int was due but a list came",
    ),
    "billion laughs": (
        raw(LAUGHS + odd(labels=b"](" + b"h\x78" * ROWS + b"e")[2:], b""),
        "a int was due but a list came",
    ),
    "odd dictionary": (raw(b"}(" + string("data") + b"u"), "zip"),
    "stray mark": (raw(b"}(((("), "a dict was due|damaged|its keys"),
    "text for a dictionary": (raw(b"]" + string("a") + b"K\1s"), "a dict was due but a list came"),
    "bad escape": (raw(b"S'\\q'\n"), "opcode STRING occurs|escape"),
    "snowman": (raw(b"X\x03\0\0\0\xe2\x98\x83"), "latin-1"),
    "bad utf-8": (raw(b"X\x01\0\0\0\xff"), "utf-8"),
}

IMPORTS: list[object] = []
WATCHING = threading.Event()
sys.addaudithook(
    lambda event, arguments: (
        IMPORTS.append(arguments) if event == "pickle.find_class" and WATCHING.is_set() else None
    )
)


@pytest.mark.parametrize("fault", PICKLES)
def test_a_bad_pickle_is_refused_and_not_obeyed(fault):
    blob, match = PICKLES[fault]
    WATCHING.set()
    # the longer ones are bounded by their length; tracing them takes seconds
    if len(blob) < 20_000:
        tracemalloc.start()
    with pytest.raises(DataError, match=match) as caught:
        read_batch(blob, "data_batch_1", ROWS, TITLE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    WATCHING.clear()
    assert str(caught.value).startswith(
        "data_batch_1: expected the training batch 1 of 5, pickled, received "
    )
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert peak < 1_000_000 and not IMPORTS
    assert not list(Path.cwd().iterdir())


class Gadget:
    def __reduce__(self):
        return os.system, ("touch evil",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_gadget_is_refused_in_every_protocol(protocol):
    blob = pickle.dumps({b"data": Gadget(), b"labels": [1] * ROWS}, protocol)
    with pytest.raises(DataError, match="would be imported, which no batch needs|the opcode"):
        read_batch(blob, "x", ROWS, TITLE)
    assert not Path("evil").exists()


def test_the_good_pickle_of_these_tests_is_good():
    rows, labels = read_batch(odd(), "x", ROWS, TITLE)
    assert rows.shape == (ROWS, 3072) and not rows.any() and labels.tolist() == [1] * ROWS


@given(strategies.binary(max_size=200))
@example(b"\x80\x02}q\x01.")
def test_any_bytes_are_refused_as_a_batch(blob):
    with pytest.raises(DataError):
        read_batch(blob, "x", ROWS, TITLE)


@given(strategies.data())
def test_a_damaged_batch_is_refused_or_well_formed(data):
    blob = bytearray(odd())
    spots = [*range(150), *range(len(blob) - 60, len(blob))]  # the pixels between may be anything
    for spot in data.draw(strategies.lists(strategies.sampled_from(spots), min_size=1, max_size=4)):
        blob[spot] = data.draw(strategies.integers(0, 255))
    try:
        rows, labels = read_batch(bytes(blob), "x", ROWS, TITLE)
    except DataError:
        return
    assert rows.shape == (ROWS, 3072) and labels.shape == (ROWS,) and labels.max() <= 9
