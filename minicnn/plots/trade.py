"""What smaller versions of a network win and lose: accuracy against time and size."""

from collections.abc import Mapping

from matplotlib.axes import Axes

from minicnn.names import known_arguments
from minicnn.plots.base import Plot, new_figure, table, tidy
from minicnn.plots.palette import HAIRLINE, INK, MUTED, SERIES

MARKS = ((MUTED, "o"), *SERIES)  # the first one's is a ring, in which others may lie
WIDE = 10  # times the least cost: more than that, and an axis from 0 would crowd the others
COSTS = {"milliseconds": "Milliseconds for 64 pictures", "kilobytes": "Compressed file (kB)"}


@known_arguments
def trade(
    versions: Mapping[str, Mapping[str, float]], *, title: str = "Smaller, and what it costs"
) -> Plot:
    """Draw the accuracy of several versions of a network against the time and the room they take.
    The first one is what the others are compared with.

    Args:
        versions: by name, each with its "accuracy", a share of right answers, the "milliseconds"
            that 64 pictures take and the "kilobytes" of its compressed file. Costs that differ by
            more than ten times have a logarithmic axis.

    Raises ValueError when there are fewer than two or more than five, or one of these numbers is
    missing.

    >>> whole = {"accuracy": 0.74, "milliseconds": 5.1, "kilobytes": 600}
    >>> half = {"accuracy": 0.735, "milliseconds": 2.9, "kilobytes": 320}
    >>> print(plots.trade({"whole": whole, "half": half}).to_text())
    version  accuracy %  milliseconds  kilobytes
      whole       74.00         5.100      600.0
       half       73.50         2.900      320.0
    """
    wanted = ("accuracy", *COSTS)
    for name, version in versions.items():
        missing = [what for what in wanted if what not in version]
        if missing:
            raise ValueError(
                f"trade expected {', '.join(wanted)} of every version, received no "
                f"{' and no '.join(missing)} of {name!r}"
            )
    if not 2 <= len(versions) <= len(MARKS):
        raise ValueError(
            f"trade expected two to {len(MARKS)} versions, received {len(versions)}: "
            f"{', '.join(versions)}"
        )
    figure = new_figure(10, 4.2, title, "Up is better, left is better; the line is the first one's")
    panels = figure.subplots(1, len(COSTS), sharey=True)
    for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
        _panel(axes, versions, cost)
        axes.set_xlabel(label, color=INK)
    panels[0].set_ylabel("Test accuracy (%)", color=INK)
    panels[-1].legend(
        loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, labelspacing=0.9
    )
    rows = [
        [name, f"{100 * one['accuracy']:.2f}", f"{one['milliseconds']:.3f}",
         f"{one['kilobytes']:.1f}"]
        for name, one in versions.items()
    ]  # fmt: skip
    data = {name: dict(version) for name, version in versions.items()}
    return Plot(figure, data, table(["version", "accuracy %", *COSTS], *rows))


def _panel(axes: Axes, versions: Mapping[str, Mapping[str, float]], cost: str) -> None:
    first, *_ = versions.values()
    axes.axhline(100 * first["accuracy"], color=HAIRLINE, linewidth=1)
    for (name, version), (colour, marker) in zip(versions.items(), MARKS, strict=False):
        whole = {"markersize": 13, "fillstyle": "none"} if version is first else {"markersize": 7}
        place = version[cost], 100 * version["accuracy"]
        axes.plot(*place, marker, color=colour, label=name, linestyle="none", **whole)
    axes.margins(0.15, 0.2)
    costs = [version[cost] for version in versions.values()]
    if max(costs) > WIDE * min(costs) > 0:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    tidy(axes)
