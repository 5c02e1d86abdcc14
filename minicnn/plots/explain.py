"""Where a model's decisions come from, and how a convolution sees a picture: what minicnn.explain
returns, drawn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from minicnn.names import known_arguments
from minicnn.plots.base import HEADER, MARGIN, Plot, new_figure, tidy
from minicnn.plots.explained import Activations, Filters, HeatMap, Im2col
from minicnn.plots.grid import GAP, cell_height, draw_grid, place_picture, place_words
from minicnn.plots.palette import AGAINST, FOR, HAIRLINE, INK, PALE, POSITIVE, SERIES, SIGNED

MAPS = 16  # feature maps of a layer that are shown


@known_arguments
def heat_overlay(maps: Sequence[HeatMap], *, title: str | None = None) -> Plot:
    """Show a picture, and beside it what one or several explanations colour in it.

    Blue is what speaks for the class, vermillion what speaks against it; the strongest hundredth of
    each map has the full colour.

    Args:
        maps: what explain.grad_cam, explain.saliency and explain.occlusion return, of one picture.
        title: "What looks like ..." unless given.

    Raises ValueError when there are none.
    """
    if not maps:
        raise ValueError(
            "heat_overlay expected at least one map, received none: pass [explain.grad_cam(model, "
            "x)]"
        )
    first, cell = maps[0], 2.5
    picture = visible(first.picture)
    subtitle = (
        f"{first.class_name}: {100 * first.probability:.1f} %. Blue speaks for it, vermillion "
        "against it"
    )
    shown = np.stack([picture, *(coloured(picture, one.heat) for one in maps)])
    captions = ["the picture", *(f"{one.method}\n{one.of}" for one in maps)]
    height = HEADER + cell_height(shown, captions, cell)
    figure = new_figure(
        cell * len(shown) + 2 * MARGIN,
        height,
        title or f"What looks like {first.class_name}",
        subtitle,
    )
    draw_grid(figure, shown, captions, len(shown), cell=cell)
    return Plot(
        figure,
        {one.method: one.to_dict() for one in maps},
        "\n\n".join(one.to_text() for one in maps),
    )


def coloured(picture: NDArray[Any], heat: NDArray[Any]) -> NDArray[Any]:
    """A picture (H, W, 3) in grey with a map (H, W) laid over it, which is the more opaque the
    stronger it is.
    """
    strength = np.abs(heat)
    strength = np.minimum(strength / (np.percentile(strength, 99) or strength.max() or 1), 1)
    colour = np.where(heat[..., None] > 0, to_rgb(FOR), to_rgb(AGAINST))
    grey = 0.25 + 0.75 * picture.mean(axis=-1, keepdims=True)
    opacity = 0.9 * strength[..., None]
    return (1 - opacity) * grey + opacity * colour


@known_arguments
def filters(
    found: Filters, *, columns: int = 8, width: float = 9.3, title: str = "First filters"
) -> Plot:
    """Show the kernels of a first convolution as small pictures, grey where a weight is 0.

    Args:
        found: what explain.filters returns.
        columns: kernels in a row.
        width: inches of a full row, with margins.
    """
    F, KH, KW, _ = found.pictures.shape
    cell, columns = (width - 2 * MARGIN) / columns, min(columns, F)
    captions = [str(number) for number in range(F)]
    subtitle = (
        f"{F} kernels of {found.layer}, {KH}x{KW}: each answers most to a patch that looks like it"
    )
    height = -(-F // columns) * cell_height(found.pictures, captions, cell)
    figure = new_figure(cell * columns + 2 * MARGIN, height + HEADER, title, subtitle)
    draw_grid(figure, found.pictures, captions, columns, cell=cell)
    return Plot(figure, found.to_dict(), found.to_text())


@known_arguments
def activations(found: Activations, *, title: str = "Layer by layer") -> Plot:
    """Show what each layer makes of a picture: its first feature maps, or the line of its outputs.

    Args:
        found: what explain.activations returns.
    """
    width, heading_height, gap = 9.7, 0.24, 0.14  # inches
    last = list(found.outputs)[-1]
    sheets, heights = [], []
    for name, y in found.outputs.items():
        sheets.append(side_by_side(y[..., :MAPS]) if y.ndim == 3 else y.reshape(1, -1))
        rows, columns = sheets[-1].shape
        one_line = 1.3 if name == last else 0.35
        heights.append(min(0.68, width * rows / columns) if y.ndim == 3 else one_line)
    subtitle = f"Up to {MAPS} feature maps of each layer: blue above 0, white 0, vermillion below"
    whole = HEADER + 1.1 + sum(heights) + len(heights) * (heading_height + gap) + MARGIN
    figure = new_figure(width + 0.3, whole, title, subtitle)
    figure.set_layout_engine("none")  # all of it has its place
    left, y_top = MARGIN + GAP / 2, whole - HEADER - 1.0
    picture = visible(found.picture)
    place_picture(
        figure, picture, (left, y_top, picture.shape[1] / picture.shape[0], 1.0), colour=HAIRLINE
    )
    for (name, y), sheet, height in zip(found.outputs.items(), sheets, heights, strict=True):
        y_top -= gap + heading_height
        heading = f"{name}  {'x'.join(map(str, y.shape))}  {found.kinds[name]}"
        place_words(figure, left, y_top + 0.07, heading, color=INK)
        y_top -= height
        if name == last and y.ndim == 1:
            box = (
                (left / figure.get_figwidth()),
                (y_top + 0.25) / whole,
                width / figure.get_figwidth(),
            )
            draw_answer(figure.add_axes((*box, (height - 0.25) / whole)), y, found.class_names)
            continue
        largest = max(float(np.abs(y).max()), np.finfo(float).tiny)
        across = height * sheet.shape[1] / sheet.shape[0] if y.ndim == 3 else width
        place_picture(
            figure, sheet, (left, y_top, across, height), cmap=SIGNED, vmin=-largest, vmax=largest
        )
    return Plot(figure, found.to_dict(), found.to_text())


def side_by_side(maps: NDArray[Any]) -> NDArray[Any]:
    """Feature maps (H, W, F) in one row (H, F * (W + gap) - gap), with NaN, which is drawn white,
    in between.
    """
    H, W, _ = maps.shape
    gap = np.full((H, max(1, W // 10)), np.nan)
    parts = [part for number in range(maps.shape[-1]) for part in (gap, maps[..., number])]
    return np.hstack(parts[1:])


def draw_answer(axes: Axes, values: NDArray[Any], class_names: Sequence[str] | None) -> None:
    """The outputs of the last layer as columns, the largest in full colour."""
    numbers = range(len(values))
    best = int(values.argmax())
    bars = axes.bar(numbers, values, color=[POSITIVE if n == best else PALE for n in numbers])
    axes.bar_label(
        bars, [f"{value:.2f}" for value in values.tolist()], fontsize=8.5, color=INK, padding=2
    )
    axes.margins(x=0.01, y=0.3)
    axes.set_xticks(numbers, class_names or [str(n) for n in numbers], fontsize=8.5)
    axes.set_yticks([])
    tidy(axes)
    axes.spines["left"].set_visible(False)


@known_arguments
def im2col(made: Im2col, *, title: str = "im2col") -> Plot:
    """Show a picture with three positions of a kernel, their patches, and the rows of the matrix
    that these become.

    Args:
        made: what explain.im2col returns.
    """
    rows, columns = made.patches.shape
    (KH, KW), (OH, OW), C = made.kernel_size, made.output, made.picture.shape[-1]
    low, high = limits(made.picture)
    matrix = np.clip((made.patches - low) / (high - low), 0, 1)
    cells = in_channel_colours(matrix, C)
    figure = new_figure(
        11.0,
        4.6,
        title,
        f"Each patch of {KH}x{KW}x{C} becomes one row of a {rows:,} x {columns} matrix",
    )
    grid = figure.add_gridspec(3, 4, width_ratios=[3.4, 1.0, 4.6, 2.0])
    whole, everything = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[:, 3])
    draw_picture(whole, visible(made.picture), f"{OH} x {OW} positions of the kernel", HAIRLINE)
    everything.imshow(cells, aspect="auto", interpolation="nearest")
    everything.set_xlabel(f"{columns} columns", color=INK)
    everything.set_ylabel(f"{rows:,} rows", color=INK)
    everything.set_xticks([])
    chosen = sorted(
        {(OH // 4) * OW + OW // 4, (OH // 2) * OW + OW // 2, (3 * OH // 4) * OW + 3 * OW // 4}
    )
    everything.set_yticks(chosen)
    for part, (row, (colour, _)) in enumerate(zip(chosen, SERIES[1:], strict=False)):
        h, w = made.corner(row)
        extent = [
            (size - 1) * rate + 1
            for size, rate in zip(made.kernel_size, made.dilation_rate, strict=True)
        ]
        whole.add_patch(
            Rectangle(
                (w - 0.5, h - 0.5), extent[1], extent[0], fill=False, color=colour, linewidth=2
            )
        )
        everything.axhline(row, color=colour, linewidth=2)
        everything.get_yticklabels()[part].set(color=INK, weight="bold")
        patch, strip = figure.add_subplot(grid[part, 1]), figure.add_subplot(grid[part, 2])
        draw_picture(patch, visible(matrix[row].reshape(KH, KW, C)), f"at {h}, {w}", colour)
        draw_picture(strip, cells[row : row + 1], "", colour)
        strip.set_aspect("auto")
        strip.set_title(
            f"row {row} of the matrix", fontsize=9, color=INK, loc="left", weight="bold", pad=4
        )
        for pixel in range(1, KH * KW):
            strip.axvline(pixel * C - 0.5, color="white", linewidth=1.5)
    if KH * KW <= 9:
        pixels = [f"{kh},{kw}" for kh in range(KH) for kw in range(KW)]
        strip.set_xticks(np.arange(KH * KW) * C + (C - 1) / 2, pixels, fontsize=8.5)
        strip.tick_params(length=0, labelcolor=INK)
        strip.set_xlabel(
            "row and column in the kernel; in each, the channels", fontsize=8.5, color=INK
        )
    return Plot(figure, made.to_dict(), made.to_text())


def draw_picture(axes: Axes, picture: NDArray[Any], caption: str, colour: str) -> None:
    """Draw one picture (H, W, 3), each pixel a square, in a coloured frame with a caption below."""
    axes.imshow(picture, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(color=colour, linewidth=2.5)
    axes.set_xlabel(caption, fontsize=8.5, color=INK, labelpad=4)


def in_channel_colours(matrix: NDArray[Any], channels: int) -> NDArray[Any]:
    """Numbers from 0 to 1, (rows, pixels * channels), as (rows, columns, 3): in red, green, blue if
    they are three.
    """
    colours = matrix[..., None].repeat(3, axis=-1)
    if channels == 3:
        colours *= np.tile(np.eye(3), (matrix.shape[1] // 3, 1))
    return colours


def limits(picture: NDArray[Any]) -> tuple[float, float]:
    """What is black and what is white in a picture: 0 and 255, 0 and 1, or, when it is
    standardised, its extremes.
    """
    low, high = float(picture.min()), float(picture.max())
    if low >= 0 and high <= 255:
        return 0.0, 255.0 if picture.dtype == np.uint8 or high > 1 else 1.0
    return low, high


def visible(picture: NDArray[Any]) -> NDArray[Any]:
    """A picture (H, W, C) of any range as (H, W, 3) from 0 to 1, in grey when it has not three
    channels.
    """
    low, high = limits(picture)
    values = (picture - low) / (high - low)
    return (
        values if values.shape[-1] == 3 else values.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    )
