"""Inference beside the engines that people deploy networks with: ONNX Runtime, OpenVINO, LiteRT,
ncnn and MNN, on this machine, as ratios.

    python benchmarks/deploy.py [--peers-python PATH] [--networks ...] [--batches ...]
    [--threads N] [--quick] [--json PATH] [--history]

All sides have the same weights, compute in float32, and take and give NumPy arrays; their answers
are compared before they are timed. Every engine runs in the fastest of its modes (engines.py), and
is measured against `model.predict` and against the model called as a function, in short alternating
blocks (sides.py). What counts is the better of the two beside the best engine. Engines that are not
installed for --peers-python are named as missing.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from comparison import Record, compared, lead, least_ahead, value, verdict
from deployed import NETWORKS, write
from reporting import Results, add_options, begin, table
from sides import Side, WorkerError

ENGINES = {  # as engines.py calls them: what they are called, and the packages that they need
    "onnxruntime": ("ONNX Runtime", ["onnxruntime"]),
    "openvino": ("OpenVINO", ["openvino"]),
    "litert": ("LiteRT", ["ai-edge-litert"]),
    "ncnn": ("ncnn", ["ncnn", "pnnx"]),
    "mnn": ("MNN", ["MNN"]),
}
OWN = ("predict", "call")
BATCHES = (1, 8, 64)
FLOORS = {("documented", 1): 0.9, ("documented", 8): 1.25, ("documented", 64): 1.6}
PAIRS, SECONDS = 9, 0.2  # of measurements, and of each
HEADINGS = ["", "batch", "minicnn as", "beside", "in its mode", "unit", "minicnn", "engine",
            "ratio", "95 % interval"]  # fmt: skip


def missing(packages: dict[str, str]) -> list[str]:
    """The engines that cannot run, by name, where these packages are installed."""
    return [name for name, needed in ENGINES.values() if any(one not in packages for one in needed)]


def measure(
    sides: tuple[Side, Side], what: dict[str, Any], own: str, engine: str, quick: bool
) -> Record:
    """One network and batch, asked in one way of minicnn's, beside an engine in its best mode."""
    left, right = sides
    left.prepare(**what, mode=own)
    notes = right.prepare(**what)
    network, batch = Path(what["stem"]).name, what["batch"]
    one, seconds = batch == 1, SECONDS / 4 if quick else SECONDS

    def measured(side: Side) -> float:
        time = side.block(seconds, 3)
        return 1e3 * time if one else batch / time

    about = {
        "task": "infer",
        "network": network,
        "batch": batch,
        "unit": "ms" if one else "images/s",
        "more_is_better": not one,
        "minicnn": own,
        "peer": ENGINES[engine][0],
        "peer_mode": notes["mode"],
        "peer_tried": notes["tried"],
        "largest_difference": notes["difference"],
    }
    pairs, floor = 3 if quick else PAIRS, FLOORS.get((network, batch))
    return compared(about, lambda: measured(left), lambda: measured(right), pairs, floor)


def row(record: Record) -> list[str]:
    """A line of the long table."""
    median, low, high = record["ratio"]
    both = (value(record[side], record["unit"]) for side in ("minicnn_values", "peer_values"))
    named = [record[key] for key in ("minicnn", "peer", "peer_mode", "unit")]
    interval = f"{low:#.3g} to {high:#.3g}"
    return [record["network"], str(record["batch"]), *named, *both, f"{median:#.3g}", interval]


def decisive(records: Iterable[Record]) -> list[Record]:
    """Of each network and batch the record that counts: minicnn's better way beside the engine that
    it is least ahead of.
    """
    groups: dict[tuple[str, int], dict[str, list[Record]]] = {}
    for record in records:
        group = groups.setdefault((record["network"], record["batch"]), {})
        group.setdefault(record["minicnn"], []).append(record)
    return [max(map(least_ahead, ways.values()), key=lead) for ways in groups.values()]


def run(options: argparse.Namespace, results: Results, engines: list[str]) -> list[str]:
    """Measure all; returns what failed, after which the engine's other batches are left out."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for network in options.networks:
            stem = str(write(network, Path(folder)))
            for engine in engines:
                try:
                    beside(options, results, stem, engine)
                except WorkerError as error:
                    failed.append(f"{network} in {ENGINES[engine][0]}: {error}")
                    print(failed[-1], file=sys.stderr, flush=True)
    return failed


def beside(options: argparse.Namespace, results: Results, stem: str, engine: str) -> None:
    """One network in all batches, asked in both ways, beside one engine."""
    with (
        Side(sys.executable, "engines.py", "minicnn", options.threads) as own,
        Side(options.peers_python, "engines.py", engine, options.threads) as peer,
    ):
        for batch in options.batches:
            what = {"stem": stem, "batch": batch, "threads": options.threads}
            for way in OWN:
                record = measure((own, peer), what, way, engine, options.quick)
                results.add(record)
                print(*row(record), file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, keeps_history=True)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batches", nargs="+", type=int, choices=BATCHES, default=list(BATCHES))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    options = parser.parse_args()
    results = begin(options, "deploy")
    gone = missing(results.machine["peers"])
    if gone:
        results.add({"missing": gone})
    engines = [one for one in options.engines if ENGINES[one][0] not in gone]
    failed = run(options, results, engines)
    records = [record for record in results.records if "ratio" in record]
    rows = [row(record) for record in records]
    print(f"probabilities of a batch, {options.threads} threads\n\n{table(HEADINGS, rows)}\n")
    best = decisive(records)
    lines = [
        [*row(one), *verdict(one["ratio"][0], one["floor"], one["more_is_better"])] for one in best
    ]
    print(f"beside the best engine\n\n{table([*HEADINGS, 'floor', ''], lines)}")
    if gone:
        print(f"\nmissing, not measured: {', '.join(gone)}")
    if failed:
        raise SystemExit("\nFAILED, not measured:\n" + "\n".join(failed))
    for one in best:
        results.remember(f"{one['network']}, batch {one['batch']}, beside the best engine", one)


if __name__ == "__main__":
    main()
