"""How the ratios went from commit to commit: pictures of history.jsonl."""

from collections.abc import Iterator

from drawing import Record, clean, logarithmic
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minicnn.plots.base import new_figure
from minicnn.plots.palette import INK, MUTED, SERIES

COLUMNS = 3
TICKS = (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


def over_time(lines: list[Record]) -> Iterator[tuple[str, Figure]]:
    """For each program a small picture of each of its figures: times better at each commit, a line
    for each number of threads, and the floor.

    Those of one machine: the one that the last line is of.
    """
    if not lines:
        return
    machine = of_machine(lines[-1])
    lines = [line for line in lines if of_machine(line) == machine]
    commits = list(dict.fromkeys(line["commit"] for line in sorted(lines, key=by_date)))
    threads = sorted({line["threads"] for line in lines})
    for benchmark in dict.fromkeys(line["benchmark"] for line in lines):
        of_program = [line for line in lines if line["benchmark"] == benchmark]
        figures = list(dict.fromkeys(line["figure"] for line in of_program))
        rows, columns = -(-len(figures) // COLUMNS), min(COLUMNS, len(figures))
        number = f"{len(commits)} commit" + "s" * (len(commits) > 1)
        drawn = new_figure(
            max(4.6, 3.1 * columns),
            1.5 + 1.5 * rows,
            f"{benchmark}.py, commit by commit",
            f"times better than the peer, {number}; {', '.join(machine)}",
        )
        panels = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(figures) :]:
            axes.set_axis_off()
        for axes, name in zip(panels, figures, strict=False):
            of_figure = [line for line in of_program if line["figure"] == name]
            panel(axes, name, of_figure, commits, threads)
        handles, labels = panels[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=9,
                     labelcolor=INK, ncols=len(threads) + 1)  # fmt: skip
        yield f"_{benchmark}", drawn


def of_machine(line: Record) -> tuple[str, str]:
    return line["processor"], line["instruction_set"]


def by_date(line: Record) -> str:
    return line["date"]


def better(line: Record) -> list[float]:
    """How many times better, and the ends of the interval."""
    return sorted(value if line["more_is_better"] else 1 / value for value in line["ratio"])


def panel(
    axes: Axes, name: str, lines: list[Record], commits: list[str], threads: list[int]
) -> None:
    """One figure over the commits."""
    shown = [1.0]
    for number, (colour, marker) in zip(threads, SERIES, strict=False):
        points = {
            commits.index(line["commit"]): better(line)
            for line in sorted(lines, key=by_date)
            if line["threads"] == number
        }
        places = sorted(points)
        medians = [points[place][1] for place in places]
        label = f"{number} thread" + "s" * (number > 1)
        axes.plot(places, medians, marker=marker, color=colour, markersize=4, linewidth=1.4,
                  label=label)  # fmt: skip
        for place in places:
            low, _, high = points[place]
            axes.plot([place] * 2, [low, high], color=colour, linewidth=1)
            shown += [low, high]
    floors = [line["floor"] for line in lines if line["floor"] is not None]
    more = lines[-1]["more_is_better"]
    floor = None if not floors else floors[-1] if more else 1 / floors[-1]
    shown += [] if floor is None else [floor]
    axes.axhline(floor or float("nan"), color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)),
                 label="the floor")  # fmt: skip
    axes.axhline(1, color=INK, linewidth=0.8)
    clean(axes, "y")
    low, high = min(shown) / 1.15, max(shown) * 1.15
    logarithmic(axes, "y", [tick for tick in TICKS if low <= tick <= high])
    axes.set_ylim(low, high)
    axes.set_xlim(-0.5, len(commits) - 0.5)
    axes.set_xticks([0, len(commits) - 1] if len(commits) > 1 else [0])
    axes.set_xticklabels([commits[0], commits[-1]] if len(commits) > 1 else commits)
    axes.set_title(name, fontsize=8.5, color=INK, loc="left")
