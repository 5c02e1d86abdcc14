"""Pictures of results: of what compare.py, deploy.py, layers.py, scaling.py and zoo.py wrote with
--json, and programs with --history.

python benchmarks/draw.py benchmarks/results/*.jsonl     writes PNG files beside them
"""

import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import history
from comparison import lead as times_better
from deploy import decisive
from drawing import Record, clean, figure, logarithmic, round_numbers, save
from matplotlib.figure import Figure
from over_time import over_time

from minicnn.plots.palette import INK, MUTED, SERIES

SIDES = {  # as the results call them, and people
    "minicnn": "minicnn",
    "keras": "Keras",
    "torch channels_last": "PyTorch, channels last",
    "torch compile": "PyTorch, compiled",
}
PASSES = ("forward", "input gradient", "weight gradient")
TASKS = {"train": "Training", "infer": "Inference"}
SCANS = {
    "batch": ("batch size", "pictures in a batch"),
    "side": ("picture size", "rows and columns of a picture"),
    "depth": ("depth", "convolutions"),
    "threads": ("number of threads", "threads"),
}


def read(path: Path) -> tuple[str, Record, list[Record]]:
    """The program that wrote a file of results, the machine, and the results."""
    head, *records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return head["benchmark"], head["machine"], records


def scaling(machine: Record, records: list[Record]) -> Iterator[tuple[str, Figure]]:
    """For each scan pictures per second of all sides, in training and in inference."""
    for scan, (words, label) in SCANS.items():
        of_scan = [record for record in records if record["scan"] == scan]
        if not of_scan:
            continue
        leads = {
            task: lead([record for record in of_scan if record["task"] == task]) for task in TASKS
        }
        every = [value for of_task in leads.values() for value in of_task.values()]
        ahead = f"at {sum(value > 1 for value in every)} of {len(every)} points"
        said = f"minicnn is ahead of the best peer {ahead}; "
        drawn = figure(8, 3.7, f"Does the {words} matter?", said, machine)
        for axes, task in zip(drawn.subplots(1, 2), TASKS, strict=True):
            of_task = [record for record in of_scan if record["task"] == task]
            lines = speeds(of_task)
            for (side, name), (colour, marker) in zip(SIDES.items(), SERIES, strict=True):
                if side in lines:
                    own = side == "minicnn"
                    axes.plot(
                        *zip(*lines[side].items(), strict=True),
                        color=colour,
                        marker=marker,
                        markersize=4,
                        linewidth=2.4 if own else 1.4,
                        label=name,
                        zorder=3 if own else 2,
                    )
            clean(axes, "both")
            values = list(leads[task])
            # or they run into each other
            logarithmic(axes, "x", values if len(values) < 9 else values[::2])
            logarithmic(
                axes,
                "y",
                round_numbers([speed for line in lines.values() for speed in line.values()]),
            )
            low, high = min(leads[task].values()), max(leads[task].values())
            title = f"{TASKS[task]}: {low:.2f} to {high:.2f} times the best peer"
            axes.set_title(title, fontsize=10, color=INK, loc="left")
            axes.set_xlabel(label, color=INK)
            axes.set_ylabel("pictures per second", color=INK)
        of_all = axes.get_legend_handles_labels()  # inference has all sides
        drawn.legend(
            *of_all,
            loc="outside lower center",
            frameon=False,
            fontsize=9,
            labelcolor=INK,
            ncols=len(SIDES),
        )
        yield f"_{scan}", drawn


def lead(records: list[Record]) -> dict[int, float]:
    """At each value of a scan minicnn's speed beside that peer's which is the best there."""
    values = dict.fromkeys(record["value"] for record in records)
    return {value: min(r["ratio"][0] for r in records if r["value"] == value) for value in values}


def speeds(records: list[Record]) -> dict[str, dict[int, float]]:
    """For each side, minicnn first, its median pictures per second at each value of a scan."""
    found: dict[str, dict[int, list[float]]] = {"minicnn": {}}
    for record in records:
        for side, values in (
            ("minicnn", record["minicnn_values"]),
            (record["peer"], record["peer_values"]),
        ):
            found.setdefault(side, {}).setdefault(record["value"], []).extend(values)
    return {
        side: {value: statistics.median(all_) for value, all_ in line.items()}
        for side, line in found.items()
    }


def layers(machine: Record, records: list[Record]) -> Iterator[tuple[str, Figure]]:
    """For each shape and pass the engine's speed beside oneDNN's."""
    shapes = list(dict.fromkeys((record["family"], record["shape"]) for record in records))
    ratios = [record["speed_ratio"][0] for record in records]
    ahead = sum(value >= 1 for value in ratios)
    said = f"ahead in {ahead} of {len(records)} passes; "
    drawn = figure(
        8,
        2.0 + 0.19 * len(shapes),
        "Speed of the engine's convolutions beside oneDNN's",
        said,
        machine,
    )
    axes = drawn.subplots()
    for name, (colour, marker) in zip(PASSES, SERIES, strict=False):
        of_pass = {
            (r["family"], r["shape"]): r["speed_ratio"][0] for r in records if r["pass"] == name
        }
        mean = statistics.geometric_mean(of_pass.values())
        axes.plot(
            [of_pass[shape] for shape in shapes],
            range(len(shapes)),
            marker,
            color=colour,
            markersize=5,
            label=f"{name}: {mean:.2f}",
        )
    clean(axes, "y")
    logarithmic(
        axes,
        "x",
        [
            tick
            for tick in (0.25, 0.5, 0.8, 1, 1.25, 2, 4)
            if min(ratios) < 2 * tick < 4 * max(ratios)
        ],
    )
    axes.axvline(1, color=INK, linewidth=1)
    axes.axvline(0.8, color=INK, linewidth=1, linestyle=(0, (1, 3)))
    axes.set_yticks(range(len(shapes)), [f"{family}: {shape}" for family, shape in shapes])
    axes.set_ylim(len(shapes) - 0.5, -0.5)
    axes.set_xlabel("speed of minicnn / speed of oneDNN; the floor is 0.8", color=INK)
    drawn.legend(loc="outside lower center", frameon=False, fontsize=9, labelcolor=INK, ncols=3,
                 title="geometric means", title_fontsize=9)  # fmt: skip
    yield "", drawn


def compare(machine: Record, records: list[Record]) -> Iterator[tuple[str, Figure]]:
    """How many times better than each mode of each peer minicnn is at each task, with the interval
    and the floor.
    """
    title = "How many times better than its peers minicnn is"
    drawn = figure(8, 1.6 + 0.24 * len(records), title, "", machine)
    axes = drawn.subplots()
    names, ends = [], [1.0]
    for place, record in enumerate(records):
        better = [value if record["more_is_better"] else 1 / value for value in record["ratio"]]
        ends += better
        axes.plot(sorted(better[1:]), [place] * 2, color=INK, linewidth=2)
        axes.plot(better[0], place, "o", color=INK, markersize=5)
        if record["floor"] is not None:
            floor = record["floor"] if record["more_is_better"] else 1 / record["floor"]
            axes.plot(floor, place, "|", color=MUTED, markersize=11, markeredgewidth=2)
        names.append(name_of(record))
    clean(axes, "y")
    logarithmic(axes, "x", round_numbers(ends))
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("times better, with 95 % interval; grey: the floor", color=INK)
    yield "", drawn


def name_of(record: Record) -> str:
    """What a line of that picture is about."""
    if record["task"] == "infer" and "peer_mode" in record:
        return f"{record['network']}, batch {record['batch']}: {record['peer']}"
    if "network" in record:
        return f"{record['task']}, {record['network']}: {record['peer']}"
    return f"{record['task']}: {record['minicnn']} beside {record['peer']}"


def deploy(machine: Record, records: list[Record]) -> Iterator[tuple[str, Figure]]:
    """The same beside each engine, for that way to ask minicnn which is the faster."""
    measured = [record for record in records if "ratio" in record]
    ways = {(one["network"], one["batch"]): one["minicnn"] for one in decisive(measured)}
    faster = [one for one in measured if ways[one["network"], one["batch"]] == one["minicnn"]]
    faster.sort(
        key=lambda one: (list(ways).index((one["network"], one["batch"])), times_better(one))
    )
    yield from compare(machine, faster)


def draw(path: Path) -> list[Path]:
    """Write the figures of a file of results beside it."""
    if path.name == history.HISTORY.name:
        figures = over_time(history.read(path))
    else:
        program, machine, records = read(path)
        # augmentation.py's are three numbers
        figures = PICTURES[program](machine, records) if program in PICTURES else iter(())
    paths = []
    for suffix, drawn in figures:
        paths.append(path.with_name(f"{path.stem}{suffix}.png"))
        save(drawn, paths[-1])
    return paths


PICTURES = {
    "compare": compare,
    "deploy": deploy,
    "layers": layers,
    "scaling": scaling,
    "zoo": compare,
}

if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(*draw(Path(argument)), sep="\n")
