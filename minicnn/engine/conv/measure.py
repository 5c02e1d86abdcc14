"""The moments of a batch once more, where those of its rows were too large for their type."""

from minicnn.engine.conv import norm
from minicnn.engine.conv.forward import activations_of, convolve_band
from minicnn.machine.call import view, word
from minicnn.machine.jit import jit_part


@jit_part
def measure(r, memory, like):
    """Mean and variance of all that is normalised again, in two passes and in double precision, by
    one thread.

    Sums of squares of a row overflow in float32 where activations differ by 1e18 and more.
    Activations that were not kept are made again.
    """
    s, p, work, data = r.sizes, r.programs, r.work, r.data
    mean, variance = norm.zeros_in(r.batch.mean, 0, s.FP), norm.zeros_in(r.batch.variance, 0, s.FP)
    for squares in range(2):
        if work.pool_first:
            pixels = data.n * s.down * s.across
            add_up(data.pooled, pixels, pixels, mean, variance, squares, like)
            continue
        count = data.n * s.OH * s.OW
        for image in range(data.n):
            for band in range(p.band_count):
                if work.again:
                    convolve_band(r, image, band, memory, like)
                top, bottom = word(p.bands, 4 * band), word(p.bands, 4 * band + 1)
                for row in range(top, bottom):
                    a = activations_of(r, image, row, top, memory, like)
                    add_up(a, s.OW, count, mean, variance, squares, like)


@jit_part
def add_up(a, pixels, count, mean, variance, squares, like):
    """Add what some pixels, of `count`, contribute to the mean, or, knowing it, to the variance."""
    values = view(a, pixels * mean.size, like)
    for k in range(values.size):
        c = k % mean.size
        if squares:
            variance[c] += (values[k] - mean[c]) ** 2 / count
        else:
            mean[c] += values[k] / count
