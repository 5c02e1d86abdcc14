"""Depthwise convolution: every channel of a picture has a small kernel of its own.

Threads share the pictures. A picture's part is a function of its own, a plain loop whose innermost
one is over channels, which lie side by side, so that it vectorises.

Axes: N pictures, H W height and width, C channels, OH OW output positions, KH KW kernel rows and
columns.
"""

from minicnn.machine.jit import jit_part, parallel_jit, prange


@parallel_jit
def depthwise(x, kernel, strides, before, dilation, y):
    """y[n, i, j, c] = sum over kh, kw of x[n, i*SH - top + kh*DH, j*SW - left + kw*DW, c] *
    kernel[kh, kw, c].

    x (N, H, W, C); kernel (KH, KW, C); strides (SH, SW), before (top, left) and dilation (DH, DW)
    are pairs of ints; y (N, OH, OW, C) is overwritten. What would lie outside of the picture is 0.
    """
    for n in prange(len(x)):
        _convolve(x[n], kernel, strides, before, dilation, y[n])


@parallel_jit
def depthwise_to_input(dy, kernel, strides, before, dilation, dx):
    """dx[n, h, w, c] = the sum of dy * kernel over all outputs and kernel cells that saw the pixel.

    Shapes as in depthwise; dx (N, H, W, C) is overwritten. <depthwise(x), dy> = <x, dx>.
    """
    for n in prange(len(dx)):
        _spread(dy[n], kernel, strides, before, dilation, dx[n])


@parallel_jit
def depthwise_to_kernel(x, dy, strides, before, dilation, parts):
    """parts[n, kh, kw, c] = the sum of x * dy over what kernel cell (kh, kw) saw of picture n.

    Shapes as in depthwise; parts (N, KH, KW, C) float64 is overwritten: its sum over n is dkernel,
    the same whatever the number of threads.
    """
    for n in prange(len(x)):
        _correlate(x[n], dy[n], strides, before, dilation, parts[n])


@jit_part
def _convolve(x, kernel, strides, before, dilation, y):
    H, W, C = x.shape
    OH, OW, _ = y.shape
    KH, KW, _ = kernel.shape
    for i in range(OH):
        for j in range(OW):
            for c in range(C):
                y[i, j, c] = 0
            for kh in range(KH):
                h = i * strides[0] - before[0] + kh * dilation[0]
                if 0 <= h < H:
                    for kw in range(KW):
                        w = j * strides[1] - before[1] + kw * dilation[1]
                        if 0 <= w < W:
                            for c in range(C):
                                y[i, j, c] += x[h, w, c] * kernel[kh, kw, c]


@jit_part
def _spread(dy, kernel, strides, before, dilation, dx):
    H, W, C = dx.shape
    OH, OW, _ = dy.shape
    KH, KW, _ = kernel.shape
    dx[...] = 0
    for i in range(OH):
        for j in range(OW):
            for kh in range(KH):
                h = i * strides[0] - before[0] + kh * dilation[0]
                if 0 <= h < H:
                    for kw in range(KW):
                        w = j * strides[1] - before[1] + kw * dilation[1]
                        if 0 <= w < W:
                            for c in range(C):
                                dx[h, w, c] += dy[i, j, c] * kernel[kh, kw, c]


@jit_part
def _correlate(x, dy, strides, before, dilation, part):
    H, W, C = x.shape
    OH, OW, _ = dy.shape
    KH, KW, _ = part.shape
    part[...] = 0
    for i in range(OH):
        for j in range(OW):
            for kh in range(KH):
                h = i * strides[0] - before[0] + kh * dilation[0]
                if 0 <= h < H:
                    for kw in range(KW):
                        w = j * strides[1] - before[1] + kw * dilation[1]
                        if 0 <= w < W:
                            for c in range(C):
                                part[kh, kw, c] += x[h, w, c] * dy[i, j, c]
