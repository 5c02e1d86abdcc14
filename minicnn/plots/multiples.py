"""Many trainings in one figure: a small panel for each, all with the same axes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, shorten, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, TRAINING, VALIDATION

COLUMNS = 3
MOST = 24


@known_arguments
def curves_side_by_side(
    histories: Mapping[str, Any], *, title: str = "Trainings side by side"
) -> Plot:
    """Draw the accuracy of many trainings, or their loss where one has none, each in a panel of its
    own.

    Args:
        histories: what `fit` returned, or its `.history` dictionary, by the training's name; at
            most 24.

    Raises ValueError when there are none or too many, or one has no epoch.
    """
    logs = {name: getattr(history, "history", history) for name, history in histories.items()}
    if not 1 <= len(logs) <= MOST:
        raise ValueError(
            f"curves_side_by_side expected 1 to {MOST} trainings, received {len(logs)}"
        )
    without = [name for name, log in logs.items() if not log.get("loss")]
    if without:
        raise ValueError(
            f"curves_side_by_side expected trainings with an epoch, received none in {without[0]!r}"
        )
    quantity, scale = (
        ("accuracy", 100) if all("accuracy" in log for log in logs.values()) else ("loss", 1)
    )
    held_out = f"val_{quantity}"
    columns = min(COLUMNS, len(logs))
    rows = -(-len(logs) // columns)
    subtitle = "Solid: validation, dashed: training; pale: the other trainings"
    figure = new_figure(2.9 * columns + 0.6, 2.2 * rows + 1.1, title, subtitle)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes, (name, log) in zip(panels, logs.items(), strict=False):
        for other in logs.values():
            values = np.multiply(other.get(held_out, other[quantity]), scale)
            axes.plot(np.arange(1, len(values) + 1), values, color=HAIRLINE, linewidth=1)
        for key, colour, style in ((quantity, TRAINING, "--"), (held_out, VALIDATION, "-")):
            values = np.multiply(log.get(key, []), scale)
            marker = "o" if len(values) == 1 else None
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                style,
                color=colour,
                linewidth=1.7,
                marker=marker,
            )
        axes.set_title(shorten(name), loc="left", fontsize=9, color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        tidy(axes)
    for axes in panels[len(logs) :]:
        axes.set_visible(False)
    for column in range(columns):  # the lowest panel that is there
        lowest = panels[column + columns * ((len(logs) - 1 - column) // columns)]
        lowest.set_xlabel("Epoch", color=INK)
        lowest.tick_params(labelbottom=True)
    for axes in panels[::columns]:
        axes.set_ylabel("Accuracy (%)" if scale == 100 else "Loss", color=INK)
    lines = [
        [name, len(log["loss"]), *_last(log, quantity), *_last(log, held_out)]
        for name, log in logs.items()
    ]
    headings = ["training", "epochs", f"last {quantity}", f"last {held_out}"]
    return Plot(figure, {name: dict(log) for name, log in logs.items()}, table(headings, *lines))


def _last(log: Mapping[str, Any], key: str) -> list[str]:
    return [f"{log[key][-1]:.4g}" if log.get(key) else "-"]
