"""The definitions, loop by loop, as an oracle.

Slow on purpose: nothing here is shared with the package.
"""

import itertools
import math

import numpy as np


def same_padding(n, k, stride, dilation=1):
    """(output size, cells before, cells after) of 'same' padding along one axis, from Keras'
    documentation.
    """
    extent = (k - 1) * dilation + 1
    out = math.ceil(n / stride)
    total = max((out - 1) * stride + extent - n, 0)
    return out, total // 2, total - total // 2


def geometry(shape, size, strides, padding, dilation=(1, 1)):
    """[(output size, padding before)] for rows and columns."""
    axes = []
    for n, k, stride, d in zip(shape, size, strides, dilation, strict=True):
        if padding == "same":
            out, before, _ = same_padding(n, k, stride, d)
        else:
            out, before = len(range(0, n - (k - 1) * d, stride)), 0
        axes.append((out, before))
    return axes


def taps(x_shape, kernel_shape, strides, padding, dilation):
    """Every (n, i, j, kh, kw, h, w) for which output (i, j) sees the real pixel (h, w) through tap
    (kh, kw).
    """
    (OH, top), (OW, left) = geometry(x_shape[1:3], kernel_shape[:2], strides, padding, dilation)
    for n, i, j in itertools.product(range(x_shape[0]), range(OH), range(OW)):
        for kh, kw in itertools.product(range(kernel_shape[0]), range(kernel_shape[1])):
            h, w = i * strides[0] + kh * dilation[0] - top, j * strides[1] + kw * dilation[1] - left
            if 0 <= h < x_shape[1] and 0 <= w < x_shape[2]:
                yield n, i, j, kh, kw, h, w


def conv2d(x, kernel, bias, strides, padding, dilation):
    """Seven loops: n, i, j, kh, kw in taps, c and f here."""
    (OH, _), (OW, _) = geometry(x.shape[1:3], kernel.shape[:2], strides, padding, dilation)
    y = np.zeros((x.shape[0], OH, OW, kernel.shape[3]), x.dtype) + bias
    for n, i, j, kh, kw, h, w in taps(x.shape, kernel.shape, strides, padding, dilation):
        for c in range(kernel.shape[2]):
            for f in range(kernel.shape[3]):
                y[n, i, j, f] += x[n, h, w, c] * kernel[kh, kw, c, f]
    return y


def conv2d_gradients(x, kernel, dy, strides, padding, dilation):
    """(dx, dkernel, dbias) by the same seven loops."""
    dx, dkernel = np.zeros_like(x), np.zeros_like(kernel)
    for n, i, j, kh, kw, h, w in taps(x.shape, kernel.shape, strides, padding, dilation):
        for c in range(kernel.shape[2]):
            for f in range(kernel.shape[3]):
                dx[n, h, w, c] += dy[n, i, j, f] * kernel[kh, kw, c, f]
                dkernel[kh, kw, c, f] += dy[n, i, j, f] * x[n, h, w, c]
    dbias = np.zeros(kernel.shape[3], x.dtype)
    for row in dy.reshape(-1, kernel.shape[3]):
        dbias += row
    return dx, dkernel, dbias


def windows(x, size, strides, padding):
    """Every (n, i, j, c, [(h, w) of the real cells, row-major]) of a pooling layer."""
    (OH, top), (OW, left) = geometry(x.shape[1:3], size, strides, padding)
    for n, i, j, c in itertools.product(range(x.shape[0]), range(OH), range(OW), range(x.shape[3])):
        rows = range(i * strides[0] - top, i * strides[0] - top + size[0])
        columns = range(j * strides[1] - left, j * strides[1] - left + size[1])
        cells = [
            (h, w) for h in rows for w in columns if 0 <= h < x.shape[1] and 0 <= w < x.shape[2]
        ]
        yield n, i, j, c, cells


def pool2d(x, size, strides, padding, kind):
    """Maximum or average pooling; a NaN in a window makes its output NaN."""
    (OH, _), (OW, _) = geometry(x.shape[1:3], size, strides, padding)
    y = np.zeros((x.shape[0], OH, OW, x.shape[3]), x.dtype)
    for n, i, j, c, cells in windows(x, size, strides, padding):
        values = [x[n, h, w, c] for h, w in cells]
        if kind == "average":
            y[n, i, j, c] = math.fsum(values) / len(values)
        else:
            y[n, i, j, c] = math.nan if any(math.isnan(v) for v in values) else max(values)
    return y


def pool2d_gradient(x, dy, size, strides, padding, kind):
    """dx; of equal maxima the first in row-major order takes it all."""
    dx = np.zeros_like(x)
    for n, i, j, c, cells in windows(x, size, strides, padding):
        if kind == "average":
            for h, w in cells:
                dx[n, h, w, c] += dy[n, i, j, c] / len(cells)
        else:
            values = [x[n, h, w, c] for h, w in cells]
            h, w = cells[values.index(max(values))]
            dx[n, h, w, c] += dy[n, i, j, c]
    return dx
