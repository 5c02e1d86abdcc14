"""Pictures in rows with words below them, each at its place in inches.

They are put straight onto the figure, not into diagrams of their own: 24 diagrams, each with axes,
ticks and a layout to be found, take matplotlib a second. Places count from the lower left corner,
so that a figure may lose its titles and nothing moves.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox, TransformedBbox
from numpy.typing import NDArray

from minicnn.plots.base import HEADER, MARGIN
from minicnn.plots.palette import CAPTION, HAIRLINE

CELL = 1.3  # inches from one picture of a grid to the next
GAP = 0.1  # between them
LINE = 0.15  # from one line of a caption to the next, in 8.5 points
FIRST_LINE = 0.16  # from a picture down to the first of them


def draw_grid(
    figure: Figure,
    pictures: NDArray[Any],
    captions: Sequence[str],
    columns: int,
    *,
    top: float = HEADER,
    cell: float = CELL,
    colour: str = HAIRLINE,
) -> None:
    """Draw pictures row by row; each row has `cell_height` inches.

    Args:
        figure: as new_figure makes it, high enough.
        pictures: (n, H, W, C), as checked_pictures gives them.
        captions: n, in lines.
        columns: pictures in a row.
        top: inches from the figure's upper edge down to the first row.
        cell: inches from one picture to the next.
        colour: of the pictures' frames.
    """
    _, H, W, _ = pictures.shape
    width = cell - GAP
    height, row_height = width * H / W, cell_height(pictures, captions, cell)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        row, column = divmod(number, columns)
        left = MARGIN + GAP / 2 + column * cell
        bottom = figure.get_figheight() - top - row * row_height - height
        place_picture(figure, picture, (left, bottom, width, height), colour=colour)
        for line, words in enumerate(caption.split("\n")):
            place_words(
                figure,
                left + width / 2,
                bottom - FIRST_LINE - line * LINE,
                words,
                ha="center",
                color=CAPTION,
            )


def cell_height(pictures: NDArray[Any], captions: Sequence[str], cell: float = CELL) -> float:
    """Inches from one row of pictures to the next, with the longest of the captions, in lines,
    below them.
    """
    _, H, W, _ = pictures.shape
    lines = max((caption.count("\n") + 1 for caption in captions if caption), default=0)
    return (cell - GAP) * H / W + LINE * lines + 0.2


def place_picture(
    figure: Figure,
    picture: NDArray[Any],
    box: tuple[float, float, float, float],
    *,
    colour: str | None = None,
    **shades: Any,
) -> None:
    """Draw a picture (H, W, 3) or (H, W, 1), each pixel a rectangle, into a box: left, bottom,
    width, height in inches.

    Args:
        colour: of a frame around it.
        shades: matplotlib's cmap, vmin, vmax for other numbers than pictures, (H, W).
    """
    inches: Any = figure.dpi_scale_trans
    chosen = {"cmap": "gray", "vmin": 0, "vmax": 255 if picture.dtype == np.uint8 else 1, **shades}
    image = BboxImage(
        TransformedBbox(Bbox.from_bounds(*box), inches),
        interpolation="nearest",
        cmap=chosen["cmap"],
    )
    image.set_clim(chosen["vmin"], chosen["vmax"])
    image.set_data(picture)
    figure.add_artist(image)
    if colour is not None:
        left, bottom, width, height = box
        frame = Rectangle(
            (left, bottom), width, height, fill=False, edgecolor=colour, linewidth=2.5
        )
        frame.set_transform(inches)
        figure.add_artist(frame)


def place_words(figure: Figure, x: float, y: float, words: str, **style: Any) -> None:
    """Write words on a baseline, in inches."""
    known = {"fontsize": 8.5, "va": "baseline", "transform": figure.dpi_scale_trans}
    figure.text(x, y, words, **{**known, **style})


def wrap(text: str) -> str:
    """Break a caption into at most two lines as wide as a grid's picture, and cut off the rest."""
    return textwrap.fill(text, 18, max_lines=2, placeholder=" …")
