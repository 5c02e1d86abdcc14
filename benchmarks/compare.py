"""How minicnn stands beside Keras/TensorFlow and PyTorch on the documented network, on this
machine, as ratios.

    python benchmarks/compare.py [--peers-python PATH] [--tasks ...] [--threads N] [--batch N]
    [--quick] [--json PATH]

Every mode of every peer is measured against minicnn in one run, in short alternating blocks
(sides.py). Importing, building and compiling is outside the blocks, except in the task that
measures it. A floor is what the ratio to every mode of a peer, so to its best one, has to reach.
"""

import argparse
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from reporting import add_options, begin, table
from sides import WorkerError, alternate, ratio
from workers import Workers, job

KERAS = ["keras", "keras jit"]
TORCH = ["torch", "torch channels_last", "torch compile", "torch channels_last compile"]
PICTURES = {"train": 4096, "infer": 10240, "memory": 10000, "latency": 1}  # "start": a batch
WHOLE = ("images/s", "MB")  # units whose values are shown without decimals
HEADINGS = [
    "",
    "beside",
    "minicnn",
    "peer",
    "ratio",
    "95 % interval",
    "floor",
    "",
    "ready after s",
    "peer after s",
]


class Task(NamedTuple):
    """What is measured, and against what.

    against: of (minicnn's mode, a peer's mode) the floor of minicnn's value / the peer's, None
        where there is none. A mode is a library and words that say how networks.py uses it; cold:
        without compiled kernels on disk.
    """

    about: str
    unit: str
    more_is_better: bool
    pairs: int
    against: dict[tuple[str, str], float | None]


TASKS = {
    "train": Task(
        "an epoch of fit",
        "images/s",
        True,
        9,
        {("minicnn", peer): 3.0 for peer in KERAS} | {("minicnn", peer): 2.3 for peer in TORCH},
    ),
    "infer": Task(
        "predict", "images/s", True, 9, {("minicnn", peer): 1.25 for peer in KERAS + TORCH}
    ),
    "latency": Task(
        "one picture, by predict as users call it or by the model as a function",
        "ms",
        False,
        9,
        {("minicnn", peer): None for peer in ("keras", "keras call", "keras function", *TORCH)}
        | {("minicnn", "torch"): 0.6}
        | {("minicnn call", peer): None for peer in ("keras function", "torch", "torch compile")},
    ),
    "start": Task(
        "from nothing to the end of the first training step; cold: no compiled kernels on disk",
        "s",
        False,
        5,
        {("minicnn", "keras"): 0.35, ("minicnn", "torch"): None, ("minicnn cold", "keras"): 3.0},
    ),
    "memory": Task(
        "the most memory of a process that trains three epochs",
        "MB",
        False,
        2,
        {
            ("minicnn", "keras"): None,
            ("minicnn", "torch"): 0.8,
            ("minicnn", "torch channels_last"): 0.8,
        },
    ),
}


class Bench:
    """Makes the measurements of a run.

    Args:
        kernels: a folder that processes which do not stay keep minicnn's compiled kernels in.
    """

    def __init__(self, options: argparse.Namespace, workers: Workers, kernels: str):
        self.options, self.workers, self.kernels = options, workers, kernels

    def measurement(self, task: str, mode: str) -> tuple[Callable[[], float], float]:
        """A function that measures once, in the task's unit, and the seconds that it took to get
        ready for it.
        """
        batch = self.options.batch
        pictures = PICTURES.get(task, batch)
        if self.options.quick:
            pictures = min(pictures, 16 * batch)
        library, what = job(task, mode, pictures, batch=batch)
        if task in ("start", "memory"):
            ready = 0.0
            if what["mode"] != "cold":  # fills the caches
                ready = self.in_new_process(library, what | {"task": "start", "pictures": batch})
            return functools.partial(self.in_new_process, library, what), ready
        side = self.workers.get(library, self.options.threads)
        ready = side.prepare(**what)["seconds"]
        if task == "latency":
            return lambda: 1e3 * side.block(0.2, 20), ready
        return lambda: pictures / side.block(0.5, 1), ready

    def in_new_process(self, library: str, what: dict[str, Any]) -> float:
        """Seconds until a process has done that, or for "memory" the megabytes it held."""
        with tempfile.TemporaryDirectory() as empty:
            settings = {"NUMBA_CACHE_DIR": empty if what["mode"] == "cold" else self.kernels}
            begun = time.perf_counter()
            with self.workers.new(library, self.options.threads, settings) as side:
                done = side.prepare(**what)
                seconds = time.perf_counter() - begun
        return done["peak_megabytes"] if what["task"] == "memory" else seconds


def verdict(median: float, floor: float | None, more_is_better: bool) -> list[str]:
    """Two cells: the floor, and whether the ratio reaches it."""
    if floor is None:
        return ["", ""]
    reached = median >= floor if more_is_better else median <= floor
    return [f"{'>=' if more_is_better else '<='} {floor}", "reached" if reached else "MISSED"]


def measure(bench: Bench, name: str, own: str, peer: str, pairs: int) -> dict[str, Any]:
    """Measure one mode of minicnn beside one of a peer."""
    task = TASKS[name]
    (measure_own, own_ready), (measure_peer, peer_ready) = (
        bench.measurement(name, mode) for mode in (own, peer)
    )
    ours, theirs = alternate(measure_own, measure_peer, pairs)
    return {
        "task": name,
        "unit": task.unit,
        "more_is_better": task.more_is_better,
        "batch": bench.options.batch,
        "minicnn": own,
        "peer": peer,
        "minicnn_values": ours,
        "peer_values": theirs,
        "ratio": ratio(ours, theirs),
        "floor": task.against[own, peer],
        "minicnn_ready_seconds": own_ready,
        "peer_ready_seconds": peer_ready,
    }


def row(record: dict[str, Any]) -> list[str]:
    """A line of a task's table."""
    digits = 0 if record["unit"] in WHOLE else 3
    values = [
        f"{statistics.median(record[side]):,.{digits}f}"
        for side in ("minicnn_values", "peer_values")
    ]
    median, low, high = record["ratio"]
    return [
        record["minicnn"],
        record["peer"],
        *values,
        f"{median:#.3g}",
        f"{low:#.3g} to {high:#.3g}",
        *verdict(median, record["floor"], record["more_is_better"]),
        f"{record['minicnn_ready_seconds']:.1f}",
        f"{record['peer_ready_seconds']:.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    results = begin(options, "compare")
    with Workers(options.peers_python) as workers, tempfile.TemporaryDirectory() as kernels:
        bench = Bench(options, workers, kernels)
        for name in options.tasks:
            task, rows = TASKS[name], []
            for own, peer in task.against:
                try:
                    record = measure(bench, name, own, peer, 2 if options.quick else task.pairs)
                except WorkerError as error:
                    print(error, file=sys.stderr)
                    rows.append([own, peer, "FAILED", *[""] * (len(HEADINGS) - 3)])
                    continue
                results.add(record)
                rows.append(row(record))
                print(name, *rows[-1], file=sys.stderr, flush=True)
            better = "more" if task.more_is_better else "less"
            print(
                f"{name}: {task.about}, in {task.unit}, {better} is better; {options.threads} "
                "threads"
            )
            print(f"\n{table(HEADINGS, rows)}\n", flush=True)


if __name__ == "__main__":
    main()
