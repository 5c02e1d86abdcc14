"""Resampling, a picture at a time."""

import numpy as np

from minicnn.kernels.resample import CONSTANT, NEAREST, REFLECT, WRAP


def resample(x, matrices, fill, value, bilinear, y):
    """Picture after picture, all pixels at once."""
    draw = _interpolated if bilinear else _picked
    for n in range(len(x)):
        y[n] = draw(x[n], matrices[n], fill, value, y.shape[1:3], y.dtype)


def unresample(dy, matrices, fill, bilinear, dx):
    """Picture after picture, one addition after the other."""
    dx[...] = 0
    for n in range(len(dx)):
        _spread(dy[n], matrices[n], fill, bilinear, dx[n])


def _places(matrix, size, nearest, dtype):
    """For each of (OH, OW) pixels: the pixel left of and above its place, and how far beyond that
    it lies: left, top, du, dv.
    """
    i, j = np.arange(size[0])[:, None], np.arange(size[1])
    half = 0.5 if nearest else 0.0
    u = matrix[0, 0] * j + (matrix[0, 1] * i + matrix[0, 2]) + half
    v = matrix[1, 0] * j + (matrix[1, 1] * i + matrix[1, 2]) + half
    left, top = np.floor(u), np.floor(v)
    parts = (u - left).astype(dtype), (v - top).astype(dtype)
    return left.astype(np.int64), top.astype(np.int64), *parts


def _inside(k, n, fill):
    """Which of n pixels in a line stands at each place k; -1 for none."""
    if fill == CONSTANT:
        return np.where((k < 0) | (k >= n), -1, k)
    if fill == NEAREST or n == 1:
        return np.clip(k, 0, n - 1)
    period = n if fill == WRAP else 2 * n if fill == REFLECT else 2 * n - 2
    k = k % period
    return np.where(k >= n, (period - 1 if fill == REFLECT else period) - k, k)


def _pixels(x, h, w, value):
    """(OH, OW, C) of x (H, W, C); value where there is none."""
    return np.where(((h < 0) | (w < 0))[..., None], value, x[h, w])


def _interpolated(x, matrix, fill, value, size, dtype):
    H, W, _ = x.shape
    left, top, du, dv = _places(matrix, size, False, dtype)
    du, dv, one = du[..., None], dv[..., None], dtype.type(1)
    right, bottom = _inside(left + 1, W, fill), _inside(top + 1, H, fill)
    left, top = _inside(left, W, fill), _inside(top, H, fill)
    tl = (one - dv) * (one - du) * _pixels(x, top, left, value)
    tr = (one - dv) * du * _pixels(x, top, right, value)
    bl = dv * (one - du) * _pixels(x, bottom, left, value)
    br = dv * du * _pixels(x, bottom, right, value)
    beyond = (left < 0) | (right < 0) | (top < 0) | (bottom < 0)
    # the loop adds up by rows where it has to look at each pixel, and else from left to right
    return np.where(beyond[..., None], (tl + tr) + (bl + br), ((tl + tr) + bl) + br)


def _picked(x, matrix, fill, value, size, dtype):
    H, W, _ = x.shape
    left, top, _, _ = _places(matrix, size, True, dtype)
    return _pixels(x, _inside(top, H, fill), _inside(left, W, fill), value)


def _spread(dy, matrix, fill, bilinear, dx):
    """Add to dx (H, W, C) in the order of the loop: pixel after pixel of dy, each to its up to four
    places, row by row: axes (OH, OW, below, right, C).
    """
    H, W, C = dx.shape
    left, top, du, dv = _places(matrix, dy.shape[:2], not bilinear, dy.dtype)
    one = dy.dtype.type(1)
    steps = np.arange(2 if bilinear else 1)
    h = _inside(top[..., None] + steps, H, fill)[..., :, None]
    w = _inside(left[..., None] + steps, W, fill)[..., None, :]
    given = dy[:, :, None, None, :]
    if bilinear:
        down, across = np.stack([one - dv, dv], -1), np.stack([one - du, du], -1)
        given = (down[..., :, None] * across[..., None, :])[..., None] * given
    there = (h >= 0) & (w >= 0)
    np.add.at(dx.reshape(-1, C), (h * W + w)[there], given[there])
