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
from pathlib import Path

import llvmlite
import numba
import numpy as np

from minicnn.machine import processor

# networks, and how many of them one process tries: what is compiled for them is never freed
COUNT, BATCH = (
    2000,
    100,
)


def main(count):
    seen, faults, began = collections.Counter(), [], time.time()
    first = 0
    while first < count:
        last = min(first + BATCH, count)
        command = [
            sys.executable,
            Path(__file__).with_name("fenced_networks.py"),
            str(first),
            str(last),
        ]
        environment = {"NUMBA_NUM_THREADS": "2"} | os.environ | {"MINICNN_ENGINE": "fast"}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=environment, check=False
            )
        except KeyboardInterrupt:
            break
        said = done.stdout.splitlines()
        if done.returncode:
            # go on behind the one that was fatal; those before it are tried no second time
            at = int(said[-1])
            faults.append(
                f"network {at}: exit code {done.returncode}: {done.stderr.splitlines()[-1:]}"
            )
            seen["held"] += at - first
            first = at + 1
        else:
            seen.update(json.loads(said[-1]))
            first = last
        print(f"{first} networks, {len(faults)} faults", file=sys.stderr, flush=True)
    good = not faults and set(seen) == {"held"}
    result = {
        "check": "electric fence", "passed": good, "tried": first, "held": seen.pop("held", 0),
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
