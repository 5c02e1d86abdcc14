"""What a measurement ran on: processor, caches, system, versions, threads.

python benchmarks/machine.py     prints what can be said of this interpreter, as JSON
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sides import HERE, PROCESSORS, environment

PACKAGES = (
    "numpy numba llvmlite keras tensorflow tensorflow-cpu torch "
    "onnxruntime openvino ai-edge-litert ncnn pnnx MNN"
).split()


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def caches() -> dict[str, str]:
    """Sizes of the first core's caches, for example {"L1 Data": "48K", "L2 Unified": "1024K"}; {}
    where unknown.
    """
    found = {}
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (cache / name).read_text().strip() for name in ("level", "type", "size")
        )
        found[f"L{level} {kind}"] = size
    return found


def packages() -> dict[str, str]:
    """Versions of what is installed for this interpreter."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def engine() -> dict[str, Any]:
    """What minicnn's engine runs on; {} where Numba is missing."""
    try:
        import numba
    except ModuleNotFoundError:
        return {}
    import minicnn
    from minicnn.machine import processor

    numba.get_num_threads()  # starts them
    return {
        "version": minicnn.__version__,
        "instruction_set": processor.instruction_set().name,
        "target": processor.target()[0],
        "threading_layer": numba.threading_layer(),
    }


def ask(python: str, threads: int) -> dict[str, Any]:
    """What another interpreter prints as this program."""
    command, variables = [python, __file__], environment(threads, os.environ)
    return json.loads(
        subprocess.run(command, env=variables, check=True, stdout=subprocess.PIPE, text=True).stdout
    )


def commit() -> str | None:
    """The checkout's commit, with -dirty where the package or a program here has changed since;
    None outside of one.
    """
    try:
        named = git("describe", "--always", "--exclude=*").stdout.strip()
        changed = git("diff", "--quiet", "HEAD", "--", "minicnn", "benchmarks/*.py").returncode
    except FileNotFoundError:
        return None
    return named + "-dirty" * (changed == 1) or None


def git(*words: str) -> subprocess.CompletedProcess[str]:
    """What git says about the checkout."""
    return subprocess.run(["git", *words], cwd=HERE.parent, capture_output=True, text=True)


def describe(peers_python: str, threads: int) -> dict[str, Any]:
    """All of it, for the first line of a file of results."""
    own, peers = ask(sys.executable, threads), ask(peers_python, threads)
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit(),
        "processor": processor(),
        "processors": len(PROCESSORS) or os.cpu_count(),
        "caches": caches(),
        "system": platform.platform(),
        "threads": threads,
        "minicnn": own["packages"] | {"engine": own["engine"]},
        "peers": peers["packages"],
    }


def in_words(machine: dict[str, Any]) -> str:
    """The same for people, in four lines."""
    own, peers = dict(machine["minicnn"]), machine["peers"]
    engine = own.pop("engine")
    target = f"{engine['instruction_set']} ({engine['target']})"
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    versions = [
        ", ".join(f"{name} {number}" for name, number in side.items()) for side in (own, peers)
    ]
    return "\n".join(
        [
            f"{machine['processor']}, {machine['processors']} processors, {caches}; "
            f"{machine['system']}",
            f"{machine['threads']} threads ({engine['threading_layer']}), {target}",
            f"minicnn {engine['version']}, commit {machine['commit']}: {versions[0]}",
            f"peers: {versions[1]}",
        ]
    )


if __name__ == "__main__":
    print(json.dumps({"packages": packages(), "engine": engine()}))
