"""How a search for hyperparameters went: what every trial reached, and with which values."""

from collections.abc import Collection, Mapping, Sequence
from math import nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, shorten, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, MUTED, VALIDATION

Trial = Mapping[str, Any]  # "number", "value", "complete" and "params"
FEW = 4  # numbers that are written below an axis as they are
MOST_NAMES = 8  # of choices below an axis that are written horizontally


@known_arguments
def search_history(
    trials: Sequence[Trial],
    *,
    metric: str = "val_accuracy",
    maximize: bool = True,
    title: str = "What the trials reached",
) -> Plot:
    """Draw what every trial reached, and the best so far.

    Args:
        trials: mappings with "number", "value" (None where there is none) and "complete", whether
            it was not ended early.
        metric: what the values are; accuracies are shown in percent.
        maximize: whether larger values are better.

    Raises ValueError when no trial has a value.

    >>> trials = [{"number": 0, "value": 0.6, "complete": True, "params": {}}]
    >>> print(plots.search_history(trials).to_text())
    Best: trial 0 with val accuracy 60.00
    trial  val accuracy %
        0           60.00
    """
    found = _with_values(trials, "search_history")
    factor, unit = _scale(metric)
    best, rows, so_far = _best(found, maximize), [], []
    reached: Trial | None = None
    for trial in found:
        if trial["complete"]:
            reached = _best([trial] if reached is None else [reached, trial], maximize)
        so_far.append(nan if reached is None else factor * reached["value"])
        early = "" if trial["complete"] else "ended early"
        rows.append([trial["number"], f"{factor * trial['value']:.{2 if unit else 4}f}", early])
    subtitle = _subtitle(best, factor, metric)
    figure = new_figure(8.5, 4.4, title, subtitle)
    axes = figure.subplots()
    numbers = [trial["number"] for trial in found]
    axes.plot(numbers, so_far, color=INK, linewidth=1.2, drawstyle="steps-post", zorder=1)
    _scatter(axes, numbers, found, best, factor)
    axes.set_xlabel("Trial", color=INK)
    axes.set_ylabel(f"{_words(metric)}{unit}", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _dress(axes)
    _legend(axes, found, best is not None, line=True)
    heading = ["trial", f"{metric.replace('_', ' ')}{' %' if unit else ''}"]
    cells = [row if any(early for *_, early in rows) else row[:2] for row in rows]
    heading += [""] * (len(cells[0]) - 2)
    data = {"numbers": numbers, "best_so_far": so_far, "best": best and best["number"]}
    return Plot(figure, data, f"{subtitle}\n{table(heading, *cells)}")


@known_arguments
def search_slices(
    trials: Sequence[Trial],
    *,
    metric: str = "val_accuracy",
    maximize: bool = True,
    logarithmic: Collection[str] = (),
    columns: int = 3,
    width: float = 9.3,
    title: str = "What each hyperparameter is worth",
) -> Plot:
    """Draw what the trials reached against the value of every hyperparameter.

    Args:
        trials, metric, maximize: as in search_history, with "params", the values by name.
        logarithmic: the names of those that have a logarithmic axis.
        columns: of panels.
        width: of the figure, in inches.

    Raises ValueError when no trial has a value.

    >>> trials = [{"number": 0, "value": 0.6, "complete": True, "params": {"dropout": 0.5}}]
    >>> print(plots.search_slices(trials).to_text())
    Best: trial 0 with val accuracy 60.00
    trial  dropout  val accuracy %
        0      0.5           60.00
    """
    found = _with_values(trials, "search_slices")
    factor, unit = _scale(metric)
    best, names = _best(found, maximize), list(found[0]["params"])
    lines = -(-len(names) // columns)
    subtitle = _subtitle(best, factor, metric)
    figure = new_figure(width, 2.6 * lines + 1.2, title, subtitle)
    panels = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for place, axes in enumerate(panels.flat):
        if place >= len(names):
            axes.set_visible(False)
            continue
        name = names[place]
        _slice(axes, name, found, best, factor, name in logarithmic)
        if place % columns == 0:
            axes.set_ylabel(f"{_words(metric)}{unit}", color=INK)
    rows = [
        [trial["number"], *(_shown(trial["params"].get(name)) for name in names)]
        + [f"{factor * trial['value']:.{2 if unit else 4}f}"]
        for trial in found
    ]
    heading = ["trial", *names, f"{metric.replace('_', ' ')}{' %' if unit else ''}"]
    data = {name: [trial["params"].get(name) for trial in found] for name in names}
    values = {metric: [trial["value"] for trial in found]}
    return Plot(figure, data | values, f"{subtitle}\n{table(heading, *rows)}")


def _slice(
    axes: Axes, name: str, found: Sequence[Trial], best: Trial | None, factor: float, log: bool
) -> None:
    """One panel."""
    values = [trial["params"].get(name) for trial in found]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        places = values
        if log:
            axes.set_xscale("log")
        elif len(set(values)) <= FEW:
            axes.set_xticks(sorted(set(values)), [_shown(value) for value in sorted(set(values))])
            axes.margins(x=0.15)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(4))
    else:  # words have places, in the order of the alphabet
        words = sorted({str(value) for value in values})
        places = [words.index(str(value)) for value in values]
        turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if len(words) > MOST_NAMES else {}
        axes.set_xticks(range(len(words)), [shorten(word, 12) for word in words], **turned)
        axes.set_xlim(-0.6, len(words) - 0.4)
    _scatter(axes, places, found, best, factor)
    axes.set_xlabel(name, color=INK)
    _dress(axes)


def _scatter(
    axes: Axes, places: Sequence[Any], found: Sequence[Trial], best: Trial | None, factor: float
) -> None:
    """A point for each trial: a disc, a cross where it is not complete, a ring for the best."""
    points = list(zip(places, found, strict=True))
    styles: dict[bool, dict[str, Any]] = {
        False: {"marker": "x", "color": MUTED, "s": 26, "linewidths": 1.2},
        True: {"marker": "o", "color": VALIDATION, "s": 30},
    }
    for complete, style in styles.items():
        chosen = [(x, factor * one["value"]) for x, one in points if one["complete"] == complete]
        if chosen:
            axes.scatter(*zip(*chosen, strict=True), zorder=2, **style)
    for x, one in points:
        if one is best:
            axes.scatter(
                x, factor * one["value"], 110, facecolors="none", edgecolors=INK, linewidths=1.5
            )


def _legend(axes: Axes, found: Sequence[Trial], has_best: bool, line: bool) -> None:
    marks: list[tuple[bool, Line2D]] = [
        (has_best, Line2D([], [], marker="o", color=VALIDATION, linestyle="", label="complete")),
        (
            not all(trial["complete"] for trial in found),
            Line2D([], [], marker="x", color=MUTED, linestyle="", label="ended early"),
        ),
        (line and has_best, Line2D([], [], color=INK, linewidth=1.2, label="best so far")),
    ]
    handles = [handle for is_there, handle in marks if is_there]
    axes.legend(
        handles=handles, frameon=False, labelcolor=INK, ncols=3, loc="lower right",
        bbox_to_anchor=(1, 1), borderpad=0,
    )  # fmt: skip


def _dress(axes: Axes) -> None:
    tidy(axes)
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.6)
    axes.set_axisbelow(True)


def _with_values(trials: Sequence[Trial], who: str) -> list[Trial]:
    found = sorted(
        (trial for trial in trials if trial["value"] is not None), key=lambda one: one["number"]
    )
    if not found:
        raise ValueError(
            f"{who} expected trials, one of them with a value at least, received {len(trials)}: "
            "train one first"
        )
    return found


def _best(found: Sequence[Trial], maximize: bool) -> Trial | None:
    """The first of those with the best value."""
    complete = [trial for trial in found if trial["complete"]]
    choose = max if maximize else min
    return choose(complete, key=lambda one: one["value"]) if complete else None


def _scale(metric: str) -> tuple[float, str]:
    """By what values are multiplied, and what is said of it."""
    return (100, " (%)") if metric.endswith("accuracy") else (1, "")


def _subtitle(best: Trial | None, factor: float, metric: str) -> str:
    if best is None:
        return "No trial is complete"
    value = f"{factor * best['value']:.{2 if factor > 1 else 4}f}"
    return f"Best: trial {best['number']} with {metric.replace('_', ' ')} {value}"


def _words(metric: str) -> str:
    return metric.replace("val_", "validation ").replace("_", " ").capitalize()


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
