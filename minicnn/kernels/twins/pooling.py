"""Pooling, one cell of the window at a time."""

import numpy as np

from minicnn.kernels.twins.cells import cells


def max_pool(x, pool, strides, before, y, argmax):
    """Begin with the first cell of each window, and let the others beat it."""
    _, H, W, _ = x.shape
    _, OH, OW, _ = y.shape
    tops = np.maximum(np.arange(OH) * strides[0] - before[0], 0)[:, None]
    lefts = np.maximum(np.arange(OW) * strides[1] - before[1], 0)
    places = np.arange(H * W, dtype=argmax.dtype).reshape(H, W, 1)  # h*W + w
    y[...], argmax[...] = x[:, tops, lefts], places[tops, lefts]  # of each window the first cell
    for _, _, (i, j), (h, w) in cells((H, W), (OH, OW), pool, strides, before):
        value, best = x[:, h, w], y[:, i, j]
        wins = (value > best) | ((value != value) & (best == best))
        argmax[:, i, j] = np.where(wins, places[h, w], argmax[:, i, j])
        y[:, i, j] = np.where(wins, value, best)


def max_unpool(dy, argmax, dx):
    """One addition after the other, in the order of dy."""
    N, H, W, C = dx.shape
    n, c = np.arange(N).reshape(N, 1, 1, 1), np.arange(C)
    where = (n * (H * W) + argmax) * C + c
    dx[...] = 0
    np.add.at(dx.reshape(-1), where.ravel(), dy.ravel())  # in order


def average_pool(x, pool, strides, before, y):
    """Add up cell after cell."""
    picture, output = x.shape[1:3], y.shape[1:3]
    y[...] = 0
    for _, _, (i, j), (h, w) in cells(picture, output, pool, strides, before):
        y[:, i, j] += x[:, h, w]
    y[...] = y / _counts(picture, output, pool, strides, before)


def average_unpool(dy, pool, strides, before, dx):
    """Backwards through the cells, as col2im. Shares are double until they are added."""
    picture, output = dx.shape[1:3], dy.shape[1:3]
    shares = dy / _counts(picture, output, pool, strides, before)
    dx[...] = 0
    for _, _, (i, j), (h, w) in reversed(list(cells(picture, output, pool, strides, before))):
        dx[:, h, w] = dx[:, h, w] + shares[:, i, j]


def _counts(picture, output, pool, strides, before):
    """How many real cells each window has, (OH, OW, 1)."""
    counts = np.zeros((*output, 1))
    for _, _, (i, j), _ in cells(picture, output, pool, strides, before):
        counts[i, j] += 1
    return counts
