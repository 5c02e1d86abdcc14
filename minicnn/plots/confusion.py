"""Which classes a model takes for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import PowerNorm
from numpy.typing import ArrayLike

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, shorten, table
from minicnn.plots.palette import INK, MUTED, SHADES


@known_arguments
def confusion_heatmap(
    matrix: ArrayLike,
    class_names: Sequence[str],
    *,
    normalize: bool = False,
    title: str = "Confusion matrix",
) -> Plot:
    """Draw a confusion matrix with its number in every cell; the darker, the larger the share of
    the true class.

    Args:
        matrix: (K, K) counts, rows true and columns predicted, as `report.confusion_matrix` returns
            them.
        class_names: K names.
        normalize: write each row in percent of its true class (0 in the row of a class without
            pictures).

    Raises ValueError when the matrix has not a row and a column for each name, or holds no whole
    numbers.
    """
    counts, classes = np.asarray(matrix), len(class_names)
    if counts.shape != (classes, classes) or counts.dtype.kind not in "iu":
        raise ValueError(
            f"confusion_heatmap expected ({classes}, {classes}) whole numbers for {classes} class "
            "names, received "
            f"{counts.dtype} {counts.shape}: pass the names of all classes, and num_classes to "
            "confusion_matrix"
        )
    support, total = counts.sum(axis=1, keepdims=True), counts.sum()
    shares = np.divide(100 * counts, support, out=np.zeros(counts.shape), where=support > 0)
    values = shares if normalize else counts
    shown = [
        [f"{value:.1f}" if normalize else f"{value:d}" for value in row] for row in values.tolist()
    ]
    unit = "% of the true class" if normalize else "pictures"

    # inches: the figure grows with the number of classes, its type never shrinks
    cell = 0.68 if classes <= 20 else 0.5
    names = [shorten(name, 24) for name in class_names]
    side, longest_name = max(classes * cell, 2.0), max(map(len, names))
    width, height = side + 0.09 * longest_name + 2.0, side + 0.07 * longest_name + 1.8
    share = 100 * np.trace(counts) / max(total, 1)
    figure = new_figure(
        width, height, title, f"{share:.1f} % of {total:,} pictures are right (diagonal)"
    )
    axes = figure.subplots()
    # Square-root scale: on a linear one a few dozen confusions out of a thousand look like none.
    scale = PowerNorm(0.5, vmin=0, vmax=100)
    picture = axes.imshow(shares, cmap=SHADES, norm=scale, aspect="auto")
    depths = scale(shares)
    for (row, column), value in np.ndenumerate(shares):
        colour = "white" if depths[row, column] > 0.71 else "black" if value else MUTED
        weight = "bold" if row == column else "normal"
        axes.text(
            column,
            row,
            shown[row][column],
            ha="center",
            va="center",
            fontsize=9,
            color=colour,
            weight=weight,
        )
    axes.set_xticks(range(classes), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(classes), names)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.set_xlabel("Predicted class", fontsize=11, color=INK)
    axes.set_ylabel("True class", fontsize=11, color=INK)
    bar = figure.colorbar(
        picture,
        ax=axes,
        shrink=0.8,
        aspect=5 * side,
        pad=0.02,
        ticks=[0, 1, 5, 10, 25, 50, 100],
    )
    bar.set_label("% of the true class (square-root scale)", color=INK)
    for part in (axes, bar.ax):
        part.spines[:].set_visible(False)
        part.tick_params(which="both", length=0, labelcolor=INK)

    data = {"class_names": list(class_names), "normalize": normalize, "matrix": values.tolist()}
    lines = table(
        ["", *class_names], *([name, *row] for name, row in zip(class_names, shown, strict=True))
    )
    return Plot(figure, data, f"rows: true class, columns: predicted class, cells: {unit}\n{lines}")
