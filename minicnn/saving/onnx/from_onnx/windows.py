"""How a window slides over pictures in ONNX, and whether that is "valid" or Keras' "same"."""

from dataclasses import dataclass

from minicnn.layers.node import Node
from minicnn.saving.onnx.from_onnx.operator import Operator
from minicnn.saving.onnx.from_onnx.reader import Reader
from minicnn.types import Pair

LONGEST = 2**15  # of kernels, strides and paddings


@dataclass(frozen=True)
class Slide:
    """A window's geometry, rows and columns.

    Attributes:
        extent: from the first to the last cell of a window.
        before, after: the cells outside of the picture that windows really see; after may be below
            0, where the last rows are seen by none.
        output: positions.
    """

    size: Pair
    strides: Pair
    dilation: Pair
    before: Pair
    after: Pair
    output: Pair

    @property
    def padding(self) -> str | None:
        """ "valid" or "same" where one of them says this, else None."""
        if self.before == (0, 0) and max(self.after) <= 0:
            return "valid"
        for n in (0, 1):
            seen = self.before[n] + self.after[n]  # the picture has as many cells fewer
            extent = (self.size[n] - 1) * self.dilation[n] + 1
            picture = (self.output[n] - 1) * self.strides[n] + extent - seen
            total = max(seen, 0)
            if self.output[n] != -(-picture // self.strides[n]) or self.before[n] != total // 2:
                return None
        return "same"


def slide(operator: Operator, picture: Pair, size: Pair | None = None) -> Slide:
    """The geometry that a node's attributes say; size: of a kernel that it has."""
    given = operator.integers("kernel_shape", 2, None if size is None else list(size))
    if size is not None and tuple(given) != size:
        operator.refuse(f"expected kernel_shape {size} as its kernel has, received {given}")
    strides = operator.integers("strides", 2, [1, 1])
    dilation = operator.integers("dilations", 2, [1, 1])
    pads = operator.integers("pads", 4, [0, 0, 0, 0])
    auto = operator.get("auto_pad", "NOTSET")
    ceil = operator.get("ceil_mode", 0)
    if not all(1 <= n <= LONGEST for n in (*given, *strides, *dilation)):
        operator.refuse(f"expected a window and steps from 1 on, received {given}, {strides}")
    if not all(0 <= n <= LONGEST for n in pads):
        operator.refuse(f"expected pads of at least 0, received {pads}")
    before, after, output = [], [], []
    for n, (length, k, step, d) in enumerate(zip(picture, given, strides, dilation, strict=True)):
        extent = (k - 1) * d + 1
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            out = -(-length // step)
            total = max((out - 1) * step + extent - length, 0)
            start = total // 2 if auto == "SAME_UPPER" else total - total // 2
        elif auto in ("NOTSET", "VALID"):
            start, end = (pads[n], pads[n + 2]) if auto == "NOTSET" else (0, 0)
            room = length + start + end - extent
            out = (-(-room // step) if ceil else room // step) + 1
            if ceil and (out - 1) * step >= length + start:
                out -= 1  # a window that begins behind the picture is none
        else:
            operator.refuse(f"expected auto_pad as ONNX has it, received {auto!r:.40}")
        if out < 1:
            operator.refuse(f"has a window larger than its pictures of {picture}")
        before.append(start)
        output.append(out)
        after.append((out - 1) * step + extent - length - start)
    pairs = [(a, b) for a, b in (given, strides, dilation, before, after, output)]
    return Slide(*pairs)


def framed(reader: Reader, operator: Operator, x: Node, one: Slide) -> Node:
    """x with the zeros around it that the windows see; "valid" is left then."""
    sides = tuple((one.before[n], max(one.after[n], 0)) for n in (0, 1))
    return reader.layer("ZeroPadding2D", operator, x, padding=sides)
