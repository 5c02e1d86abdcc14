"""What must be the same on all ranks, so that each of them computes what every other would.

Bits depend on the code that computes them: on minicnn's version, on NumPy's and on the compiler's,
and on the processor, whose instructions decide how long the engine's tiles are and which of NumPy's
functions run.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.errors import RanksError
from minicnn.machine.presence import NUMBA
from minicnn.ranks.group import Group

SHOWN = 6  # differences in a message


@cache
def machinery() -> dict[str, Any]:
    """What this rank computes with."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return {
        "minicnn": f"{version('minicnn')} ({sources()})",
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": version("numpy"),
        **(compilers() if NUMBA else {}),
        "NumPy's instructions": " ".join([*simd["baseline"], *simd["found"]]),
    }


def compilers() -> dict[str, Any]:
    """What makes this rank's kernels, and what for."""
    from minicnn.machine.processor import instruction_set, lanes  # only where there is Numba

    isa = instruction_set()
    return {
        **{package: version(package) for package in ("numba", "llvmlite")},
        "instruction set": isa.name,
        "tiles": f"{isa.rows} x 2 x {lanes(np.float32)}",
    }


def sources() -> str:
    """A hash of minicnn's own files: a version under development has many contents."""
    root = Path(__file__).parent.parent
    hashed = hashlib.blake2b(digest_size=4)
    for path in sorted(root.rglob("*.py")):
        hashed.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return hashed.hexdigest()


def compare(group: Group, own: Mapping[str, Any], does: str) -> list[dict[str, Any]]:
    """What each rank has: `own`, its machinery and its host.

    Args:
        own: what must be the same, beside the machinery.
        does: what the ranks are about to do, for messages.

    Raises RanksError, on all ranks, where one has something else than rank 0.
    """
    every = gathered(group, machinery() | dict(own))
    wrong = differences(every, does)
    if wrong:
        more = [f"  and {len(wrong) - SHOWN} more differences"] if len(wrong) > SHOWN else []
        raise RanksError(
            f"{group.size} ranks expected to have the same, received what differs, and would "
            "compute other bits:\n" + "\n".join(wrong[:SHOWN] + more) + "\nInstall the same "
            "versions everywhere, give all ranks the same data and arguments, and use one kind of "
            "processor; minicnn doctor --mpi shows what each rank has"
        )
    return every


def gathered(group: Group, own: Mapping[str, Any]) -> list[dict[str, Any]]:
    """{"host": ..., "has": what it has} of every rank, as JSON knows it."""
    mine = {"host": group.host, "has": dict(own)}
    return [json.loads(data) for data in group.gather(json.dumps(mine, default=str).encode())]


def differences(every: list[dict[str, Any]], does: str) -> list[str]:
    """A line for each thing that a rank has otherwise than rank 0."""
    first = every[0]["has"]
    return [
        f"  rank {rank} on {one['host']} {does} with {name} {shown(one['has'], name)}, "
        f"rank 0 on {every[0]['host']} with {shown(first, name)}"
        for rank, one in enumerate(every)
        for name in first | one["has"]
        if one["has"].get(name) != first.get(name)
    ]


def shown(has: Mapping[str, Any], name: str) -> str:
    """What a rank has under that name, for a message."""
    return f"{has.get(name, 'missing')!s:.80}"
