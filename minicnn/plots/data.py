"""The data before anything is trained on it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import ArrayLike

from minicnn.expect import array
from minicnn.labels import is_sparse
from minicnn.names import known_arguments
from minicnn.plots.base import (
    FIGURE_SPACE,
    HEADER,
    MARGIN,
    Plot,
    checked_pictures,
    draw_bars,
    new_figure,
    table,
)
from minicnn.plots.grid import CELL, cell_height, draw_grid, wrap
from minicnn.plots.palette import INK


@known_arguments
def image_grid(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    *,
    columns: int = 8,
    rows: int = 4,
    title: str = "Pictures",
) -> Plot:
    """Show the first pictures of a set, as many as there are places, each with the name of its
    class below it.

    The text form has the mean colour of every picture, on a scale from 0 to 100 %.

    Args:
        images: (n, H, W, 3) or (n, H, W, 1), uint8, or floats from 0 to 1.
        labels: (n,) or (n, 1) integers; without them, each picture has its number below it.
        class_names: by default the labels themselves.

    Raises ValueError when the pictures are of another form, labels differ in number from them, or a
    label has no name.
    """
    pictures = checked_pictures("image_grid", images)
    shown, columns = min(columns * rows, len(pictures)), min(columns, len(pictures))
    if labels is None:
        names = [str(i) for i in range(shown)]
    else:
        names = _names_of(array(labels, "labels", "image_grid"), len(pictures), class_names)[:shown]
    captions = [wrap(name) for name in names]
    used_rows = -(-shown // columns)

    height = used_rows * cell_height(pictures, captions)
    subtitle = f"{shown:,} of {len(pictures):,} pictures"
    figure = new_figure(CELL * columns + 2 * MARGIN, height + HEADER, title, subtitle)
    draw_grid(figure, pictures[:shown], captions, columns)

    channels = ["red", "green", "blue"] if pictures.shape[-1] == 3 else ["grey"]
    means = pictures[:shown].mean(axis=(1, 2)) / (2.55 if pictures.dtype == np.uint8 else 0.01)
    lines = [
        [i, name, *(f"{value:.0f} %" for value in mean)]
        for i, (name, mean) in enumerate(zip(names, means, strict=True))
    ]
    data = {"images": len(pictures), "shown": shown, "labels": names, "means": means.tolist()}
    return Plot(figure, data, f"{subtitle}\n{table(['picture', 'class', *channels], *lines)}")


@known_arguments
def class_distribution(
    counts: ArrayLike, class_names: Sequence[str], *, title: str = "Pictures per class"
) -> Plot:
    """Draw a bar for the number of pictures of each class, with the number and its share of the
    whole.

    Args:
        counts: (K,) whole numbers.
        class_names: K names.

    Raises ValueError when there is not one count of 0 or more for each name.

    >>> print(plots.class_distribution([30, 70], ["cat", "dog"]).to_text())
    class  pictures   share
      cat        30  30.0 %
      dog        70  70.0 %
    """
    numbers, classes = np.asarray(counts), len(class_names)
    if (
        numbers.shape != (classes,)
        or classes == 0
        or numbers.dtype.kind not in "iu"
        or numbers.min() < 0
    ):
        raise ValueError(
            f"class_distribution expected one count of 0 or more for each of {classes} "
            "class_names, received "
            f"{numbers.dtype} {numbers.shape} {numbers.tolist()}: count with np.bincount(labels, "
            f"minlength={classes})"
        )
    total = int(numbers.sum())
    shares = [f"{100 * number / max(total, 1):.1f} %" for number in numbers.tolist()]

    subtitle = (
        f"{total:,} pictures in {classes} classes; dashed: as many as each would have in equal "
        "parts"
    )
    figure = new_figure(7.5, 0.27 * classes + 1.6, title, subtitle)
    axes = figure.subplots()
    labels = [
        f"{number:,}  {share.rjust(6, FIGURE_SPACE)}" if number else "none"
        for number, share in zip(numbers, shares, strict=True)
    ]
    draw_bars(axes, numbers.tolist(), class_names, labels, total / classes)
    axes.set_xlim(0, 1.02 * max(int(numbers.max()), 1))
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("Pictures", color=INK)
    lines = zip(class_names, numbers.tolist(), shares, strict=True)
    data = {"class_names": list(class_names), "counts": numbers.tolist()}
    return Plot(figure, data, table(["class", "pictures", "share"], *lines))


def _names_of(labels: np.ndarray, pictures: int, class_names: Sequence[str] | None) -> list[str]:
    """The name of every label."""
    if not is_sparse(labels):
        raise ValueError(
            f"image_grid expected labels (n,) or (n, 1), received shape {labels.shape}"
        )
    labels = labels.reshape(-1)
    if len(labels) != pictures:
        raise ValueError(
            f"image_grid expected a label for each picture, received {len(labels)} for {pictures} "
            "pictures"
        )
    if class_names is None:
        return [str(label) for label in labels]
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(class_names):
        raise ValueError(
            f"image_grid expected labels from 0 to {len(class_names) - 1} for {len(class_names)} "
            "class_names, received "
            f"{labels.dtype} from {labels.min()} to {labels.max()}: name every class"
        )
    return [class_names[label] for label in labels]
