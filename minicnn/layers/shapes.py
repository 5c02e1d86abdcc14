"""Shapes of samples, as messages speak of them."""

from collections.abc import Iterable
from math import prod

from minicnn.types import Shape


def with_batch(shape: Shape) -> str:
    """A sample's shape as users see it: (32, 32, 3) -> "(N, 32, 32, 3)"."""
    return "(" + ", ".join(["N", *map(str, shape)]) + ("," if not shape else "") + ")"


def with_batches(shapes: Iterable[Shape]) -> str:
    """((3, 3, 8), (8,)) -> "(N, 3, 3, 8), (N, 8)"."""
    return ", ".join(map(with_batch, shapes))


def shape_hint(received: Shape, expected: Shape) -> str:
    """The likely fix when an input of `received` (with N) meets a layer for `expected` samples."""
    if len(expected) == 3:
        if received[1:] == (expected[2], *expected[:2]):
            return ": minicnn is channels-last, try x.transpose(0, 2, 3, 1)"
        if received[1:] == expected[:2] and expected[2] == 1:
            return ": add the channel axis, x[..., None]"
    if received == expected:
        return ": add the batch axis, x[None]"
    return ""


def missing_sum(received: Shape, expected: Shape) -> str:
    """The likely fix when the gradient of something of shape `expected` is of shape `received`."""
    more = len(received) - len(expected)
    if more > 0 and received[more:] == expected:
        last = {0: "", 1: " but the last"}.get(len(expected), f" but the last {len(expected)}")
        return f": sum over all axes{last}"
    if more < 0 and prod(received) < prod(expected):
        return ": too much is summed, or an axis is taken out that keepdims=True keeps"
    if prod(received) == prod(expected):
        if sorted(received) == sorted(expected):
            return ": a transpose is missing or too much"
        return f": bring it back to that shape, .reshape({expected})"
    return ": a gradient has the shape of what it belongs to"


def check_last_axis(axis: int, input_shape: Shape, owner: object) -> None:
    """Raise ValueError unless `axis`, counted with N, is the channel axis: minicnn is channels-last
    throughout.
    """
    if axis not in (-1, len(input_shape)):
        raise ValueError(
            f"{owner} expected axis -1, the channels of {with_batch(input_shape)}, received "
            f"axis={axis}"
        )
