"""The table on README's first screen: what an epoch of the documented network takes, and what it
reaches.

    python benchmarks/first_screen.py [--peers-python PATH] [--threads N] [--quick]
        measures, and writes both
    python benchmarks/first_screen.py --table
        writes the table again

Four sides train in turns, A B C D D C B A, each in a process of its own (sides.py): an epoch of
10,000 random pictures.
What is shown is the median, times five: CIFAR-10 has 50,000. Each peer runs in the mode that
compare.py found fastest. Accuracies are those of the documented recipe, kept in
docs/results/documented.json (accuracy.py trains PyTorch for it).
"""

import argparse
import json
import textwrap
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, median
from typing import Any

from machine import describe, in_words
from pages import markdown, with_table
from reporting import Results, add_options, refuse_history
from sides import HERE, KEEP_MEMORY, Side, ratio
from workers import Workers, job

README, RESULTS = HERE.parent / "README.md", HERE / "results" / "first_screen.json"
ACCURACIES = HERE.parent / "docs" / "results" / "documented.json"
PROGRAM = "first_screen.py"  # named by the mark in README
CIFAR, PICTURES, BATCH, ROUNDS = 50_000, 10_000, 64, 6
SIDES = {  # mode in networks.py, and environment
    "minicnn": ("minicnn", {}),
    "torch": ("torch channels_last", KEEP_MEMORY),
    "keras": ("keras", {}),
    "reference": ("minicnn", {"MINICNN_ENGINE": "reference"}),
}


def measure(workers: Workers, threads: int, pictures: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of epochs of so many pictures, of each side in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for name, (mode, settings) in SIDES.items():
            library, what = job("train", mode, pictures, batch=BATCH)
            sides[name] = stack.enter_context(workers.new(library, threads, settings))
            sides[name].prepare(**what)
            print(f"{name} is ready", flush=True)
        for number in range(rounds):
            for name in list(SIDES)[:: 1 if number % 2 == 0 else -1]:
                seconds[name].append(sides[name].block(0, 1))
            print({name: round(times[-1], 2) for name, times in seconds.items()}, flush=True)
    return seconds


def table(results: dict[str, Any], accuracies: dict[str, Any]) -> str:
    """Four rows, and what they were measured on."""
    machine, times = results["machine"], results["seconds"]
    versions = machine["peers"]
    tensorflow = versions.get("tensorflow") or versions.get("tensorflow-cpu")
    names = {
        "minicnn": "**minicnn**",
        "torch": f"PyTorch {short(versions['torch'])}, channels_last",
        "keras": f"Keras {short(versions['keras'])} with TensorFlow {short(tensorflow)}",
        "reference": "NumPy and plain Numba loops: minicnn without its engine",
    }
    rows = []
    for side, name in names.items():
        epoch = f"{CIFAR / results['pictures'] * median(times[side]):.1f} s" if times[side] else "-"
        runs = accuracies[side]["test_accuracy"]
        rows.append([name, epoch, f"{100 * mean(runs):.1f} %" if runs else "-"])
    engine = machine["minicnn"]["engine"]["instruction_set"]
    about = (
        f"An epoch is 50,000 pictures in batches of 64, on {machine['threads']} threads of "
        f"{machine['processor']} with {engine}, {machine['date'][:10]}. Accuracy is the mean of "
        "three trainings with the documented recipe, on a JPEG-compressed copy of CIFAR-10 "
        "([speed](docs/speed.md), [results](docs/results.md))."
    )
    lines = textwrap.wrap(about, 118, break_long_words=False, break_on_hyphens=False)
    shown = markdown(["", "one epoch", "test accuracy"], rows)
    return "\n".join([shown, *lines, ""])


def short(version: str) -> str:
    """ "2.13.0+cpu" as "2.13"."""
    return ".".join(version.split("+")[0].split(".")[:2])


def write_table() -> None:
    """Put what the two files of results say into README."""
    results, accuracies = (
        json.loads(path.read_text(encoding="utf-8")) for path in (RESULTS, ACCURACIES)
    )
    rows = table(results, accuracies)
    page = README.read_text(encoding="utf-8")
    README.write_text(with_table(page, PROGRAM, rows), encoding="utf-8")
    print(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure what README's first table shows, and write it."
    )
    add_options(parser, keeps_history=True)
    parser.add_argument(
        "--table", action="store_true", help="measure nothing: write the table from the results"
    )
    options = parser.parse_args()
    if not options.table:
        machine = describe(options.peers_python, options.threads)
        refuse_history(options, machine)
        print(f"{in_words(machine)}\n", flush=True)
        pictures, rounds = (640, 2) if options.quick else (PICTURES, ROUNDS)
        with Workers(options.peers_python) as workers:
            seconds = measure(workers, options.threads, pictures, rounds)
        path: Path = options.json or RESULTS
        found = {"machine": machine, "pictures": pictures, "batch": BATCH, "seconds": seconds}
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        results = Results(None, "first_screen", machine, options.history)
        for peer in list(SIDES)[1:]:
            of_time = ratio(seconds["minicnn"], seconds[peer])
            record = {"ratio": of_time, "more_is_better": False}
            results.remember(f"an epoch, beside {peer}", record)
        if path != RESULTS:
            print(table(found, json.loads(ACCURACIES.read_text(encoding="utf-8"))))
            return
    write_table()


if __name__ == "__main__":
    main()
