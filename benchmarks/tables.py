"""The tables of docs/speed.md, from the files of results: nothing in them is written by hand.

    python benchmarks/tables.py            writes them
    python benchmarks/tables.py --check    ends with 1 where the page says something else

For each program and number of threads the newest file in benchmarks/results counts. What has not
been measured is said, with the command that measures it.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from comparison import Record, lead, least_ahead, value
from deploy import ENGINES, decisive
from pages import markdown, with_table
from sides import HERE
from zoo import COMPILED, EAGER

SPEED, RESULTS = HERE.parent / "docs" / "speed.md", HERE / "results"
THREADS = (1, 2)
NUMBERS = {1: "one thread", 2: "two threads"}
TASKS = {
    "train": "training",
    "infer": "inference",
    "latency": "one picture",
    "start": "import and first training step",
    "memory": "memory of a training process",
}
PEERS = {"keras": "Keras", "torch": "PyTorch"}


class Measured(NamedTuple):
    """A file of results."""

    machine: dict[str, Any]
    records: list[Record]


def newest(folder: Path, program: str, threads: int) -> Measured | None:
    """The last that a program measured with so many threads; None where it has not."""
    found = []
    for path in sorted(folder.glob(f"{program}_*.jsonl")):
        head, *records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if head["benchmark"] == program and head["machine"]["threads"] == threads:
            found.append(Measured(head["machine"], records))
    return max(found, key=lambda one: one.machine["date"], default=None)


def times(record: Record) -> str:
    """How many times better minicnn is, with the ends of the interval."""
    low, high = sorted(one if record["more_is_better"] else 1 / one for one in record["ratio"][1:])
    return f"{short(lead(record))} ({short(low)} to {short(high)})"


def short(number: float) -> str:
    """With three digits, and no fewer decimals than there is room for."""
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"


def mode(record: Record) -> str:
    """A peer's mode, as people call it."""
    library, _, words = record["peer"].partition(" ")
    words = words.replace("jit", "jit_compile").replace("compile", "compiled")
    words = words.replace("jit_compiled", "jit_compile").replace("function", "tf.function")
    return f"{PEERS.get(library, library)}{' ' + words if words else ''}"


def ran_on(machine: dict[str, Any]) -> str:
    """What was measured, on what."""
    engine = machine["minicnn"]["engine"]
    return (
        f"{machine['processor']} ({engine['target']}, {engine['instruction_set']}), "
        f"{machine['date'][:10]}, commit {machine['commit']}"
    )


def compare_rows(measured: dict[int, Measured]) -> str:
    """A line for each task and mode; the numbers of threads side by side."""
    lines: dict[str, dict[int, list[str]]] = {}
    for threads, of_threads in measured.items():
        for one in of_threads.records:
            ours, theirs = (
                f"{value(one[side], one['unit'])} {one['unit']}"
                for side in ("minicnn_values", "peer_values")
            )
            line = lines.setdefault(f"{task(one)}, {mode(one)}", {})
            line[threads] = [theirs, ours, times(one)]
    headings = [""]
    for threads in measured:
        headings += [f"{NUMBERS[threads]}: peer", "minicnn", "times better"]
    return markdown(
        headings,
        [
            [name, *(cell for threads in measured for cell in line.get(threads, ["-"] * 3))]
            for name, line in lines.items()
        ],
    )


def task(record: Record) -> str:
    """What was measured, in words."""
    more = {"minicnn call": ", minicnn called", "minicnn cold": ", the very first"}
    return TASKS[record["task"]] + more.get(record["minicnn"], "")


def zoo_rows(measured: Measured) -> str:
    """A line for each network and task; of Keras the best mode."""
    groups: dict[tuple[str, str, int], list[Record]] = {}
    for one in measured.records:
        groups.setdefault((one["task"], one["network"], one["batch"]), []).append(one)
    rows = []
    for (task, network, batch), records in groups.items():
        ours = [number for one in records for number in one["minicnn_values"]]
        cells = [f"{network}, {TASKS[task]}", str(batch), value(ours, "images/s")]
        for peer in (EAGER, COMPILED):
            cells.append(next((times(one) for one in records if one["peer"] == peer), "-"))
        keras = [one for one in records if one["peer"].startswith("keras")]
        cells.append(times(least_ahead(keras)) if keras else "-")
        rows.append(cells)
    headings = [
        "",
        "batch",
        "minicnn images/s",
        "times PyTorch channels_last",
        "times the same compiled",
    ]
    return markdown([*headings, "times Keras' best mode"], rows)


def deploy_rows(measured: Measured) -> str:
    """A line for each network and batch, in the way to ask minicnn that is the faster; the engines'
    columns are how many times as fast it is.
    """
    records = [one for one in measured.records if "ratio" in one]
    gone = [name for one in measured.records for name in one.get("missing", [])]
    names = [name for name, _ in ENGINES.values()]
    rows = []
    for best in decisive(records):
        same = [
            one
            for one in records
            if all(one[key] == best[key] for key in ("network", "batch", "minicnn"))
        ]
        beside = {one["peer"]: short(lead(one)) for one in same}
        ours = value([number for one in same for number in one["minicnn_values"]], best["unit"])
        rows.append(
            [
                best["network"],
                str(best["batch"]),
                f"{ours} {best['unit']}",
                *(beside.get(name, "missing" if name in gone else "-") for name in names),
                f"{times(best)} {best['peer']}",
            ]
        )
    return markdown(["", "batch", "minicnn", *names, "beside the best"], rows)


ROWS: dict[str, Callable[[Measured], str]] = {"zoo": zoo_rows, "deploy": deploy_rows}
PROGRAMS = ("compare", *ROWS)


def table(program: str, folder: Path = RESULTS) -> str:
    """What a program measured with each number of threads, or that it has not."""
    found = {threads: newest(folder, program, threads) for threads in THREADS}
    measured = {threads: one for threads, one in found.items() if one is not None}
    parts = []
    for threads in THREADS:
        if threads in measured:
            said = f"On {NUMBERS[threads]} of {ran_on(measured[threads].machine)}"
            rows = ROWS[program](measured[threads]) if program in ROWS else None
            parts.append(wrapped(f"{said}." if rows is None else f"{said}:"))
            parts += [] if rows is None else [rows]
        else:
            file = f"{program}_{threads}_thread{'s' * (threads > 1)}.jsonl"
            said = (
                f"On {NUMBERS[threads]}: not measured yet. `python benchmarks/{program}.py "
                f"--threads {threads} --json benchmarks/results/{file}` does it."
            )
            parts.append(wrapped(said))
    if program == "compare" and measured:
        parts.append(compare_rows(measured))
    return "\n".join(parts)


def wrapped(said: str) -> str:
    lines = textwrap.wrap(said, 118, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, ""])


def filled(page: str, folder: Path = RESULTS) -> str:
    """The page with all its tables."""
    for program in PROGRAMS:
        page = with_table(page, f"tables.py: {program}", table(program, folder))
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    page = SPEED.read_text(encoding="utf-8")
    if options.check:
        if filled(page) != page:
            sys.exit("docs/speed.md expected what the results say: run benchmarks/tables.py")
        return
    SPEED.write_text(filled(page), encoding="utf-8")
    for program in PROGRAMS:
        print(table(program))


if __name__ == "__main__":
    main()
