"""An array of pictures as the Open Inference Protocol sends it, in JSON or in bytes behind it."""

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minicnn.saving.strict_json import parse
from minicnn.serve.problems import Problem

LENGTH = "inference-header-content-length"  # of the JSON, where bytes follow it
TYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}


class Asked:
    """What an inference request asks for. Its parts are read when they are asked for, all of them
    by the same thread.

    Args:
        body: of the request.
        length: what its header says about the length of the JSON in it, or None.
        shape: of one picture of the model, (H, W, C).
        most: pictures in a request.

    Every part raises Problem where it is not as the protocol says.
    """

    def __init__(self, body: bytes, length: str | None, shape: tuple[int, int, int], most: int):
        self._body, self._shape, self._most = body, shape, most
        if length is None:
            self._end = len(body)
        elif length.isdecimal() and len(length) < 12 and int(length) <= len(body):
            self._end = int(length)
        else:
            raise Problem(
                400,
                f"{LENGTH} expected at most the body's {len(body)} bytes, received {length[:20]}",
            )

    @cached_property
    def _json(self) -> dict[str, Any]:
        try:
            return parse(self._body[: self._end].decode())
        except UnicodeDecodeError:
            raise Problem(400, "the body expected JSON in UTF-8, received other bytes") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise Problem(400, f"the body expected JSON: {str(error)[:200]}") from None

    @cached_property
    def id(self) -> str | None:
        """What the client calls the request."""
        name = self._json.get("id")
        if name is not None and not (isinstance(name, str) and len(name) <= 256):
            raise Problem(400, "id expected a text of at most 256 letters")
        return name

    @cached_property
    def explain(self) -> str | None:
        """The kind of map that is wanted."""
        wanted = _parameters(self._json).get("explain")
        if wanted is not None and not isinstance(wanted, str):
            raise Problem(400, "explain expected the name of a map")
        return wanted

    @cached_property
    def names(self) -> set[str] | None:
        """The outputs that are wanted; None for all."""
        return set(self._outputs) or None

    def in_bytes(self, name: str) -> bool:
        """Whether an output is wanted in bytes."""
        usual = _parameters(self._json).get("binary_data_output", False)
        return bool(self._outputs.get(name, {}).get("binary_data", usual))

    def array(self) -> NDArray[np.float32]:
        """The pictures (n, H, W, C); and look at all other parts, so that they raise here."""
        _, _, _ = self.id, self.explain, self.names
        inputs = self._json.get("inputs")
        if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
            raise Problem(400, "inputs expected a list of one tensor")
        tensor = inputs[0]
        kind = TYPES.get(
            tensor.get("datatype", "") if isinstance(tensor.get("datatype"), str) else ""
        )
        if kind is None:
            raise Problem(
                400,
                f"datatype expected {' or '.join(TYPES)}, received "
                f"{str(tensor.get('datatype'))[:20]}",
            )
        shape = self._checked_shape(tensor.get("shape"))
        size = _parameters(tensor).get("binary_data_size")
        if size is not None:
            values = self._of_bytes(size, shape, kind)
        else:
            values = _of_list(tensor.get("data"), shape, kind)
        x = np.ascontiguousarray(values, np.float32).reshape(shape)
        if not np.isfinite(x).all():
            raise Problem(400, "data expected finite numbers")
        return x

    @cached_property
    def _outputs(self) -> dict[str, dict[str, Any]]:
        listed = self._json.get("outputs", [])
        named = isinstance(listed, list) and all(
            isinstance(one, dict) and isinstance(one.get("name"), str) for one in listed
        )
        if not named or len(listed) > 8:
            raise Problem(400, "outputs expected a list of objects with a name")
        return {one["name"]: _parameters(one) for one in listed}

    def _checked_shape(self, shape: Any) -> tuple[int, ...]:
        right = isinstance(shape, list) and [type(n) for n in shape] == [int] * 4
        if not right or tuple(shape[1:]) != self._shape or shape[0] < 1:
            expected = ", ".join(map(str, self._shape))
            raise Problem(400, f"shape expected [n, {expected}], received {str(shape)[:60]}")
        if shape[0] > self._most:
            raise Problem(
                413, f"shape expected at most {self._most} pictures, received {str(shape[0])[:20]}"
            )
        return tuple(shape)

    def _of_bytes(self, size: Any, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
        there, expected = len(self._body) - self._end, math.prod(shape) * kind.itemsize
        if type(size) is not int or size != expected or there != expected:
            raise Problem(
                400,
                f"binary_data_size expected {expected} for this shape, and as many bytes "
                f"behind the JSON, received {str(size)[:20]} and {there}",
            )
        return np.frombuffer(self._body, kind, offset=self._end)


def stacked(maps: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Maps (H, W) as one array (n, H, W)."""
    return np.stack(maps)


def _of_list(data: Any, shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """The numbers of a list, flat or nested as the shape is."""
    if not isinstance(data, list):
        raise Problem(400, "data expected a list of numbers")
    try:
        values = np.array(data)
    except ValueError:  # lists of several lengths
        values = np.empty(0, object)
    if values.dtype.kind not in "iuf" or values.shape not in ((math.prod(shape),), shape):
        raise Problem(
            400, f"data expected {math.prod(shape)} numbers, flat or nested as the shape is"
        )
    if kind.kind == "u" and (values.dtype.kind == "f" or values.min() < 0 or values.max() > 255):
        raise Problem(400, "data expected whole numbers from 0 to 255, as UINT8 has them")
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _parameters(thing: dict[str, Any]) -> dict[str, Any]:
    found = thing.get("parameters", {})
    if not isinstance(found, dict):
        raise Problem(400, "parameters expected an object")
    return found
