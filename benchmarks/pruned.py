"""The documented network with fewer filters beside the whole one, in training and in inference.

    python benchmarks/pruned.py [--threads N] [--quick] [--json PATH]

A ratio of 2 means twice the pictures a second. No peers: both networks are minicnn's, of one
process, in turns, with batches of 64 random pictures.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from reporting import add_options, begin, table
from sides import alternate, ratio

import minicnn
from minicnn import Model, applications, pruning

BATCH, PICTURES = 64, 3200
FLOORS = {("half", "infer"): 1.5, ("half", "train"): 1.6, ("half the filters", "infer"): 2.3}
HEADINGS = ["", "", "whole ms", "pruned ms", "faster", "95 % interval", "at least", ""]


def networks() -> dict[str, Model]:
    """The whole network, one of half the multiplications, and one of half the filters."""
    whole = applications.DocumentedCNN(seed=0)
    found = {
        "whole": whole,
        "half": pruning.prune_filters(whole, multiplications=0.5),
        "half the filters": pruning.prune_filters(whole, keep=0.5),
    }
    for model in found.values():
        model.compile("adam", "sparse_categorical_crossentropy")
    return found


def work(model: Model, task: str, x: Any, y: Any) -> Callable[[], float]:
    """A function that gives the milliseconds of a batch."""

    def measure() -> float:
        begun = time.perf_counter()
        if task == "train":
            model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        else:
            model.predict(x, batch_size=BATCH, verbose=0)
        return 1e3 * (time.perf_counter() - begun) * BATCH / len(x)

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    options = parser.parse_args()
    minicnn.set_threads(options.threads)
    results, rows = begin(options, "pruned"), []
    rng = np.random.default_rng(0)
    x = rng.random((PICTURES // (5 if options.quick else 1), 32, 32, 3), np.float32)
    y = rng.integers(0, 10, len(x))
    models = networks()
    for task in (
        "train",
        "infer",
    ):  # trained first, so that predict does not warn of random weights
        for name in ("half", "half the filters"):
            whole, pruned = (work(models[side], task, x, y) for side in ("whole", name))
            whole(), pruned()  # compile, and warm up
            before, after = alternate(whole, pruned, 3 if options.quick else 31)
            found, floor = ratio(before, after), FLOORS.get((name, task))
            record = {"network": name, "task": task, "batch": BATCH, "whole_ms": before}
            results.add(record | {"pruned_ms": after, "ratio": found, "floor": floor})
            times = [f"{statistics.median(one):.2f}" for one in (before, after)]
            interval = f"{found.low:.2f} to {found.high:.2f}"
            reached = "" if floor is None else "reached" if found.median >= floor else "MISSED"
            at_least = "" if floor is None else f"{floor:.1f}"
            rows.append([name, task, *times, f"{found.median:.2f}", interval, at_least, reached])
    print(f"Batches of {BATCH}, {options.threads} threads\n\n{table(HEADINGS, rows)}")


if __name__ == "__main__":
    main()
