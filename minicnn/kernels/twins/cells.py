"""Sliding windows, one cell of the window at a time: what all outputs see through it is a slice of
the picture.
"""

from collections.abc import Iterator

from minicnn.types import Pair

Slices = tuple[slice, slice]


def cells(
    picture: Pair, output: Pair, size: Pair, strides: Pair, before: Pair, dilation: Pair = (1, 1)
) -> Iterator[tuple[int, int, Slices, Slices]]:
    """For each cell (kh, kw) of a window, in row-major order: the outputs that see a pixel of the
    picture through it, and these pixels, as slices of (OH, OW) and (H, W).

    A loop over outputs reaches a pixel through the last cell first: output i sees pixel h through
    kh = (h + top - i * SH) / DH, which falls as i rises. So where cells add to pixels,
    reversed(list(...)) is the order of the loop.
    """
    for kh in range(size[0]):
        i, h = met(picture[0], output[0], strides[0], before[0] - kh * dilation[0])
        for kw in range(size[1]):
            j, w = met(picture[1], output[1], strides[1], before[1] - kw * dilation[1])
            yield kh, kw, (i, j), (h, w)


def met(size: int, outputs: int, stride: int, before: int) -> Slices:
    """The outputs i for which pixel i * stride - before is in a line of that size, and these
    pixels.
    """
    first = max(0, -(-before // stride))
    last = min(outputs, (size - 1 + before) // stride + 1)
    if last <= first:
        return slice(0, 0), slice(0, 0)
    start = first * stride - before
    return slice(first, last), slice(start, start + (last - first - 1) * stride + 1, stride)
