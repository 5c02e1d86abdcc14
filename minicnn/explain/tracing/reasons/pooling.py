"""Why the numbers of pooling layers are what they are."""

import numpy as np

from minicnn.explain.tracing.place import Place, explains
from minicnn.explain.tracing.reasons.conv import PIXEL, SAW, window_constants
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D

# the cell of a window, as argmax counts: row times W plus column
CELL = "(i*SH - top + kh*DH) * W + j*SW - left + kw*DW"


@explains(MaxPooling2D)
def max_pooling(place: Place) -> None:
    """layers/max_pooling2d.py: the one cell that won, and nothing of the others."""
    place.constants |= window_constants(place.of.window) | {"W": place.of.input_shape[1]}
    place.because(
        "y",
        "n i j c",
        (f"x[n, {PIXEL}, c] * (argmax[n, i, j, c] == {CELL})", "kh kw"),
        code=("forward", "max_pool("),
    )
    place.because(
        "dx",
        "n h w c",
        (f"dy[n, {SAW}, c] * (argmax[n, {SAW}, c] == h * W + w)", "kh kw"),
        code=("backward", "max_unpool("),
    )
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
    place.constants |= window_constants(window)
    rows, columns = (
        [sum(0 <= i * stride - before + k < size for k in range(cells)) for i in range(positions)]
        for size, stride, before, cells, positions in zip(
            (H, W), window.strides, window.before, window.size, window.output, strict=True
        )
    )
    place.work("cells", np.outer(rows, columns).astype(np.float64))
    place.because(
        "y",
        "n i j c",
        (f"x[n, {PIXEL}, c] * inverse(cells[i, j])", "kh kw"),
        code=("forward", "average_pool("),
    )
    place.because(
        "dx",
        "n h w c",
        (f"dy[n, {SAW}, c] * inverse(cells[{SAW}])", "kh kw"),
        code=("backward", "average_unpool("),
    )


@explains(GlobalAveragePooling2D)
def global_average(place: Place) -> None:
    """layers/global_average_pooling2d.py."""
    N, H, W, C = place["x"].shape
    place.constants |= {"H": H, "W": W}
    for short in ("y", "dy"):
        place.view(short, (N, C))
    place.because("y", "n c", ("x[n, h, w, c] / (H * W)", "h w"), code=("forward", "x.mean("))
    place.because("dx", "n h w c", "dy[n, c] / (H * W)", code=("backward", "return"))


@explains(GlobalMaxPooling2D)
def global_max(place: Place) -> None:
    """layers/global_max_pooling2d.py."""
    N, H, W, C = place["x"].shape
    place.constants |= {"H": H, "W": W}
    for short in ("y", "dy", "argmax"):
        place.view(short, (N, C))
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
