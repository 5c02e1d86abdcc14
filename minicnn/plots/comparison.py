"""Several trainings in one figure: epoch by epoch, or by how many pictures they had."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, MUTED, SERIES


@known_arguments
def compared_curves(histories: Mapping[str, Any], *, title: str = "Trainings compared") -> Plot:
    """Draw loss and accuracy of several trainings; each one's best epoch, of the lowest validation
    loss, is marked.

    Args:
        histories: what `fit` returned, or its `.history` dictionary, by the training's name; at
            most four.

    Raises ValueError when there are none or too many, or one has no validation loss of a finished
    epoch.
    """
    runs = {name: getattr(history, "history", history) for name, history in histories.items()}
    _check_number(runs, "compared_curves")
    without = [
        name
        for name, logs in runs.items()
        if not np.isfinite(logs.get("val_loss") or [np.nan]).any()
    ]
    if without:
        raise ValueError(
            "compared_curves expected histories with a finite val_loss, received none in "
            f"{without[0]!r}: train it with validation_data or validation_split"
        )
    best = {name: int(np.nanargmin(logs["val_loss"])) for name, logs in runs.items()}
    panels = [
        "loss",
        *(["accuracy"] if all("val_accuracy" in logs for logs in runs.values()) else []),
    ]
    subtitle = "Solid: validation, with a mark at the best epoch; dashed: training"
    figure = new_figure(8.5, 3.2 * len(panels) + 1.5, title, subtitle)
    columns = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, quantity in zip(columns, panels, strict=True):
        for number, ((name, logs), (colour, marker)) in enumerate(
            zip(runs.items(), SERIES, strict=False)
        ):
            scale = 100 if quantity == "accuracy" else 1
            held_out, trained = (
                np.multiply(logs[key], scale) for key in (f"val_{quantity}", quantity)
            )
            epochs = np.arange(1, len(held_out) + 1)
            axes.plot(epochs, trained, "--", color=colour, linewidth=1.1)
            axes.plot(epochs, held_out, "-", color=colour, linewidth=1.9)
            # one within another
            hollow = {
                "markersize": 9 + 3 * number,
                "fillstyle": "none",
                "markeredgewidth": 1.6,
            }
            axes.plot(epochs[best[name]], held_out[best[name]], marker, color=colour, **hollow)
        axes.set_ylabel(
            "Accuracy (%)" if quantity == "accuracy" else "Loss (cross-entropy, nats)", color=INK
        )
        _finish(axes)
    _legend(columns[0], list(runs))
    columns[-1].set_xlabel("Epoch", color=INK)
    columns[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    columns[-1].set_xlim(0.5, max(len(logs["val_loss"]) for logs in runs.values()) + 0.5)

    names = [f"{kind}{quantity}" for quantity in panels for kind in ("", "val_")]
    rows = [
        [
            name,
            len(logs["val_loss"]),
            best[name] + 1,
            *(f"{logs[key][best[name]]:.4g}" for key in names),
        ]
        for name, logs in runs.items()
    ]
    data = {name: {**logs, "best_epoch": best[name] + 1} for name, logs in runs.items()}
    return Plot(figure, data, table(["training", "epochs", "best epoch", *names], *rows))


@known_arguments
def accuracy_by_size(
    sizes: Sequence[int],
    accuracies: Mapping[str, Any],
    *,
    chance: float | None = None,
    title: str = "Accuracy by size",
) -> Plot:
    """Draw how accurate several ways of training get with how many pictures: the mean of
    repetitions and their range.

    Args:
        sizes: numbers of training pictures, ascending.
        accuracies: by the name of the way, at most four: (sizes, repetitions) shares of right
            answers.
        chance: the share that guessing would get right, drawn as a dotted line; none unless given.

    Raises ValueError when there are none or too many ways, or one does not fit the sizes.
    """
    _check_number(accuracies, "accuracy_by_size")
    shares = {name: np.asarray(values, float) for name, values in accuracies.items()}
    for name, values in shares.items():
        if values.ndim != 2 or len(values) != len(sizes):
            raise ValueError(
                f"accuracy_by_size expected ({len(sizes)}, repetitions) accuracies, received "
                f"{values.shape} of {name!r}"
            )
    subtitle = "Means; bars: from the worst to the best of the repetitions"
    figure = new_figure(7.5, 4.8, title, subtitle)
    axes = figure.subplots()
    if chance is not None:
        axes.axhline(100 * chance, color=MUTED, linewidth=1, linestyle=(0, (1, 3)))
        place: dict[str, Any] = {
            "xycoords": axes.get_yaxis_transform(),
            "textcoords": "offset points",
        }
        axes.annotate(
            "chance", (1, 100 * chance), xytext=(0, 4), **place, ha="right", fontsize=9, color=MUTED
        )
    for number, (values, (colour, marker)) in enumerate(zip(shares.values(), SERIES, strict=False)):
        mean = 100 * values.mean(axis=1)
        reach = np.abs(100 * np.stack([values.min(axis=1), values.max(axis=1)]) - mean)
        # in the legend's order, where bars would overlap
        beside = 1.03 ** (number - (len(shares) - 1) / 2)
        places = np.multiply(sizes, beside)
        axes.errorbar(
            places,
            mean,
            reach,
            color=colour,
            marker=marker,
            markersize=6,
            linewidth=1.9,
            elinewidth=1,
        )
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("Training pictures", color=INK)
    axes.set_ylabel("Test accuracy (%)", color=INK)
    _finish(axes)
    _legend(axes, list(shares))

    rows = [
        [size, *(f"{100 * values[i].mean():.1f} %" for values in shares.values())]
        for i, size in enumerate(sizes)
    ]
    series = {name: values.tolist() for name, values in shares.items()}
    data = {"sizes": list(sizes), "accuracies": series, "chance": chance}
    return Plot(figure, data, table(["pictures", *shares], *rows))


def _check_number(series: Mapping[str, Any], who: str) -> None:
    if not 1 <= len(series) <= len(SERIES):
        raise ValueError(f"{who} expected 1 to {len(SERIES)} series, received {len(series)}")


def _finish(axes: Axes) -> None:
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.6)
    tidy(axes)


def _legend(axes: Axes, names: list[str]) -> None:
    """Above the axes: each name with its colour and marker."""
    lines = [
        Line2D([], [], color=colour, marker=marker, markersize=6, linewidth=1.9, label=name)
        for name, (colour, marker) in zip(names, SERIES, strict=False)
    ]
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
    axes.legend(handles=lines, frameon=False, labelcolor=INK, ncols=len(names), **place)
