"""How a training run went, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, MUTED, TRAINING, VALIDATION


@known_arguments
def learning_curves(history: Any, *, title: str = "Learning curves") -> Plot:
    """Draw loss and accuracy after every epoch, for training and validation data.

    The best epoch (lowest validation loss; lowest training loss where there is no validation) and
    the changes of the learning rate are marked; a learning rate that changes has a panel of its
    own, one that does not is in the subtitle.

    Args:
        history: what `fit` returned, or its `.history` dictionary of lists.

    Raises ValueError when the history holds no loss of a finished epoch.
    """
    logs: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    if not logs.get("loss"):
        raise ValueError(
            "learning_curves expected a history with the loss of at least one epoch, received the "
            f"keys {list(logs)}: train for an epoch first"
        )
    # from 0; of the last fit only, where one History went through several
    numbers = getattr(history, "epoch", [])
    epochs = [
        1 + n for n in (numbers if len(numbers) == len(logs["loss"]) else range(len(logs["loss"])))
    ]
    kind, prefix = ("validation", "val_") if "val_loss" in logs else ("training", "")
    losses = np.asarray(logs[prefix + "loss"], float)
    # the earlier one of two equals
    best = None if np.isnan(losses).all() else epochs[int(np.nanargmin(losses))]
    rates = list(logs.get("learning_rate", []))
    changes = [epochs[i] for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    panels = [
        "loss",
        *(name for name in logs if "accuracy" in name and not name.startswith("val_")),
    ]

    subtitle = "No best epoch: every loss is NaN"
    if best is not None:
        at_best = [f"{kind} loss {np.nanmin(losses):.3f}"]
        at_best += [
            f"{name} {100 * logs[prefix + name][epochs.index(best)]:.1f} %"
            for name in panels[1:]
            if prefix + name in logs
        ]
        subtitle = (
            f"Best epoch (circles): {best} of {epochs[-1]}, with {', '.join(at_best)}".replace(
                "_", " "
            )
        )
    if rates and not changes:
        subtitle += f"; learning rate {rates[0]:.3g}"
    heights = [3.1] * len(panels) + [1.3] * bool(changes)
    figure = new_figure(8.5, sum(heights) + 1.1, title, subtitle)
    axes = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for panel, name in zip(axes, panels, strict=False):
        _draw_curves(panel, epochs, name, logs, best)
    if changes:
        _draw_learning_rate(axes[-1], epochs, rates)
    for panel in axes:
        # a rate that moves at every epoch shows in its own panel
        for change in changes if len(changes) <= 10 else []:
            panel.axvline(change - 0.5, color=MUTED, linewidth=0.9, linestyle=(0, (1, 3)), zorder=0)
        tidy(panel)
        panel.grid(axis="y", color=HAIRLINE, linewidth=0.6)
    axes[0].legend(
        frameon=False,
        labelcolor=INK,
        ncols=2,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderpad=0,
    )
    axes[-1].set_xlabel("Epoch", color=INK)
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[-1].set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)

    columns = {"epoch": epochs} | {
        name: [float(value) for value in values] for name, values in logs.items()
    }
    by_epoch = zip(*columns.values(), strict=True)
    rows = [[*(f"{value:.4g}" for value in row), "best" * (row[0] == best)] for row in by_epoch]
    return Plot(
        figure,
        columns | {"best_epoch": best, "learning_rate_changes": changes},
        table([*columns, ""], *rows),
    )


def _draw_curves(
    axes: Axes, epochs: list[int], name: str, logs: Mapping[str, Sequence[float]], best: int | None
) -> None:
    """One panel: a quantity for training and, where there is one, for validation data."""
    percent, size = "accuracy" in name, 3.5 if len(epochs) <= 30 else 0
    for key, label, colour, line in (
        (name, "training", TRAINING, "--"),
        (f"val_{name}", "validation", VALIDATION, "-"),
    ):
        if key in logs:
            values = np.multiply(logs[key], 100 if percent else 1)
            axes.plot(
                epochs,
                values,
                line,
                color=colour,
                linewidth=1.8,
                marker="o",
                markersize=size,
                label=label,
            )
            if best is not None:
                at_best = values[epochs.index(best)]
                axes.scatter(
                    best,
                    at_best,
                    100,
                    facecolors="none",
                    edgecolors=colour,
                    linewidths=1.5,
                    clip_on=False,
                )
    if best is not None:
        axes.axvline(best, color=MUTED, linewidth=1, zorder=0)
    unit = "%" if percent else "cross-entropy, nats"
    axes.set_ylabel(f"{name.replace('_', ' ').capitalize()} ({unit})", color=INK)


def _draw_learning_rate(axes: Axes, epochs: list[int], rates: Sequence[float]) -> None:
    """The learning rate of every epoch; a few levels, often decades apart, on a log scale with
    their values.
    """
    edges = np.arange(epochs[0], epochs[-1] + 2) - 0.5
    axes.stairs(rates, edges, baseline=None, color=INK, linewidth=1.8, zorder=2)
    levels = [i for i in range(len(rates)) if i == 0 or rates[i] != rates[i - 1]]
    few = len(levels) <= 5
    if few and min(rates) > 0:
        axes.set_yscale("log")
        axes.set_ylim(min(rates) / 4, max(rates) * 6)
        axes.minorticks_off()
        axes.set_yticks([])  # each level has its value written on it
    for i in levels if few else []:
        axes.text(edges[i], rates[i] * 1.3, f" {rates[i]:.3g}", va="bottom", fontsize=9, color=INK)
    axes.set_ylabel("Learning\nrate", color=INK)  # a low panel
