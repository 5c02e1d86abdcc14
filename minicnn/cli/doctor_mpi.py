"""`minicnn doctor --mpi`: the ranks that were started, and whether they can train together."""

import os
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from minicnn.machine import threads
from minicnn.ranks.fingerprint import differences, gathered, machinery
from minicnn.ranks.group import Group

NUMBERS = 161_098  # float32, of the documented network's gradients
TIMES = 7  # of which the median counts
COLUMNS = ("rank", "host", "threads", "processors", "python", "minicnn", "numpy", "instruction set")


def findings(group: Group) -> dict[str, Any]:
    """What each rank has, how long they take to exchange gradients, and what is wrong."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    own = {"threads": threads.state()["used"], "processors": bound}
    facts = [one["has"] for one in gathered(group, own)]
    every = gathered(group, machinery())
    return {
        "mpi": {"library": group.library, "mpi4py": mpi4py()},
        "exchange": {"bytes": 4 * NUMBERS, "seconds": seconds_of_exchange(group)},
        "ranks": [
            {"rank": rank, "host": one["host"]} | fact | one["has"]
            for rank, (one, fact) in enumerate(zip(every, facts, strict=True))
        ],
        "problems": problems(group, every, facts),
    }


def mpi4py() -> str | None:
    """Its version; None where it is not installed. Nothing of MPI is loaded."""
    try:
        return version("mpi4py")
    except PackageNotFoundError:
        return None


def seconds_of_exchange(group: Group) -> float | None:
    """How long it takes to send everybody a slice of the gradients, and to gather all."""
    if group.size == 1:
        return None
    cuts = [4 * (NUMBERS * rank // group.size) for rank in range(group.size + 1)]
    widths = np.diff(cuts)
    parts = [np.zeros(width, np.uint8) for width in widths]
    taken = []
    for _ in range(TIMES):
        group.any_of(False)
        began = time.perf_counter()
        received = group.exchange(parts, [int(widths[group.rank])] * group.size)
        group.join(received[0], [int(width) for width in widths])
        taken.append(time.perf_counter() - began)
    return sorted(taken)[TIMES // 2]


def problems(group: Group, every: list[dict[str, Any]], facts: list[dict[str, Any]]) -> list[str]:
    """What is wrong, and what to do about it."""
    found = [f"{line.strip()}: their bits would differ" for line in differences(every, "computes")]
    for rank, (one, fact) in enumerate(zip(every, facts, strict=True)):
        if fact["threads"] > fact["processors"]:
            found.append(
                f"rank {rank} on {one['host']} computes on {fact['threads']} threads and may use "
                f"{fact['processors']} processors: mpirun --bind-to none, or "
                "--map-by ppr:1:node:pe=N, and NUMBA_NUM_THREADS"
            )
    if group.size == 1 and mpi4py() is None:
        found.append('mpi4py is not installed: pip install "minicnn[mpi]", and an MPI')
    return found


def as_text(found: dict[str, Any]) -> str:
    """The findings for people to read."""
    # without Numba a rank has no instruction set of its own
    table = [[str(rank.get(name, "-")) for name in COLUMNS] for rank in found["ranks"]]
    rows = [COLUMNS, *map(tuple, table)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    mpi, exchange = found["mpi"], found["exchange"]
    lines += ["", f"{mpi['library']}; mpi4py {mpi['mpi4py'] or 'is not installed'}"]
    if exchange["seconds"] is None:
        lines.append("one rank; several: mpirun -n 2 minicnn doctor --mpi")
    else:
        megabytes, milliseconds = exchange["bytes"] / 1e6, 1000 * exchange["seconds"]
        lines.append(
            f"the gradients of the documented network, {megabytes:.2f} MB, are exchanged in "
            f"{milliseconds:.1f} ms"
        )
    return "\n".join([*lines, *[f"\nPROBLEM: {text}" for text in found["problems"]]])
