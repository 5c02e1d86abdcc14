"""im2col: write every patch that a convolution looks at as one row of a matrix; col2im: its
adjoint.

With the patches as rows, a convolution is one matrix product, and NHWC makes the row order that of
the kernel
(KH, KW, C, F): `patches.reshape(-1, KH*KW*C) @ kernel.reshape(-1, F)` is the NHWC output.

Axes: N images, H W height and width, C channels, OH OW output positions, KH KW kernel rows and
columns.
Source: Chellapilla, Puri, Simard 2006, "High performance convolutional neural networks for document
    processing".
"""

from minicnn.machine.jit import jit


@jit
def im2col(x, strides, before, dilation, patches):
    """patches[n, i, j, kh, kw, c] = x[n, i*SH - top + kh*DH, j*SW - left + kw*DW, c], 0 where that
    is padding.

    x (N, H, W, C); strides (SH, SW), before (top, left) and dilation (DH, DW) are pairs of ints;
    patches (N, OH, OW, KH, KW, C) is overwritten. Pinned by tests/test_kernels.py.
    """
    N, H, W, C = x.shape
    _, OH, OW, KH, KW, _ = patches.shape
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for kh in range(KH):
                    h = i * strides[0] - before[0] + kh * dilation[0]
                    for kw in range(KW):
                        w = j * strides[1] - before[1] + kw * dilation[1]
                        if 0 <= h < H and 0 <= w < W:
                            for c in range(C):
                                patches[n, i, j, kh, kw, c] = x[n, h, w, c]
                        else:
                            for c in range(C):
                                patches[n, i, j, kh, kw, c] = 0


@jit
def col2im(dpatches, strides, before, dilation, dx):
    """dx[n, h, w, c] = the sum of every dpatches entry that im2col copied from x[n, h, w, c].

    Shapes as in im2col; dx (N, H, W, C) is overwritten. As linear maps, <im2col(x), p> = <x,
    col2im(p)>.
    """
    N, H, W, C = dx.shape
    _, OH, OW, KH, KW, _ = dpatches.shape
    dx[...] = 0
    for n in range(N):
        for i in range(OH):
            for j in range(OW):
                for kh in range(KH):
                    h = i * strides[0] - before[0] + kh * dilation[0]
                    for kw in range(KW):
                        w = j * strides[1] - before[1] + kw * dilation[1]
                        if 0 <= h < H and 0 <= w < W:
                            for c in range(C):
                                dx[n, h, w, c] += dpatches[n, i, j, kh, kw, c]
