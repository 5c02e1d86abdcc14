"""How good a model's answers are, class by class, and how far its probabilities can be believed."""

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, draw_bars, new_figure, shorten, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, MUTED, PALE, WRONG
from minicnn.report import Calibration, ClassificationReport

FIGURES = (
    ("precision", "of all called so: right"),
    ("recall", "of all that are so: found"),
    ("f1", "harmonic mean of the two"),
)


@known_arguments
def class_scores(
    classes: ClassificationReport, *, title: str = "Precision, recall and F1 of each class"
) -> Plot:
    """Draw precision, recall and F1 of every class as bars beside each other, the class with the
    best F1 on top.

    Args:
        classes: what `report.classification_report` returned, or an evaluation's `.classes`.
    """
    names, average = classes.class_names, classes.macro_average
    order = np.argsort(-classes.f1, kind="stable").tolist()
    longest = max(len(shorten(name)) for name in names)
    subtitle = f"Accuracy {100 * classes.accuracy:.1f} %; dashed: mean of the classes"
    figure = new_figure(7.5 + 0.075 * longest, 0.27 * len(names) + 1.9, title, subtitle)
    for axes, (figure_name, meaning), mean in zip(
        figure.subplots(1, 3), FIGURES, average.values(), strict=True
    ):
        values = 100 * getattr(classes, figure_name)[order]
        rows = [names[i] for i in order] if figure_name == "precision" else [""] * len(order)
        draw_bars(axes, values.tolist(), rows, [f"{value:.1f}" for value in values], 100 * mean)
        axes.set_xlim(0, 100)
        axes.set_xticks([0, 50, 100])
        axes.set_title(f"{figure_name.capitalize()}, %", fontsize=11, loc="left", color=INK)
        axes.set_xlabel(meaning, fontsize=9, color=MUTED)

    columns = (classes.precision, classes.recall, classes.f1)
    lines = [
        [names[i], *(f"{100 * column[i]:.1f} %" for column in columns), int(classes.support[i])]
        for i in order
    ]
    last = [
        "mean",
        *(f"{100 * value:.1f} %" for value in average.values()),
        int(classes.support.sum()),
    ]
    return Plot(
        figure,
        classes.to_dict(),
        table(["class", "precision", "recall", "F1", "pictures"], *lines, last),
    )


@known_arguments
def reliability_diagram(
    calibration: Calibration, *, title: str = "How far to believe the probabilities"
) -> Plot:
    """Draw how often answers were right against how probable the model said they were, above how
    many there are.

    On the diagonal a model is right as often as it says; a bar that ends below it is overconfident.

    Args:
        calibration: an evaluation's `.calibration`.
    """
    edges, count = 100 * calibration.edges, calibration.count
    confidence, accuracy = 100 * calibration.confidence, 100 * calibration.accuracy
    widths, filled, over = np.diff(edges), count > 0, 100 * calibration.overconfidence
    subtitle = (
        f"Calibration error {100 * calibration.error:.1f} %; on average {abs(over):.1f} points too "
    )
    subtitle += "sure" if over > 0 else "modest"
    figure = new_figure(6.2, 7.0, title, subtitle)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.bar(
        edges[:-1],
        accuracy,
        widths,
        align="edge",
        color=PALE,
        edgecolor="white",
        label="right answers",
    )
    gap = {"facecolor": "none", "edgecolor": WRONG, "hatch": "////", "linewidth": 1}
    span = (confidence - accuracy)[filled]
    upper.bar(
        edges[:-1][filled],
        span,
        widths[filled],
        accuracy[filled],
        align="edge",
        label="gap to what was said",
        **gap,
    )
    upper.plot(
        [0, 100], [0, 100], color=INK, linewidth=1, linestyle=(0, (4, 3)), label="as often as said"
    )
    upper.set_ylim(0, 100)
    upper.set_ylabel("Right answers", color=INK)
    upper.legend(
        frameon=False,
        labelcolor=INK,
        fontsize=9,
        ncols=3,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderpad=0,
    )
    lower.bar(
        edges[:-1], 100 * count / count.sum(), widths, align="edge", color=MUTED, edgecolor="white"
    )
    lower.set_ylabel("Share of answers", color=INK)
    lower.set_xlabel("Probability that the model gave its answer", color=INK)
    lower.set_xlim(0, 100)
    lower.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    for axes in (upper, lower):
        tidy(axes)
        axes.grid(axis="y", color=HAIRLINE, linewidth=0.6)
        axes.set_axisbelow(True)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(symbol=" %", decimals=0))

    rows = [
        [
            f"{edges[i]:.0f} to {edges[i + 1]:.0f} %",
            count[i],
            f"{confidence[i]:.1f} %",
            f"{accuracy[i]:.1f} %",
        ]
        for i in np.flatnonzero(filled)
    ]
    lines = table(["said", "answers", "said on average", "right"], *rows)
    return Plot(figure, calibration.to_dict(), f"{subtitle}\n{lines}")
