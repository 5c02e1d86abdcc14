"""Read a batch of CIFAR-10's or CIFAR-100's Python version without running it.

Such a batch is a pickle, and a pickle is a program: the standard library's `pickle` imports and
calls what it names. Even with imports restricted, a few bytes can ask for terabytes or overflow the
C stack. So `pickle` is not used here: `pickletools.genops` cuts the file into opcodes, and the
stack machine below obeys only those that write down numbers, strings, lists, a dictionary and an
array of uint8, and refuses the others. It imports and calls nothing that the file names; its memory
is bounded by the file's size, its time by the number of opcodes.

Source: Lib/pickletools.py of CPython (the opcodes); numpy.ndarray.__reduce__ (how an array is
    pickled).
"""

import pickletools
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from minicnn.errors import DataError

# a batch of CIFAR-10 takes about 20 000, twice that with memo entries for its file names;
# one of CIFAR-100 four for each picture
OPCODE_LIMIT = 200_000
OPCODES_PER_ROW = 20
IMAGE_BYTES = 3072
RECONSTRUCT = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
NDARRAY, DTYPE = "numpy ndarray", "numpy dtype"
LABELS = {b"labels": 10}  # CIFAR-10's
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}

T = TypeVar("T")


class Global(str):
    """The name of something that `pickle` would have imported."""


class Dtype:
    """Stands for `np.dtype("u1")`, the only one allowed."""


class Array:
    """Stands for an array, which a pickle makes empty and then gives its contents."""

    contents: np.ndarray | None = None


def read_batch(
    blob: bytes, name: str, rows: int, title: str, labels: Mapping[bytes, int] = LABELS
) -> tuple[np.ndarray, ...]:
    """The pixels, uint8 (rows, 3072), and for each key in `labels` the labels, uint8 (rows,), of
    one pickled batch.

    `name` is for messages; `title` is what the batch must call itself, such as "training batch 1 of
    5"; `labels` has the number of classes by key. Raises DataError when the file is not such a
    batch.
    """
    try:
        batch = _expect(_run(blob, rows), dict)
        if batch.get(b"batch_label", title.encode()) != title.encode():
            raise ValueError(f"it does not call itself {title!r}: was it renamed?")
        if not {b"data", *labels} <= batch.keys():
            raise ValueError(
                f"its keys are {[key[:20] for key in sorted(batch)[:9]]}, not b'data' and "
                f"{', '.join(map(repr, labels))}"
            )
        pixels = _expect(batch[b"data"], Array).contents
        found = [
            _labels(batch[key], rows if pixels is not None else 0, rows, classes)
            for key, classes in labels.items()
        ]
    except (
        ValueError,
        Warning,
    ) as error:  # Python may be told to raise the warning that a damaged string causes
        raise DataError(
            f"{name}: expected the {title}, pickled, received something else: {error}"
        ) from error
    except (IndexError, KeyError) as error:
        raise DataError(
            f"{name}: expected the {title}, pickled, received a damaged pickle: get it again"
        ) from error
    assert pixels is not None  # _labels has looked
    return (pixels, *found)


def _labels(value: object, pictures: int, rows: int, classes: int) -> np.ndarray:
    """The labels in a list: uint8 (rows,), from 0 to classes - 1."""
    labels = _expect(value, list)
    if pictures != rows or len(labels) != rows:
        raise ValueError(f"it has {len(labels)} labels and {pictures} pictures, not {rows}")
    if wrong := {_expect(label, int) for label in labels} - set(range(classes)):
        raise ValueError(f"it has the label {min(wrong)}, not only 0 to {classes - 1}")
    return np.array(labels, np.uint8)


def _run(blob: bytes, rows: int) -> object:
    """Obey the pickle's opcodes; raise ValueError for one that no batch needs."""
    stack: list = []
    marks: list[int] = []
    memo: dict[int, object] = {}
    limit = max(OPCODE_LIMIT, OPCODES_PER_ROW * rows)

    def pop_from(start: int) -> list:
        items = stack[start:]
        del stack[start:]
        return items

    opcodes: Iterator[tuple[pickletools.OpcodeInfo, Any, Any]] = pickletools.genops(blob)
    for count, (opcode, argument, _) in enumerate(opcodes):
        if count > limit:
            raise ValueError(f"there are more than {limit} opcodes")
        match opcode.name:
            case "BININT" | "BININT1" | "BININT2" | "BINBYTES" | "SHORT_BINBYTES":
                stack.append(argument)
            case "BINSTRING" | "SHORT_BINSTRING" | "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument.encode("latin-1"))  # Python 2's strings are bytes
            case "NONE" | "NEWTRUE" | "NEWFALSE" | "EMPTY_TUPLE":
                stack.append(CONSTANTS[opcode.name])
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(pop_from(-int(opcode.name[-1]))))
            case "TUPLE":
                stack.append(tuple(pop_from(marks.pop())))
            case "MARK":
                marks.append(len(stack))
            case "APPEND" | "APPENDS":
                items = pop_from(-1 if opcode.name == "APPEND" else marks.pop())
                _expect(stack[-1], list).extend(items)
            case "SETITEM" | "SETITEMS":
                items = pop_from(-2 if opcode.name == "SETITEM" else marks.pop())
                # hashing a deep tuple would overflow the C stack
                keys = [_expect(key, bytes) for key in items[::2]]
                _expect(stack[-1], dict).update(zip(keys, items[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                memo[len(memo) if argument is None else argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_global(argument))
            case "STACK_GLOBAL":
                stack.append(
                    _global(" ".join(_expect(part, bytes).decode() for part in pop_from(-2)))
                )
            case "REDUCE":
                function, arguments = pop_from(-2)
                stack.append(_call(_expect(function, Global), _expect(arguments, tuple)))
            case "BUILD":
                state = _expect(stack.pop(), tuple)
                if not isinstance(stack[-1], Dtype):  # the state of uint8 says nothing new
                    _fill(_expect(stack[-1], Array), state, rows)
            case "STOP":
                return stack.pop()
            case "PROTO" | "FRAME":
                pass
            case other:
                raise ValueError(f"the opcode {other} occurs, which no batch needs")
    raise ValueError("the end is missing")


def _expect(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise ValueError(f"a {kind.__name__} was due but a {type(value).__name__} came")
    return value


def _global(name: str) -> Global:
    if name not in {*RECONSTRUCT, NDARRAY, DTYPE}:
        raise ValueError(f"{name[:80]!r} would be imported, which no batch needs: do not trust it")
    return Global(name)


def _call(function: Global, arguments: tuple) -> Array | Dtype:
    """The two calls in a pickled array: make an empty array, and name its element type."""
    if function in RECONSTRUCT and arguments == (NDARRAY, (0,), b"b"):
        return Array()
    if function == DTYPE and arguments[:1] == (b"u1",):
        return Dtype()
    raise ValueError(f"{function!r} is called for something else than an array of uint8")


def _fill(array: Array, state: tuple, rows: int) -> None:
    """Give an array its state: (version, shape, dtype, in Fortran's order, bytes)."""
    _, shape, dtype, fortran, data = state
    _expect(dtype, Dtype)
    if shape != (rows, IMAGE_BYTES) or fortran or len(_expect(data, bytes)) != rows * IMAGE_BYTES:
        raise ValueError(f"the array has not the shape ({rows}, {IMAGE_BYTES}) in C order")
    array.contents = np.frombuffer(data, np.uint8).reshape(shape)
