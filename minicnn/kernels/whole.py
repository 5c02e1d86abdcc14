"""Pooling, adding up and adding of whole numbers of 8 bits, for what quantize/integers.py defines.

Axes as in pooling.py; pictures are shared out among the threads.
"""

from minicnn.machine.jit import jit, jit_part, parallel_jit, prange


@jit_part
def pool_picture(x, mean, pool, strides, before, sums, y):
    """The largest of each window of x (H, W, C), or its mean, rounded, half away from zero;
    sums (C,) is int64 for what is added up.
    """
    H, W, C = x.shape
    OH, OW, _ = y.shape
    for i in range(OH):
        top = max(i * strides[0] - before[0], 0)
        bottom = min(i * strides[0] - before[0] + pool[0], H)
        for j in range(OW):
            left = max(j * strides[1] - before[1], 0)
            right = min(j * strides[1] - before[1] + pool[1], W)
            if mean:
                sums[:] = 0
                for h in range(top, bottom):
                    for w in range(left, right):
                        for c in range(C):
                            sums[c] += x[h, w, c]
                count = (bottom - top) * (right - left)
                half = count // 2
                for c in range(C):
                    size = (abs(sums[c]) + half) // count
                    y[i, j, c] = size if sums[c] >= 0 else -size
            else:
                for c in range(C):
                    y[i, j, c] = x[top, left, c]
                for h in range(top, bottom):
                    for w in range(left, right):
                        for c in range(C):
                            y[i, j, c] = max(y[i, j, c], x[h, w, c])


@parallel_jit
def pool_whole(x, mean, pool, strides, before, sums, y):
    """All pictures; sums is int64 (N, C)."""
    for n in prange(len(x)):
        pool_picture(x[n], mean, pool, strides, before, sums[n], y[n])


@jit
def pool_alone(x, mean, pool, strides, before, sums, y):
    """The same on the calling thread, for what is too little to wake others."""
    for n in range(len(x)):
        pool_picture(x[n], mean, pool, strides, before, sums[n], y[n])


@jit_part
def add_numbers(a, b, factors, zeros, shift, low, high, zero, y):
    """y = clip((A (a - z_a) + B (b - z_b) + half) >> shift + zero, low, high), 1-dimensional."""
    constant = (1 << (shift - 1)) - factors[0] * zeros[0] - factors[1] * zeros[1]
    for i in range(a.size):
        total = factors[0] * a[i] + factors[1] * b[i] + constant
        y[i] = min(max((total >> shift) + zero, low), high)


@parallel_jit
def add_whole(a, b, factors, zeros, shift, low, high, zero, y):
    """All pictures (N, numbers)."""
    for n in prange(len(a)):
        add_numbers(a[n], b[n], factors, zeros, shift, low, high, zero, y[n])


@jit
def add_alone(a, b, factors, zeros, shift, low, high, zero, y):
    """The same on the calling thread."""
    for n in range(len(a)):
        add_numbers(a[n], b[n], factors, zeros, shift, low, high, zero, y[n])


@jit_part
def total_picture(x, total):
    """total (C,) = the sum over all pixels of x (pixels, C)."""
    total[:] = 0
    for p in range(x.shape[0]):
        for c in range(x.shape[1]):
            total[c] += x[p, c]


@parallel_jit
def total_whole(x, totals):
    """All pictures; totals is int64 (N, C)."""
    for n in prange(len(x)):
        total_picture(x[n], totals[n])


@jit
def total_alone(x, totals):
    """The same on the calling thread."""
    for n in range(len(x)):
        total_picture(x[n], totals[n])
