"""Depthwise convolution, one cell of the kernel at a time."""

from minicnn.kernels.twins.cells import cells
from minicnn.kernels.twins.sums import sum_of_rows


def depthwise(x, kernel, strides, before, dilation, y):
    """Add up cell after cell."""
    y[...] = 0
    for kh, kw, (i, j), (h, w) in cells(
        x.shape[1:3], y.shape[1:3], kernel.shape[:2], strides, before, dilation
    ):
        y[:, i, j] += x[:, h, w] * kernel[kh, kw]


def depthwise_to_input(dy, kernel, strides, before, dilation, dx):
    """Backwards through the cells, as col2im."""
    dx[...] = 0
    windows = cells(dx.shape[1:3], dy.shape[1:3], kernel.shape[:2], strides, before, dilation)
    for kh, kw, (i, j), (h, w) in reversed(list(windows)):
        dx[:, h, w] += dy[:, i, j] * kernel[kh, kw]


def depthwise_to_kernel(x, dy, strides, before, dilation, parts):
    """For each cell the products with all that it saw, added up output after output."""
    N, KH, KW, C = parts.shape
    for kh, kw, (i, j), (h, w) in cells(
        x.shape[1:3], dy.shape[1:3], (KH, KW), strides, before, dilation
    ):
        for n in range(N):
            parts[n, kh, kw] = sum_of_rows((x[n, h, w] * dy[n, i, j]).reshape(-1, C))
