"""Why the numbers of Conv2D and DepthwiseConv2D are what they are."""

from minicnn.explain.tracing.place import Place, explains
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.window import Window


def window_constants(window: Window) -> dict[str, float]:
    """The letters of a window in formulas: KH, SH, DH, top, and the same of columns."""
    pairs = (window.size, window.strides, window.dilation, window.before)
    letters = (("KH", "KW"), ("SH", "SW"), ("DH", "DW"), ("top", "left"))
    return {
        letter: value
        for names, pair in zip(letters, pairs, strict=True)
        for letter, value in zip(names, pair, strict=True)
    }


PIXEL = "i*SH - top + kh*DH, j*SW - left + kw*DW"  # under cell (kh, kw) of the window at (i, j)
SAW = "(h + top - kh*DH) / SH, (w + left - kw*DW) / SW"  # the window whose cell saw pixel (h, w)


@explains(Conv2D)
def conv2d(place: Place) -> None:
    """layers/conv2d.py: y = patches @ kernel + bias; with groups, in each of them."""
    layer = place.of
    G, F = layer.groups, layer.filters
    place.constants |= window_constants(layer.window)
    c, f, cf = ("c", "f", "c, f") if G == 1 else ("g, c", "g, u", "c, g, u")
    if G > 1:  # channels as (G, C/G), filters as (G, F/G): the same numbers in the same order
        N, H, W, C = place["x"].shape
        for short in ("x", "dx"):
            place.view(short, (N, H, W, G, C // G))
        for short in ("y", "dy"):
            place.view(short, (N, *layer.window.output, G, F // G))
        for short in ("kernel", "dkernel"):
            place.view(short, (*layer.kernel_size, C // G, G, F // G))
        for short in ("bias", "dbias"):
            place.view(short, (G, F // G))
    kernel = f"kernel[kh, kw, {cf}]"
    letters = f.replace(",", "")
    place.because(
        "y",
        f"n i j {letters}",
        (f"x[n, {PIXEL}, {c}] * {kernel}", "kh kw c"),
        *([f"bias[{f}]"] if layer.use_bias else []),
        code=("forward", "@ self._kernels()"),
    )
    place.because(
        "dkernel",
        f"kh kw {cf.replace(',', '')}",
        (f"x[n, {PIXEL}, {c}] * dy[n, i, j, {f}]", "n i j"),
        code=("backward", "patches.transpose"),
    )
    place.because("dbias", letters, (f"dy[n, i, j, {f}]", "n i j"), code=("backward", '["bias"]'))
    place.because(
        "dx",
        f"n h w {c.replace(',', '')}",
        (f"dy[n, {SAW}, {f}] * {kernel}", f"kh kw {letters.split()[-1]}"),
        code=("backward", "col2im("),
    )
    _patches(place)


def _patches(place: Place) -> None:
    """The matrix of im2col (G, N*OH*OW, KH*KW*C/G): pixels, and zeros of the padding."""
    layer = place.of
    (OH, OW), (KH, KW), G = layer.window.output, layer.kernel_size, layer.groups
    N, C = len(place["x"]), layer.input_shape[-1]
    place.view("patches", (G, N, OH, OW, KH, KW, C // G))
    c = "c" if G == 1 else "g, c"
    place.because("patches", "g n i j kh kw c", f"x[n, {PIXEL}, {c}]", code=("forward", "im2col("))


@explains(DepthwiseConv2D)
def depthwise(place: Place) -> None:
    """layers/depthwise_conv2d.py: every channel under kernels of its own, M of them."""
    layer = place.of
    N, H, W, C = place["x"].shape
    M = layer.depth_multiplier
    place.constants |= window_constants(layer.window)
    for short in ("y", "dy"):
        place.view(short, (N, *layer.window.output, C, M))
    for short in ("bias", "dbias"):
        place.view(short, (C, M))
    place.because(
        "y",
        "n i j c m",
        (f"x[n, {PIXEL}, c] * kernel[kh, kw, c, m]", "kh kw"),
        *(["bias[c, m]"] if layer.use_bias else []),
        code=("forward", "convolved("),
    )
    place.because(
        "dkernel",
        "kh kw c m",
        (f"x[n, {PIXEL}, c] * dy[n, i, j, c, m]", "n i j"),
        code=("backward", "kernel_gradient("),
    )
    place.because("dbias", "c m", ("dy[n, i, j, c, m]", "n i j"), code=("backward", '["bias"]'))
    place.because(
        "dx",
        "n h w c",
        (f"dy[n, {SAW}, c, m] * kernel[kh, kw, c, m]", "kh kw m"),
        code=("backward", "input_gradient("),
    )
