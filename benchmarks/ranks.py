"""One training on two ranks of one thread each, beside one rank of two threads, and beside
PyTorch's DistributedDataParallel over gloo.

    python benchmarks/ranks.py --mpi-python PATH [--peers-python PATH] [--quick] [--json PATH]

--mpi-python: an interpreter with minicnn's dependencies, mpi4py and an MPI beside it. The
documented network, batches of 256 of all ranks, an epoch of 5,120 random pictures. Every
measurement is a job of its own (ranks_worker.py), of which the first epoch is not counted; sides
take turns.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from comparison import HEADINGS, compared, value, verdict
from reporting import add_options, begin, table
from sides import HERE, KEEP_MEMORY, THREADS

RANKS, PAIRS, TRIES = 2, 7, 4
WORKER = str(HERE / "ranks_worker.py")


def pace(command: list[str], threads: int, settings: Mapping[str, str]) -> float:
    """Images per second of a job; one that ends otherwise is started again, as gloo aborts now and
    then.

    Raises RuntimeError with its words when it fails again and again.
    """
    preset = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", *THREADS)
    own = {name: value for name, value in os.environ.items() if name not in preset}
    own |= dict.fromkeys(THREADS, str(threads)) | {"PYTHONPATH": str(HERE.parent)} | settings
    for _ in range(TRIES):
        done = subprocess.run(command, env=own, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith('{"images/s"')]
        if not done.returncode and len(lines) == 1:
            return json.loads(lines[0])["images/s"]
    raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")


def launched(python: str) -> list[str]:
    """The command of a job of minicnn under the MPI beside that interpreter."""
    beside = Path(python).parent
    launcher = next(str(p) for n in ("mpirun", "mpiexec") if (p := beside / n).exists())
    words = [launcher, "-n", str(RANKS)]
    version = subprocess.run([launcher, "--version"], capture_output=True, text=True).stdout
    if "open" in version.lower():
        words[1:1] = ["--allow-run-as-root", "--bind-to", "none"]
    return [*words, python, WORKER, "minicnn", "--ranks", str(RANKS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--mpi-python", default=sys.executable, metavar="PATH")
    options = parser.parse_args()
    results = begin(options, "ranks")
    torch = [options.peers_python, "-m", "torch.distributed.run", "--nproc-per-node", str(RANKS)]
    torch += [WORKER, "torch", "--ranks", str(RANKS)]
    sides = {
        "1 rank x 2 threads": ([options.mpi_python, WORKER, "minicnn"], RANKS, {}, 0.85),
        "torch DDP, gloo": (torch, 1, KEEP_MEMORY, 2.0),
    }
    rows = []
    for peer, (command, threads, settings, floor) in sides.items():
        about = {"task": "train", "unit": "images/s", "more_is_better": True, "batch": 256}
        record = compared(
            about | {"minicnn": f"{RANKS} ranks x 1 thread", "peer": peer},
            lambda: pace(launched(options.mpi_python), 1, {}),
            lambda command=command, threads=threads, own=settings: pace(command, threads, own),
            2 if options.quick else PAIRS,
            floor,
        )
        results.add(record)
        values = [value(record[side], "images/s") for side in ("minicnn_values", "peer_values")]
        median, low, high = record["ratio"]
        shown = [*values, f"{median:.2f}", f"{low:.2f} to {high:.2f}"]
        rows.append([record["minicnn"], peer, *shown, *verdict(median, floor, True)])
    print(table(HEADINGS, rows))


if __name__ == "__main__":
    main()
