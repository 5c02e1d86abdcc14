"""Pictures of a training run: learning curves, confusion matrix, right and wrong predictions.

Every function returns a `Plot`: the figure, the data that it shows, and the same data as a table of text. Figures are
drawn on matplotlib's own canvas, without pyplot: no display, no global state, nothing to close.
The two series colours are Okabe and Ito's, told apart by every kind of colour vision, and never the only difference.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

BLUE, VERMILLION = "#0072B2", "#D55E00"  # Okabe & Ito 2008: training and right, validation and wrong
INK, MUTED, HAIRLINE = "#1F2328", "#59636E", "#D1D9E0"
SHADES = LinearSegmentedColormap.from_list("shades", ["#F5F8FA", "#CFE3F1", "#7FB5D8", BLUE, "#004A75"])


@dataclass(frozen=True, eq=False, repr=False)
class Plot:
    """A drawn figure, the plain data that it shows, and a text table of the same data."""

    figure: Figure
    data: dict[str, Any]
    text: str

    def save(self, path: str | PathLike[str], dpi: int = 150) -> Path:
        """Write the figure as PNG and return its path."""
        self.figure.savefig(path, dpi=dpi, format="png", facecolor="white")
        return Path(path)

    def to_text(self) -> str:
        """Return the plot's data as a text table, for a terminal, a log or a screen reader."""
        return self.text

    def _repr_png_(self) -> bytes:
        """Show the figure in a notebook."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, dpi=100, format="png", facecolor="white")
        return buffer.getvalue()


def learning_curves(history: Any, *, title: str = "Learning curves") -> Plot:
    """Draw loss and accuracy after every epoch, for training and validation data.

    The best epoch (lowest validation loss; lowest training loss where there is no validation) and the changes of the
    learning rate are marked; the learning rate has a panel of its own where the history holds it.

    Args:
        history: what ``fit`` returned, or its ``.history`` dictionary of lists.

    Raises:
        ValueError: the history holds no loss of a finished epoch.
    """
    logs: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    if not logs.get("loss"):
        raise ValueError(
            f"learning_curves expected a history with the loss of at least one epoch, received the keys {list(logs)}: "
            "train for an epoch first."
        )
    numbers = getattr(history, "epoch", [])  # from 0; of the last fit only, where one History went through several
    epochs = [1 + n for n in (numbers if len(numbers) == len(logs["loss"]) else range(len(logs["loss"])))]
    kind, prefix = ("validation", "val_") if "val_loss" in logs else ("training", "")
    losses = np.asarray(logs[prefix + "loss"], float)
    best = None if np.isnan(losses).all() else epochs[int(np.nanargmin(losses))]  # the earlier one of two equals
    rates = list(logs.get("learning_rate", []))
    changes = [epochs[i] for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    panels = ["loss", *(name for name in logs if "accuracy" in name and not name.startswith("val_"))]

    subtitle = "No best epoch: every loss is NaN"
    if best is not None:
        at_best = [f"{kind} loss {np.nanmin(losses):.3f}"]
        at_best += [f"{name} {100 * logs[prefix + name][epochs.index(best)]:.1f} %" for name in panels[1:]]
        subtitle = f"Best epoch (circles): {best} of {epochs[-1]}, with {', '.join(at_best)}".replace("_", " ")
    heights = [3.1] * len(panels) + [1.3] * bool(rates)
    figure = _figure(8.5, sum(heights) + 1.1, title, subtitle)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for panel, name in zip(axes, panels, strict=False):
        _draw_curves(panel, epochs, name, logs, best)
    if rates:
        _draw_learning_rate(axes[-1], epochs, rates)
    for panel in axes:
        for change in changes if len(changes) <= 10 else []:  # a rate that moves at every epoch shows in its own panel
            panel.axvline(change - 0.5, color=MUTED, linewidth=0.9, linestyle=(0, (1, 3)), zorder=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(MUTED)
        panel.tick_params(color=MUTED, labelcolor=INK, length=3)
        panel.grid(axis="y", color=HAIRLINE, linewidth=0.6)
    axes[0].legend(frameon=False, labelcolor=INK, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
    axes[-1].set_xlabel("Epoch", color=INK)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[-1].set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)

    columns = {"epoch": epochs} | {name: [float(value) for value in values] for name, values in logs.items()}
    by_epoch = zip(*columns.values(), strict=True)
    rows = [[*(f"{value:.4g}" for value in row), "best" * (row[0] == best)] for row in by_epoch]
    return Plot(figure, columns | {"best_epoch": best, "learning_rate_changes": changes}, _table([*columns, ""], *rows))


def confusion_heatmap(
    matrix: ArrayLike, class_names: Sequence[str], *, normalize: bool = False, title: str = "Confusion matrix"
) -> Plot:
    """Draw a confusion matrix with its number in every cell.

    Args:
        matrix: (K, K) counts, rows true and columns predicted, as `report.confusion_matrix` returns them.
        class_names: K names.
        normalize: show each row in percent of its true class (0 in the row of a class without images).

    Raises:
        ValueError: the matrix has not a row and a column for each name, or holds no whole numbers.
    """
    counts, classes = np.asarray(matrix), len(class_names)
    if counts.shape != (classes, classes) or counts.dtype.kind not in "iu":
        raise ValueError(
            f"confusion_heatmap expected ({classes}, {classes}) whole numbers for {classes} class names, received "
            f"{counts.dtype} {counts.shape}: pass the names of all classes, and num_classes to confusion_matrix."
        )
    support, total = counts.sum(axis=1, keepdims=True), counts.sum()
    values = np.divide(100 * counts, support, out=np.zeros(counts.shape), where=support > 0) if normalize else counts
    shown = [[f"{value:.1f}" if normalize else f"{value:d}" for value in row] for row in values.tolist()]
    unit = "% of the true class" if normalize else "images"

    cell = 0.68 if classes <= 20 else 0.5  # inches: the figure grows with the number of classes, its type never shrinks
    side, longest_name = classes * cell, max(map(len, class_names))
    width, height = max(side + 0.09 * longest_name + 2.0, 5.5), max(side + 0.07 * longest_name + 1.7, 4.0)
    share = 100 * np.trace(counts) / max(total, 1)
    figure = _figure(width, height, title, f"{share:.1f} % of {total:,} images are right (diagonal)")
    axes = figure.subplots()
    # Square-root scale: on a linear one a few dozen confusions out of a thousand look like none.
    scale = PowerNorm(0.5, vmin=0, vmax=max(values.max(), 1))
    picture = axes.imshow(values, cmap=SHADES, norm=scale)
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if scale(value) > 0.68 else INK if value else MUTED
        weight = "bold" if row == column else "normal"
        axes.text(column, row, shown[row][column], ha="center", va="center", fontsize=9, color=colour, weight=weight)
    axes.set_xticks(range(classes), class_names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(classes), class_names)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.set_xlabel("Predicted class", fontsize=11, color=INK)
    axes.set_ylabel("True class", fontsize=11, color=INK)
    bar = figure.colorbar(picture, ax=axes, shrink=0.8, aspect=30, pad=0.02, ticks=MaxNLocator(8, integer=True))
    bar.set_label(f"{unit[0].upper()}{unit[1:]} (square-root scale)", color=INK)
    for part in (axes, bar.ax):
        part.spines[:].set_visible(False)
        part.tick_params(which="both", length=0, labelcolor=INK)

    data = {"class_names": list(class_names), "normalize": normalize, "matrix": values.tolist()}
    table = _table(["", *class_names], *([name, *row] for name, row in zip(class_names, shown, strict=True)))
    return Plot(figure, data, f"rows: true class, columns: predicted class, cells: {unit}\n{table}")


def predictions_grid(
    images: ArrayLike,
    y_true: ArrayLike,
    predictions: ArrayLike,
    class_names: Sequence[str],
    *,
    columns: int = 8,
    rows: int = 4,
    title: str = "Predictions",
) -> Plot:
    """Show pictures that were classified rightly above pictures that were not: the first ones of each kind.

    Each half of the rows holds one kind; where one kind is scarce, the other gets its rows.

    Args:
        images: (n, H, W, 3) or (n, H, W, 1), uint8, or floats from 0 to 1.
        y_true: labels, (n,) or (n, 1).
        predictions: labels, (n,) or (n, 1), or probabilities (n, K), then written below the pictures in percent.
        class_names: K names.

    Raises:
        ValueError: the three differ in length, the pictures are of another form, or a label has no name.
    """
    pictures, true, predicted, confidence = _checked_predictions(images, y_true, predictions, class_names)
    right, wrong = np.flatnonzero(true == predicted), np.flatnonzero(true != predicted)
    rows_right, rows_wrong = (-(-len(found) // columns) for found in (right, wrong))  # rows that each could fill
    rows_wrong = min(rows_wrong, max(rows // 2, rows - rows_right))
    rows_right = min(rows_right, rows - rows_wrong)
    kinds = [("right", "✓", BLUE, right, rows_right, 1.52), ("wrong", "✗", VERMILLION, wrong, rows_wrong, 1.68)]
    kinds = [kind for kind in kinds if kind[4] > 0]

    heights = [height * kind_rows + 0.45 for *_, kind_rows, height in kinds]  # inches
    note = "" if confidence is None else ", with the probability that the model gave its answer"
    figure = _figure(max(1.3 * columns + 0.4, 6.0), sum(heights) + 0.8, title, f"The first ones of each kind{note}")
    parts = figure.subfigures(len(kinds), 1, squeeze=False, height_ratios=heights)[:, 0]
    table = []
    for part, (word, mark, colour, found, kind_rows, _) in zip(parts, kinds, strict=True):
        heading = f"{word.capitalize()}: {len(found):,} of {len(true):,}"
        part.suptitle(heading, x=0.005, ha="left", fontsize=11, color=colour, weight="bold")
        grid = part.subplots(kind_rows, columns, squeeze=False).ravel()
        for axes in grid[len(found) :]:
            axes.set_axis_off()
        for axes, index in zip(grid, found.tolist(), strict=False):
            percent = "" if confidence is None else f"{100 * confidence[index]:.0f} %"
            truth, answer = class_names[true[index]], class_names[predicted[index]]
            second_line = f"\nis {truth}" if word == "wrong" else ""
            _draw_picture(axes, pictures[index], f"{mark} {answer} {percent}".rstrip() + second_line, colour)
            table.append([index, truth, answer, percent, word])
    headings = ["image", "true", "predicted", "probability", "verdict"]
    data = {"right": len(right), "wrong": len(wrong), "shown": [dict(zip(headings, row, strict=True)) for row in table]}
    return Plot(figure, data, f"{len(right):,} right, {len(wrong):,} wrong\n{_table(headings, *table)}")


def _figure(width: float, height: float, title: str, subtitle: str) -> Figure:
    """An empty figure of so many inches with its own canvas, a title and a subtitle at the left, and margins."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(0.15 / width, 1 - 0.12 / height, title, va="top", fontsize=14, weight="bold", color=INK)
    figure.text(0.15 / width, 1 - 0.42 / height, subtitle, va="top", fontsize=10, color=MUTED)
    below = (0.1 / width, 0.1 / height, 1 - 0.2 / width, 1 - 0.8 / height)  # left, bottom, width, height
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=below))
    return figure


def _draw_curves(
    axes: Axes, epochs: list[int], name: str, logs: Mapping[str, Sequence[float]], best: int | None
) -> None:
    """One panel: a quantity for training and, where there is one, for validation data."""
    percent, size = "accuracy" in name, 3.5 if len(epochs) <= 30 else 0
    for key, label, colour, line in ((name, "training", BLUE, "--"), (f"val_{name}", "validation", VERMILLION, "-")):
        if key in logs:
            values = np.multiply(logs[key], 100 if percent else 1)
            axes.plot(epochs, values, line, color=colour, linewidth=1.8, marker="o", markersize=size, label=label)
            if best is not None:
                at_best = values[epochs.index(best)]
                axes.scatter(best, at_best, 100, facecolors="none", edgecolors=colour, linewidths=1.5, clip_on=False)
    if best is not None:
        axes.axvline(best, color=MUTED, linewidth=1, zorder=0)
    unit = "%" if percent else "cross-entropy, nats"
    axes.set_ylabel(f"{name.replace('_', ' ').capitalize()} ({unit})", color=INK)


def _draw_learning_rate(axes: Axes, epochs: list[int], rates: Sequence[float]) -> None:
    """The learning rate of every epoch, each level named where there are few enough to read."""
    edges = np.arange(epochs[0], epochs[-1] + 2) - 0.5
    axes.stairs(rates, edges, baseline=None, color=INK, linewidth=1.8, zorder=2)
    if min(rates) > 0:
        axes.set_yscale("log")
        axes.set_ylim(min(rates) / 4, max(rates) * 6)
        axes.minorticks_off()
    levels = [i for i in range(len(rates)) if i == 0 or rates[i] != rates[i - 1]]
    for i in levels if len(levels) <= 5 else []:
        axes.text(edges[i], rates[i] * 1.3, f" {rates[i]:.3g}", va="bottom", fontsize=9, color=INK)
    axes.set_ylabel("Learning rate", color=INK)


def _draw_picture(axes: Axes, picture: NDArray[Any], caption: str, colour: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255 if picture.dtype == np.uint8 else 1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(color=colour, linewidth=2.5)
    axes.set_xlabel(caption, fontsize=8.5, color=INK, linespacing=1.2, labelpad=4)


def _checked_predictions(
    images: ArrayLike, y_true: ArrayLike, predictions: ArrayLike, class_names: Sequence[str]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Return pictures (n, H, W, C), labels (n,), predicted labels (n,) and, where given, their probabilities (n,)."""
    pictures, true, given = np.asarray(images), np.asarray(y_true).reshape(-1), np.asarray(predictions)
    if pictures.ndim != 4 or pictures.shape[-1] not in (1, 3) or len(pictures) == 0:
        raise ValueError(
            "predictions_grid expected images (n, H, W, 3) or (n, H, W, 1), channels last, received "
            f"{pictures.shape}: give a single picture a batch axis with images[None]."
        )
    if pictures.dtype != np.uint8 and not (pictures.min() >= 0 and pictures.max() <= 1):
        raise ValueError(
            f"predictions_grid expected uint8 images or values from 0 to 1, received {pictures.dtype} from "
            f"{pictures.min()} to {pictures.max()}: pass the pictures as they were loaded."
        )
    probable = given.ndim == 2 and given.shape[1] > 1
    predicted = given.argmax(axis=1) if probable else given.reshape(-1)
    lengths = f"{len(pictures)} images, {len(true)} labels, {len(predicted)} predictions"
    if not len(pictures) == len(true) == len(predicted):
        raise ValueError(f"predictions_grid expected a label and a prediction for each image, received {lengths}.")
    for label in np.union1d(true, predicted):
        if not 0 <= label < len(class_names):
            raise ValueError(f"predictions_grid expected one of {len(class_names)} classes, received {label}.")
    return pictures, true, predicted, given.max(axis=1) if probable else None


def _table(*rows: Sequence[object]) -> str:
    """Lay out columns, right-aligned, two spaces apart."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
