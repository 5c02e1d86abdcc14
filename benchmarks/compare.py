"""How minicnn stands beside Keras/TensorFlow and PyTorch on the documented network, on this
machine, as ratios.

    python benchmarks/compare.py [--peers-python PATH] [--tasks ...] [--threads N] [--batch N]
    [--quick] [--json PATH]

Every mode of every peer is measured against minicnn in one run, in short alternating blocks
(sides.py): of Keras with and without XLA, each with and without oneDNN. Importing, building and
compiling is outside the blocks, except in the task that measures it. A floor is what the ratio to
every mode of a peer, so to its best one, has to reach.
"""

import argparse
import compileall
import functools
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import comparison
from comparison import compared, least_ahead
from reporting import Results, add_options, begin, table
from sides import HERE, WorkerError
from workers import Workers, job, of_mode

# TensorFlow's default depends on the processor
ONEDNN = ["oneDNN", "without oneDNN"]
KERAS = [f"keras {with_}" for with_ in ONEDNN] + [f"keras jit {with_}" for with_ in ONEDNN]
CALLS = ["", "call ", "function "]
TORCH = ["torch", "torch channels_last", "torch compile", "torch channels_last compile"]
PICTURES = {"train": 4096, "infer": 10240, "memory": 10000, "latency": 1}  # "start": a batch
HEADINGS = [*comparison.HEADINGS, "ready after s", "peer after s"]


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
        {("minicnn", f"keras {how}{with_}"): None for how in CALLS for with_ in ONEDNN}
        | {("minicnn", peer): None for peer in TORCH}
        | {("minicnn", "torch"): 0.6}
        | {("minicnn call", f"keras function {with_}"): None for with_ in ONEDNN}
        | {("minicnn call", peer): None for peer in ("torch", "torch compile")},
    ),
    "start": Task(
        "from nothing to the end of the first training step; cold: no compiled kernels on disk",
        "s",
        False,
        5,
        {("minicnn", f"keras {with_}"): 0.35 for with_ in ONEDNN}
        | {("minicnn", "torch"): None}
        | {("minicnn cold", f"keras {with_}"): 3.0 for with_ in ONEDNN},
    ),
    "memory": Task(
        "the most memory of a process that trains three epochs",
        "MB",
        False,
        2,
        {("minicnn", f"keras {with_}"): None for with_ in ONEDNN}
        | {("minicnn", peer): 0.8 for peer in ("torch", "torch channels_last")},
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
        _, what = job(task, mode, pictures, batch=batch)
        if task in ("start", "memory"):
            ready = 0.0
            if what["mode"] != "cold":  # fills the caches
                ready = self.in_new_process(mode, what | {"task": "start", "pictures": batch})
            return functools.partial(self.in_new_process, mode, what), ready
        side = self.workers.get(mode, self.options.threads)
        ready = side.prepare(**what)["seconds"]
        if task == "latency":
            return lambda: 1e3 * side.block(0.2, 20), ready
        return lambda: pictures / side.block(0.5, 1), ready

    @functools.cached_property
    def fresh(self) -> str:
        """A folder with a copy of the package, as it is installed: kernels are looked for beside
        its files, too, and there are none.
        """
        to = Path(self.kernels) / "fresh"
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(HERE.parent / "minicnn", to / "minicnn", ignore=without)
        compileall.compile_dir(to, quiet=1)
        return str(to)

    def in_new_process(self, mode: str, what: dict[str, Any]) -> float:
        """Seconds until a process has done that, or for "memory" the megabytes it held."""
        with tempfile.TemporaryDirectory() as empty:
            settings = of_mode(mode) | {"NUMBA_CACHE_DIR": self.kernels}
            if what["mode"] == "cold":
                settings |= {"NUMBA_CACHE_DIR": empty, "PYTHONPATH": self.fresh}
            begun = time.perf_counter()
            with self.workers.new(mode.split()[0], self.options.threads, settings) as side:
                done = side.prepare(**what)
                seconds = time.perf_counter() - begun
        return done["peak_megabytes"] if what["task"] == "memory" else seconds


def measure(bench: Bench, name: str, own: str, peer: str, pairs: int) -> dict[str, Any]:
    """Measure one mode of minicnn beside one of a peer."""
    task = TASKS[name]
    (measure_own, own_ready), (measure_peer, peer_ready) = (
        bench.measurement(name, mode) for mode in (own, peer)
    )
    about = {
        "task": name,
        "unit": task.unit,
        "more_is_better": task.more_is_better,
        "batch": bench.options.batch,
        "minicnn": own,
        "peer": peer,
        "minicnn_ready_seconds": own_ready,
        "peer_ready_seconds": peer_ready,
    }
    return compared(about, measure_own, measure_peer, pairs, task.against[own, peer])


def row(record: dict[str, Any]) -> list[str]:
    """A line of a task's table."""
    ready = (f"{record[f'{side}_ready_seconds']:.1f}" for side in ("minicnn", "peer"))
    return [*comparison.row(record), *ready]


def remember(results: Results) -> None:
    """Of each task, beside the best mode of each peer."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in results.records:
        peer = record["peer"].split()[0]
        figure = f"{record['task']}, {record['minicnn']} beside {peer}, batch {record['batch']}"
        groups.setdefault(figure, []).append(record)
    for figure, records in groups.items():
        results.remember(figure, least_ahead(records))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, keeps_history=True)
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
    remember(results)


if __name__ == "__main__":
    main()
