"""Why the numbers of pooling layers are what they are."""

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.explain.tracing.reasons.windows import PIXEL, SAW, know_window
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D

# the cell of a window, as argmax counts: row times W plus column
CELL = "(i*SH - top + kh*DH) * W + j*SW - left + kw*DW"


@explains(MaxPooling2D)
def max_pooling(place: Place) -> None:
    """layers/max_pooling2d.py: the one cell that won, and nothing of the others."""
    know_window(place)
    place.constants["W"] = place.of.input_shape[1]
    won = (f"(argmax[n, i, j, c] == {CELL})", f"(argmax[n, {SAW}, c] == h * W + w)")
    _pooling(place, "max", *won)
    place.because(
        "argmax",
        "n i j c",
        (f"x[n, {PIXEL}, c]", "kh kw"),
        code=("forward", "max_pool("),
        exact=False,
    )


@explains(AveragePooling2D)
def average_pooling(place: Place) -> None:
    """layers/average_pooling2d.py: a mean of the cells that lie in the picture."""
    window, (H, W, _) = place.of.window, place.of.input_shape
    know_window(place)
    rows, columns = (
        [sum(0 <= i * stride - before + k < size for k in range(cells)) for i in range(positions)]
        for size, stride, before, cells, positions in zip(
            (H, W), window.strides, window.before, window.size, window.output, strict=True
        )
    )
    place.work("cells", np.outer(rows, columns).astype(np.float64))
    _pooling(place, "average", "inverse(cells[i, j])", f"inverse(cells[{SAW}])")


def _pooling(place: Place, kind: str, share: str, share_back: str) -> None:
    """A sum of shares of the pixels under each window; a pixel gets the same shares of dy.

    Args:
        kind: how the functions that compute it begin.
        share: the formula of cell (kh, kw)'s share in the window at (i, j).
        share_back: the same of pixel (h, w) in the window whose cell (kh, kw) saw it.
    """
    place.because(
        "y",
        "n i j c",
        (f"x[n, {PIXEL}, c] * {share}", "kh kw"),
        code=("forward", f"{kind}_pool("),
    )
    place.because(
        "dx",
        "n h w c",
        (f"dy[n, {SAW}, c] * {share_back}", "kh kw"),
        code=("backward", f"{kind}_unpool("),
    )


@explains(GlobalAveragePooling2D)
def global_average(place: Place) -> None:
    """layers/global_average_pooling2d.py."""
    _know_picture(place)
    place.because("y", "n c", ("x[n, h, w, c] / (H * W)", "h w"), code=("forward", "x.mean("))
    place.because("dx", "n h w c", "dy[n, c] / (H * W)", code=("backward", "return"))


@explains(GlobalMaxPooling2D)
def global_max(place: Place) -> None:
    """layers/global_max_pooling2d.py."""
    _know_picture(place)
    place.because(
        "y",
        "n c",
        ("x[n, h, w, c] * (argmax[n, c] == h * W + w)", "h w"),
        code=("forward", "take_along_axis"),
    )
    place.because(
        "dx",
        "n h w c",
        "dy[n, c] * (argmax[n, c] == h * W + w)",
        code=("backward", "put_along_axis"),
    )
    place.because(
        "argmax", "n c", ("x[n, h, w, c]", "h w"), code=("forward", "argmax("), exact=False
    )


def _know_picture(place: Place) -> None:
    """Let formulas know H and W, and one number for each channel, axes of size 1 kept or not."""
    N, H, W, C = place["x"].shape
    place.constants |= {"H": H, "W": W}
    for short in ("y", "dy", "argmax"):
        place.view(short, (N, C))
