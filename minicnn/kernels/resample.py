"""Resampling: draw a picture anew from places between the pixels of another, and the adjoint of
that.

    y[i, j] = x at the place (u, v),   (u, v, 1)^T = matrix (j, i, 1)^T   u to the right, v down

A place between four pixels takes their mean, weighted by nearness ("bilinear"), or the nearest of
them alone. A place beyond the edge is filled:

    fill          left of the edge | a b c d | right of it
    CONSTANT               k k k k | a b c d | k k k k
    NEAREST                a a a a | a b c d | d d d d
    REFLECT                d c b a | a b c d | d c b a   edge repeated: reflect in Keras
    WRAP                   a b c d | a b c d | a b c d
    MIRROR                 . d c b | a b c d | c b a .   edge not repeated

REFLECT is NumPy's symmetric; MIRROR is NumPy's and PyTorch's reflect.

Axes: N pictures, H W height and width, C channels, OH OW height and width of what is drawn.
"""

import numpy as np

from minicnn.machine.jit import jit, jit_part, parallel_jit, prange

CONSTANT, NEAREST, REFLECT, WRAP, MIRROR = range(5)
# pixels: no picture has a longer side, and nobody who shifts one or adds to it means more
LONGEST = 65_535


@parallel_jit
def resample(x, matrices, fill, value, bilinear, y):
    """Draw y[n] from x[n] by matrices[n], all threads at once.

    x (N, H, W, C), bytes or floats; matrices (N, 3, 3) float64; fill as above, value for CONSTANT;
    bilinear or nearest; y (N, OH, OW, C) is overwritten. Coordinates are float64, weights of y's
    type.
    """
    for n in prange(len(x)):
        if bilinear:
            _interpolate(x[n], matrices[n], fill, value, y[n])
        else:
            _pick(x[n], matrices[n], fill, value, y[n])


@parallel_jit
def unresample(dy, matrices, fill, bilinear, dx):
    """Give each dy to the pixels of x that it was drawn from, by their weights: <resample(x), dy> =
    <x, dx>.

    Arguments as in resample, for the same matrices; dx (N, H, W, C) is overwritten.
    """
    for n in prange(len(dx)):
        _spread(dy[n], matrices[n], fill, bilinear, dx[n])


@jit_part
def _places(matrix, i, nearest, lefts, tops, du, dv):
    """For each pixel j of row i: the pixel left of and above its place, and how far beyond that it
    lies.
    """
    half = 0.5 if nearest else 0.0
    for j in range(len(lefts)):
        u = matrix[0, 0] * j + (matrix[0, 1] * i + matrix[0, 2]) + half
        v = matrix[1, 0] * j + (matrix[1, 1] * i + matrix[1, 2]) + half
        u_floor, v_floor = np.floor(u), np.floor(v)
        lefts[j], tops[j] = u_floor, v_floor
        du[j], dv[j] = u - u_floor, v - v_floor


@jit_part
def _inside(k, n, fill):
    """Which of n pixels in a line stands at place k; -1 for none."""
    if fill == CONSTANT:
        return -1 if k < 0 or k >= n else k
    if fill == NEAREST or n == 1:
        return min(max(k, 0), n - 1)
    if k < 0 or k >= n:
        period = n if fill == WRAP else 2 * n if fill == REFLECT else 2 * n - 2
        k %= period
        if k >= n:
            k = (period - 1 if fill == REFLECT else period) - k
    return k


@jit_part
def _pixel(x, h, w, c, value):
    return value if h < 0 or w < 0 else x[h, w, c]


@jit
def _interpolate(x, matrix, fill, value, y):
    """One picture, bilinear."""
    H, W, C = x.shape
    OH, OW, _ = y.shape
    lefts, tops = np.empty((2, OW), np.int64)
    du, dv = np.empty((2, OW), y.dtype)
    one = y.dtype.type(1)
    for i in range(OH):
        _places(matrix, i, False, lefts, tops, du, dv)
        for j in range(OW):
            left, top = lefts[j], tops[j]
            right, bottom = left + 1, top + 1
            tl, tr = (one - dv[j]) * (one - du[j]), (one - dv[j]) * du[j]
            bl, br = dv[j] * (one - du[j]), dv[j] * du[j]
            if left < 0 or top < 0 or right >= W or bottom >= H:
                left, right = _inside(left, W, fill), _inside(right, W, fill)
                top, bottom = _inside(top, H, fill), _inside(bottom, H, fill)
                if left < 0 or right < 0 or top < 0 or bottom < 0:
                    for c in range(C):
                        above = tl * _pixel(x, top, left, c, value) + tr * _pixel(
                            x, top, right, c, value
                        )
                        below = bl * _pixel(x, bottom, left, c, value) + br * _pixel(
                            x, bottom, right, c, value
                        )
                        y[i, j, c] = above + below
                    continue
            if C == 3:  # the same again, a fifth faster where the compiler knows how often
                for c in range(3):
                    above = tl * x[top, left, c] + tr * x[top, right, c]
                    y[i, j, c] = above + bl * x[bottom, left, c] + br * x[bottom, right, c]
                continue
            for c in range(C):
                above = tl * x[top, left, c] + tr * x[top, right, c]
                y[i, j, c] = above + bl * x[bottom, left, c] + br * x[bottom, right, c]


@jit
def _pick(x, matrix, fill, value, y):
    """One picture, the nearest pixel each: exact copies, whatever they hold."""
    H, W, C = x.shape
    OH, OW, _ = y.shape
    lefts, tops = np.empty((2, OW), np.int64)
    du, dv = np.empty((2, OW), y.dtype)
    for i in range(OH):
        _places(matrix, i, True, lefts, tops, du, dv)
        for j in range(OW):
            h, w = _inside(tops[j], H, fill), _inside(lefts[j], W, fill)
            for c in range(C):
                y[i, j, c] = _pixel(x, h, w, c, value)


@jit
def _spread(dy, matrix, fill, bilinear, dx):
    """The adjoint of both, for one picture."""
    H, W, C = dx.shape
    OH, OW, _ = dy.shape
    lefts, tops = np.empty((2, OW), np.int64)
    du, dv = np.empty((2, OW), dy.dtype)
    one = dy.dtype.type(1)
    dx[...] = 0
    for i in range(OH):
        _places(matrix, i, not bilinear, lefts, tops, du, dv)
        for j in range(OW):
            for below in range(2 if bilinear else 1):
                h = _inside(tops[j] + below, H, fill)
                for right in range(2 if bilinear else 1):
                    w = _inside(lefts[j] + right, W, fill)
                    weight = one
                    if bilinear:
                        weight = (dv[j] if below else one - dv[j]) * (
                            du[j] if right else one - du[j]
                        )
                    if h >= 0 and w >= 0:
                        for c in range(C):
                            dx[h, w, c] += weight * dy[i, j, c]
