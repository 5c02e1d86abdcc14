"""Maximum and average over sliding windows, forward and backward.

A window covers rows i*SH - top ... + PH and the columns alike, cut off at the picture's edge:
padding cells are no cells at all, so they neither win a maximum nor count in an average (as in
Keras).

Axes: N images, H W height and width, C channels, OH OW output positions, PH PW the window.
"""

import numpy as np

from minicnn.machine.jit import jit


@jit
def max_pool(x, pool, strides, before, y, argmax):
    """y[n, i, j, c] = the largest x in the window; argmax[n, i, j, c] = h*W + w of the cell it came
    from.

    x (N, H, W, C); pool, strides, before: pairs of ints; y and argmax (N, OH, OW, C) are
    overwritten. Of equal values the first in row-major order wins. The first NaN wins over every
    number, so that it survives (`value > best` alone would drop it, and would leave a window of NaN
    without an index).
    """
    N, H, W, C = x.shape
    _, OH, OW, _ = y.shape
    for n in range(N):
        for i in range(OH):
            top = max(i * strides[0] - before[0], 0)
            bottom = min(i * strides[0] - before[0] + pool[0], H)
            for j in range(OW):
                left = max(j * strides[1] - before[1], 0)
                right = min(j * strides[1] - before[1] + pool[1], W)
                for c in range(C):
                    y[n, i, j, c] = x[n, top, left, c]
                    argmax[n, i, j, c] = top * W + left
                for h in range(top, bottom):
                    for w in range(left, right):
                        where = np.int32(h * W + w)
                        for c in range(C):  # innermost, and without a branch, so that it vectorises
                            value, best = x[n, h, w, c], y[n, i, j, c]
                            wins = (value > best) | ((value != value) & (best == best))
                            y[n, i, j, c] = value if wins else best
                            argmax[n, i, j, c] = where if wins else argmax[n, i, j, c]


@jit
def max_unpool(dy, argmax, dx):
    """Send each dy to the one cell that won its window: dx[n, h, w, c] = sum of dy over the windows
    it won.

    dy and argmax (N, OH, OW, C); dx (N, H, W, C) is overwritten.
    """
    N, OH, OW, C = dy.shape
    W = dx.shape[2]
    dx[...] = 0
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for c in range(C):
                    where = argmax[n, i, j, c]
                    dx[n, where // W, where % W, c] += dy[n, i, j, c]


@jit
def average_pool(x, pool, strides, before, y):
    """y[n, i, j, c] = the mean of x over the window's real cells.

    x (N, H, W, C); pool, strides, before: pairs of ints; y (N, OH, OW, C) is overwritten.
    """
    _, H, W, C = x.shape
    N, OH, OW, _ = y.shape
    for n in range(N):
        for i in range(OH):
            top = max(i * strides[0] - before[0], 0)
            bottom = min(i * strides[0] - before[0] + pool[0], H)
            for j in range(OW):
                left = max(j * strides[1] - before[1], 0)
                right = min(j * strides[1] - before[1] + pool[1], W)
                for c in range(C):
                    y[n, i, j, c] = 0
                for h in range(top, bottom):
                    for w in range(left, right):
                        for c in range(C):
                            y[n, i, j, c] += x[n, h, w, c]
                cells = (bottom - top) * (right - left)
                for c in range(C):
                    y[n, i, j, c] /= cells


@jit
def average_unpool(dy, pool, strides, before, dx):
    """Share each dy equally among the real cells of its window (the adjoint of average_pool).

    dy (N, OH, OW, C); pool, strides, before: pairs of ints; dx (N, H, W, C) is overwritten.
    """
    _, H, W, C = dx.shape
    N, OH, OW, _ = dy.shape
    dx[...] = 0
    for n in range(N):
        for i in range(OH):
            top = max(i * strides[0] - before[0], 0)
            bottom = min(i * strides[0] - before[0] + pool[0], H)
            for j in range(OW):
                left = max(j * strides[1] - before[1], 0)
                right = min(j * strides[1] - before[1] + pool[1], W)
                cells = (bottom - top) * (right - left)
                for h in range(top, bottom):
                    for w in range(left, right):
                        for c in range(C):
                            dx[n, h, w, c] += dy[n, i, j, c] / cells
