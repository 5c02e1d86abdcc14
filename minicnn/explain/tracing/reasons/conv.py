"""Why the numbers of Conv2D and DepthwiseConv2D are what they are."""

from minicnn.explain.tracing.place import Place, explains
from minicnn.explain.tracing.reasons.windows import PIXEL, SAW, know_window
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D


@explains(Conv2D)
def conv2d(place: Place) -> None:
    """layers/conv2d.py: y = patches @ kernel + bias; with groups, in each of them."""
    layer = place.of
    G, F = layer.groups, layer.filters
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
    c, f, cf = ("c", "f", "c f") if G == 1 else ("g c", "g u", "c g u")
    _convolution(place, c, f, cf, ("@ self._kernels()", "patches.transpose", "col2im("))
    _patches(place)


@explains(DepthwiseConv2D)
def depthwise(place: Place) -> None:
    """layers/depthwise_conv2d.py: every channel under kernels of its own, M of them."""
    layer = place.of
    N, H, W, C = place["x"].shape
    M = layer.depth_multiplier
    for short in ("y", "dy"):
        place.view(short, (N, *layer.window.output, C, M))
    for short in ("bias", "dbias"):
        place.view(short, (C, M))
    _convolution(place, "c", "c m", "c m", ("convolved(", "kernel_gradient(", "input_gradient("))


def _convolution(
    place: Place, channel: str, filter: str, both: str, code: tuple[str, str, str]
) -> None:
    """A sum of pixels times weights under each window, with a bias, and its derivatives.

    Args:
        channel, filter, both: the letters of a channel of x, of a filter in y, and of the two of
            them in the kernel, such as "c", "f" and "c f". Each sum is over those that its result
            does not have.
        code: a text in the lines that compute y, the kernel's gradient, and dx.
    """
    know_window(place)
    c, f, cf = (letters.replace(" ", ", ") for letters in (channel, filter, both))
    x, kernel, dy = f"x[n, {PIXEL}, {c}]", f"kernel[kh, kw, {cf}]", f"dy[n, i, j, {f}]"

    def over(result: str) -> str:
        return " ".join(["kh kw", *(one for one in both.split() if one not in result.split())])

    place.because(
        "y",
        f"n i j {filter}",
        (f"{x} * {kernel}", over(filter)),
        *([f"bias[{f}]"] if place.of.use_bias else []),
        code=("forward", code[0]),
    )
    place.because("dkernel", f"kh kw {both}", (f"{x} * {dy}", "n i j"), code=("backward", code[1]))
    place.because("dbias", filter, (dy, "n i j"), code=("backward", '["bias"]'))
    place.because(
        "dx",
        f"n h w {channel}",
        (f"dy[n, {SAW}, {f}] * {kernel}", over(channel)),
        code=("backward", code[2]),
    )


def _patches(place: Place) -> None:
    """The matrix of im2col (G, N*OH*OW, KH*KW*C/G): pixels, and zeros of the padding."""
    layer = place.of
    (OH, OW), (KH, KW), G = layer.window.output, layer.kernel_size, layer.groups
    N, C = len(place["x"]), layer.input_shape[-1]
    place.view("patches", (G, N, OH, OW, KH, KW, C // G))
    c = "c" if G == 1 else "g, c"
    place.because("patches", "g n i j kh kw c", f"x[n, {PIXEL}, {c}]", code=("forward", "im2col("))
