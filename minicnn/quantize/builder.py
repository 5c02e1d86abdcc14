"""Operations as they are made of layers, and what becomes a part of the one before it."""

from collections import Counter
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from minicnn.quantize.operations import FUSING, WEIGHTED, Operation
from minicnn.types import Array, Shape


class Builder:
    """The operations that are being made.

    Attributes:
        scope: the path of the layer that is being told, after which operations are named.
        alone: whether this layer alone reads what it is called on.
        ranges: of values that have been told theirs.
    """

    def __init__(self, input_shape: Shape):
        self.input_shape = input_shape
        self.operations: list[Operation] = []
        self.ranges: dict[int, tuple[float, float]] = {}
        self.scope, self.alone = "", False
        self._names: Counter[str] = Counter()

    def shape(self, value: int) -> Shape:
        """The shape of one sample of a value."""
        return self.input_shape if value == 0 else self.operations[value - 1].shape

    def put(self, kind: str, reads: list[int], shape: Shape, **told: Any) -> int:
        """Append an operation; the number of the value that it makes."""
        weights = {name: told.pop(name, None) for name in ("kernel", "bias")}
        self.operations.append(
            Operation(kind, self._name(kind), tuple(reads), tuple(shape), None, told, **weights)
        )
        return len(self.operations)

    def _name(self, kind: str) -> str:
        """Of a layer's first operation, the layer's."""
        name = f"{self.scope}/{kind}" if self._names[self.scope] else self.scope
        while self._names[name]:
            self._names[f"{self.scope}/{kind}"] += 1
            name = f"{self.scope}/{kind}_{self._names[f'{self.scope}/{kind}'] - 1}"
        self._names[name] += 1
        return name

    def activated(self, value: int, activation: str | None) -> int:
        """A value behind a ReLU, which becomes a part of what makes it where that can be."""
        if activation is None:
            return value
        maker = self._maker(value)
        if maker is None or maker.kind not in FUSING or maker.activation is not None:
            made = self.put("relu", [value], self.shape(value))
            self.operations[made - 1].activation = activation
            return made
        maker.activation = activation
        return value

    def scaled(self, value: int, a: Array, b: Array) -> int:
        """a x + b for each channel: a part of the kernel and bias that make x, where nobody else
        reads that, or else a kernel of one cell for each channel.
        """
        maker = self._maker(value)
        if maker is not None and maker.kind in WEIGHTED and maker.activation is None:
            assert maker.kernel is not None and maker.bias is not None
            if maker.kind == "depthwise_conv2d":  # (KH, KW, C, M), channel c*M + m
                maker.kernel = maker.kernel * a.reshape(maker.kernel.shape[2:])
            else:
                maker.kernel = maker.kernel * a
            maker.bias = maker.bias * a + b
            return value
        shape, C = self.shape(value), len(a)
        pictures = shape if len(shape) == 3 else (prod(shape[:-1]), 1, C)
        value = self.reshaped(value, pictures)
        value = self.put(
            "depthwise_conv2d",
            [value],
            pictures,
            kernel=a.reshape(1, 1, C, 1),
            bias=b,
            strides=(1, 1),
            padding="valid",
            dilation_rate=(1, 1),
        )
        return self.reshaped(value, shape)

    def reshaped(self, value: int, shape: Shape) -> int:
        """A value in another shape."""
        same = self.shape(value) == tuple(shape)
        return value if same else self.put("reshape", [value], shape)

    def told_range(self, value: int, low: float, high: float) -> int:
        """A value of a known range, which nothing changes any more."""
        self.ranges[value] = (low, high)
        return value

    def finished(self) -> list[Operation]:
        """The operations, with kernels and biases in float32."""
        return [
            one
            if one.kernel is None or one.bias is None
            else replace(
                one, kernel=one.kernel.astype(np.float32), bias=one.bias.astype(np.float32)
            )
            for one in self.operations
        ]

    def _maker(self, value: int) -> Operation | None:
        """What makes a value, if that may still be changed."""
        if not self.alone or value == 0 or value in self.ranges:
            return None
        return self.operations[value - 1]
