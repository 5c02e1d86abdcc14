"""What the pictures of results have in common: figures, axes, files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from PIL import Image

from minicnn.plots.base import new_figure
from minicnn.plots.palette import HAIRLINE, INK

Record = dict[str, Any]


def figure(width: float, height: float, title: str, said: str, machine: Record) -> Figure:
    """An empty figure of so many inches; below its title, what there is to see, and what was
    measured on.
    """
    cores = f"{machine['threads']} thread{'s' * (machine['threads'] > 1)}"
    system = f"{machine['processor']}, {machine['minicnn']['engine']['instruction_set']}, {cores}"
    return new_figure(width, height, title, f"{said}{system}")


def clean(axes: Axes, grid: str) -> None:
    """No frame, and faint lines to read values by."""
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", labelcolor=INK, length=0, labelsize=8.5)
    axes.grid(axis=grid, color=HAIRLINE, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def logarithmic(axes: Axes, axis: str, ticks: Sequence[float]) -> None:
    """A logarithmic axis with ticks at these values, written as people write them."""
    axes.set(**{f"{axis}scale": "log"})
    scale = getattr(axes, f"{axis}axis")
    scale.set_major_locator(FixedLocator(ticks))
    scale.set_minor_locator(NullLocator())
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.9g}"))


def round_numbers(values: Sequence[float]) -> list[float]:
    """1, 2, 5, 10, 20, 50, ... and their fractions, from just below the values to just above."""
    steps = [m * 10.0**k for k in range(-4, 8) for m in (1, 2, 5)]
    return [step for step in steps if min(values) / 2 <= step <= max(values) * 2]


def save(drawn: Figure, path: Path) -> None:
    """As PNG of 64 colours, a third of the size."""
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(
        64, Image.Quantize.MAXCOVERAGE
    ).save(path, optimize=True)
