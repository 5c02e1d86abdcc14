"""The network that is being made: values by name, of which each knows how its axes lie."""

import re
from collections.abc import Sequence
from math import prod

import numpy as np

from minicnn.errors import ModelFileError
from minicnn.saving.graphs.limits import TEXT, Budget
from minicnn.saving.graphs.reader import GraphReader
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.values import Known, Value
from minicnn.types import Array

# Beside what the file has room for, of numbers that are not in it, as ConstantOfShape makes them:
FOLDED = 2**27  # that are read and written while constants are computed
MADE = 2**24  # of weights, and of constants of 4 bytes
# the names of a layer's first weight, in PyTorch and here
WEIGHT = re.compile(r"(.+)[./](?:weight|kernel|depthwise_kernel|gamma|alpha)")


class Reader(GraphReader[Operator, Value]):
    """What has been read of a graph, of which values have names.

    Args:
        stored: numbers of constants in the file.

    Attributes:
        grouped: of what may be the inside of a GroupNormalization, what it was made of, and the
            number of groups, once they are normalised.
        epsilons: of these.
        kept: bytes of constants that may still be computed.
    """

    ending, nothing = ".onnx", ""

    def __init__(
        self, operators: Sequence[Operator], ends: Sequence[str], batch: int, stored: int = 0
    ):
        super().__init__(operators, ends, batch, FOLDED + 16 * stored, MADE + 2 * stored)
        self.kept = Budget(4 * (MADE + 8 * stored), "bytes of constants", self.ending)
        self.grouped: dict[str, tuple[Value, int]] = {}
        self.epsilons: dict[str, float] = {}

    def integers(self, operator: Operator, place: int, what: str) -> list[int] | None:
        """A vector of whole numbers that is known, as a list; None where it is left out."""
        found = self.optional(operator, place, what)
        if found is None:
            return None
        if found.ndim > 1 or found.size > 64 or found.dtype.kind not in "iu":
            operator.refuse(f"expected {what} as a few whole numbers, received {found.shape}")
        return [int(n) for n in found.reshape(-1)]

    def order(self, x: Value) -> Array:
        """Of a vector with `maps`: for each of its numbers the place in ONNX."""
        assert x.maps is not None
        dims, perm = x.maps
        self.room.take(4 * prod(dims))  # two arrays of whole numbers of 8 bytes
        return np.arange(prod(dims)).reshape(dims).transpose(perm).reshape(-1)

    def label(self, operator: Operator, has_weights: bool) -> str:
        """As its weights are called, "layer1.0.conv1.weight", or the node."""
        found = WEIGHT.fullmatch("".join(operator.inputs[1:2])) if has_weights else None
        return found[1] if found else operator.name

    def put(self, operator: Operator, *results: Known) -> None:
        """Remember what a node makes. Raises ModelFileError for outputs that are not known."""
        wanted = [name for name in operator.outputs[len(results) :] if name]
        if any(name in self.users or name in self.ends for name in wanted):
            operator.refuse(f"has more outputs than are read: {', '.join(wanted):.{TEXT}}")
        for name, result in zip(operator.outputs, results, strict=False):
            if name:
                self.keep(name, result)

    def keep(self, name: str, value: Known) -> None:
        """Remember what a name stands for. Raises ModelFileError where it stands for something."""
        if name in self.values:
            raise ModelFileError(f"the .onnx file makes {name!r:.{TEXT}} twice")
        self.values[name] = value


def finite(values: Array, operator: Operator, what: str) -> Array:
    """values, when no number is infinite. Raises ModelFileError otherwise."""
    if not np.isfinite(values).all():
        operator.refuse(f"expected {what} of finite numbers")
    return values
