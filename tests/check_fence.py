"""The electric fence (fence.py) around thousands of drawn networks: nothing is read or written
beside an array.

    python tests/check_fence.py [count]

prints one JSON line (the last one is docs/results/fence.json) and exits with 1 when a process died
or an output was not finite. Ctrl-C ends it with what has been tried so far. The n-th network is the
same on every machine.
"""

import collections
import json
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import llvmlite
import numba
import numpy as np

from minicnn.machine import processor

# networks, and how many of them one process tries: what is compiled for them is never freed
COUNT, BATCH = (
    2000,
    100,
)


class Found(NamedTuple):
    """Of some networks: what was seen of each, as in fenced_networks.py, and which were fatal."""

    tried: int
    seen: collections.Counter
    faults: list[str]


def fenced(networks: range) -> Found:
    """In processes of their own: one that dies is followed by another for those behind the network
    that was fatal; those before it are tried no second time.
    """
    seen, faults, first = collections.Counter(), [], networks.start
    while first < networks.stop:
        script = Path(__file__).with_name("fenced_networks.py")
        command = [sys.executable, str(script), str(first), str(networks.stop)]
        environment = {"NUMBA_NUM_THREADS": "2"} | os.environ | {"MINICNN_ENGINE": "fast"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        said = done.stdout.splitlines()
        if not done.returncode:
            seen.update(json.loads(said[-1]))
            break
        at = int(said[-1])
        faults.append(f"network {at}: exit code {done.returncode}: {done.stderr.splitlines()[-1:]}")
        seen["held"] += at - first
        first = at + 1
    return Found(len(networks), seen, faults)


def main(count):
    tried, seen, faults, began = 0, collections.Counter(), [], time.time()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = [range(n, min(n + BATCH, count)) for n in range(0, count, BATCH)]
        results = [pool.submit(fenced, part) for part in parts]
        try:
            for result in as_completed(results):
                found = result.result()
                tried += found.tried
                seen += found.seen
                faults += found.faults
                print(f"{tried} networks, {len(faults)} faults", file=sys.stderr, flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
    good = not faults and set(seen) == {"held"}
    result = {
        "check": "electric fence", "passed": good, "tried": tried, "held": seen.pop("held", 0),
        "faults": faults, "not_finite": list(seen), "seconds": round(time.time() - began),
        "processor": processor.target()[0],
        "numpy": np.__version__, "numba": numba.__version__, "llvmlite": llvmlite.__version__,
        "python": platform.python_version(), "platform": f"{platform.system()} "
                                                         f"{platform.machine()}",
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
