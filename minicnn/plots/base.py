"""What every plot is made of: the `Plot` itself, an empty figure with its titles, bars, a table of
text.

Figures are drawn on matplotlib's own canvas, without pyplot: no display, no global state, nothing
to close.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from minicnn.expect import array
from minicnn.plots.palette import FOR, INK, MUTED
from minicnn.saving import atomic

FIGURE_SPACE = "\u2007"  # as wide as a digit
MARGIN = 0.1  # inches around what is drawn
HEADER = 0.8  # inches at the top of a figure, which hold its titles
ROUNDING = 1e-6  # by which a float picture may leave 0 ... 1, as resampling can


@dataclass(frozen=True, eq=False, repr=False)
class Plot:
    """A drawn figure, the plain data that it shows, and a text table of the same data."""

    figure: Figure
    data: dict[str, Any]
    text: str

    def save(self, path: str | PathLike[str], dpi: int = 150, background: str = "white") -> Path:
        """Write the figure as PNG, whole or not at all, and return its path.

        On background "none", what lies behind the figure shines through.
        """
        atomic.write(path, [self._png(dpi, background)])
        return Path(path)

    def to_text(self) -> str:
        """The plot's data as a text table, for a terminal, a log or a screen reader."""
        return self.text

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        return self._png(100, "white")

    def _png(self, dpi: int, background: str) -> bytes:
        buffer = io.BytesIO()
        self._picture(dpi, background).save(buffer, format="png", dpi=(dpi, dpi))
        return buffer.getvalue()

    def _picture(self, dpi: int, background: str) -> Image.Image:
        """The figure in pixels.

        (Figure.savefig would draw it twice, the first time only to lay it out.)
        """
        before = self.figure.dpi
        self.figure.set(dpi=dpi, facecolor=background)
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        self.figure.set(dpi=before)
        drawn = Image.fromarray(np.asarray(canvas.buffer_rgba()))
        return drawn if background == "none" else drawn.convert("RGB")


def new_figure(width: float, height: float, title: str, subtitle: str) -> Figure:
    """An empty figure of so many inches with its own canvas, a title and a subtitle at the left,
    and margins.

    It is wider where the titles need it; what is drawn below them keeps its width.
    """
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    inches: dict[str, Any] = {"transform": figure.dpi_scale_trans, "va": "top"}
    words = (
        figure.text(0.15, height - 0.12, title, fontsize=14, weight="bold", color=INK, **inches),
        figure.text(0.15, height - 0.42, subtitle, fontsize=10, color=MUTED, **inches),
    )
    # A font is a few hundredths wider or narrower at another resolution.
    whole = max(
        width, *(1.06 * text.get_window_extent().width / figure.dpi + 0.3 for text in words)
    )
    figure.set_size_inches(whole, height)
    below = (MARGIN / whole, MARGIN / height, (width - 2 * MARGIN) / whole, 1 - HEADER / height)
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=below))  # left, bottom, width, height
    return figure


def shorten(name: str, letters: int = 30) -> str:
    """Cut off a name after so many letters: the text form and the data have it whole."""
    return name if len(name) <= letters else name[: letters - 1].rstrip() + "…"


def table(*rows: Sequence[object]) -> str:
    """Lay out columns, right-aligned, two spaces apart."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def checked_pictures(who: str, images: ArrayLike) -> NDArray[Any]:
    """The pictures as an array that `draw_grid` can draw.

    Args:
        who: the function that was called, for the message.
        images: (n, H, W, 3) or (n, H, W, 1), uint8, or floats from 0 to 1.

    Raises ValueError when they are of another form.
    """
    pictures = array(images, "images", who)
    if pictures.ndim != 4 or pictures.shape[-1] not in (1, 3) or pictures.size == 0:
        raise ValueError(
            f"{who} expected pictures (n, H, W, 3) or (n, H, W, 1), channels last, received "
            f"{pictures.shape}: give a single picture a batch axis with images[None]"
        )
    if pictures.dtype != np.uint8 and not (
        pictures.min() >= -ROUNDING and pictures.max() <= 1 + ROUNDING
    ):
        raise ValueError(
            f"{who} expected uint8 pictures or values from 0 to 1, received {pictures.dtype} from "
            f"{pictures.min()} to "
            f"{pictures.max()}: pass the pictures as they were loaded"
        )
    return pictures


def tidy(axes: Axes) -> None:
    """Leave of a diagram's frame only the two axes, in quiet colours."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(color=MUTED, labelcolor=INK, length=3)


def draw_bars(
    axes: Axes, values: Sequence[float], names: Sequence[str], labels: Sequence[str], mean: float
) -> None:
    """Draw a horizontal bar for each value, the first on top, with its name, a label at the right,
    and their mean.
    """
    axes.barh(range(len(values)), values, height=0.72, color=FOR)
    axes.axvline(mean, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(names)), [shorten(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    tidy(axes)
    axes.tick_params(axis="y", length=0)
    digits = max(map(len, labels))
    for row, label in enumerate(labels):
        padded = label.rjust(digits, FIGURE_SPACE)  # the numbers stand below each other
        place: dict[str, Any] = {
            "xycoords": axes.get_yaxis_transform(),
            "textcoords": "offset points",
        }
        axes.annotate(padded, (1, row), xytext=(6, 0), **place, va="center", fontsize=9, color=INK)
