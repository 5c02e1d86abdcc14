"""im2col and col2im, one cell of the kernel at a time."""

from minicnn.kernels.twins.cells import cells


def im2col(x, strides, before, dilation, patches):
    """What all patches hold of one kernel cell is a slice of the pictures."""
    _, OH, OW, KH, KW, _ = patches.shape
    patches[...] = 0
    for kh, kw, (i, j), (h, w) in cells(
        x.shape[1:3], (OH, OW), (KH, KW), strides, before, dilation
    ):
        patches[:, i, j, kh, kw] = x[:, h, w]


def col2im(dpatches, strides, before, dilation, dx):
    """Backwards through the cells: the order in which a loop over patches reaches a pixel."""
    _, OH, OW, KH, KW, _ = dpatches.shape
    dx[...] = 0
    windows = cells(dx.shape[1:3], (OH, OW), (KH, KW), strides, before, dilation)
    for kh, kw, (i, j), (h, w) in reversed(list(windows)):
        dx[:, h, w] += dpatches[:, i, j, kh, kw]
