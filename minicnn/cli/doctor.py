"""`minicnn doctor`: what this installation runs on, whether it computes right, and what slows it
down.
"""

import argparse
import ctypes
import os
import platform
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import __version__, ranks
from minicnn.cli import doctor_mpi
from minicnn.cli.common import show
from minicnn.machine import jit, threads
from minicnn.machine.presence import NUMBA

if NUMBA:
    from minicnn.engine import selftest
    from minicnn.machine import cache
    from minicnn.machine.processor import instruction_set, lanes, target
    from minicnn.quantize import native, trial

DTYPES = ("float32", "float64")
# how the names of the interesting processor features begin
VECTORS = (
    "sse4",
    "avx",
    "fma",
    "neon",
    "sve",
)


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if there is a problem among them."""
    if options.mpi:
        of_ranks = doctor_mpi.findings(ranks.current())
        show(options, of_ranks, doctor_mpi.as_text(of_ranks))
        return 1 if of_ranks["problems"] else 0
    found = findings()
    show(options, found, as_text(found))
    return 1 if found["problems"] else 0


def findings() -> dict[str, Any]:
    """All that doctor knows, as plain values; "problems" is a list of sentences."""
    packages = ("numpy", "numba", "llvmlite") if NUMBA else ("numpy",)
    found: dict[str, Any] = {
        "versions": {"minicnn": __version__, "python": platform.python_version()}
        | {package: version(package) for package in packages},
        "processor": {"name": processor()},
        "threads": threads.state(),
        "blas": blas(),
    }
    if NUMBA:
        found["processor"] |= compiled_for()
        found |= {
            "tiles": tiles(),
            "cache": kernel_cache(),
            "self_test": self_test() if jit.ENABLED else {},
            "whole_numbers": whole_numbers(),
        }
    return found | {"problems": list(problems(found))}


def processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def compiled_for() -> dict[str, Any]:
    """The processor that kernels are made for."""
    name, features = target()
    return {
        "compiled_for": name,
        "instruction_set": instruction_set().name,
        "features": [name[1:] for name in features.split(",") if name.startswith("+")],
    }


def tiles() -> dict[str, dict[str, int]]:
    """The engine's tiles, by type."""
    rows = instruction_set().rows
    return {
        dtype: {"rows": rows, "vectors": 2, "lanes": lanes(np.dtype(dtype))} for dtype in DTYPES
    }


def kernel_cache() -> dict[str, Any]:
    """Where compiled kernels are kept, where else they are found, and how much there is."""
    folder = cache.folder()
    writable = folder is not None and folder.is_dir() and cache.can_be_written(folder)
    kept = {
        place: [file.stat().st_size for file in place.glob("*.kernel")] for place in cache.folders()
    }
    sizes = [size for found in kept.values() for size in found]
    return {
        "folder": folder and str(folder),
        "writable": writable,
        "read_only": [str(place) for place, found in kept.items() if found and place != folder],
        "kernels": len(sizes),
        "bytes": sum(sizes),
    }


def blas() -> dict[str, Any]:
    """NumPy's BLAS. The engine does not use it, the layers as they are written do."""
    built_with = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = {
        "name": built_with.get("name"),
        "version": built_with.get("version"),
        "core_type": core_type(),
    }
    if os.environ.get("OPENBLAS_CORETYPE"):
        program = "from minicnn.cli import doctor; print(doctor.core_type())"
        environment = {
            name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True
        )
        found["best_core_type"] = done.stdout.strip()
    return found | {"threads": openblas("num_threads", ctypes.c_int)}


def core_type() -> str | None:
    """The kind of processor that OpenBLAS computes for; None with another BLAS."""
    name = openblas("corename", ctypes.c_char_p)
    return name and name.decode()


def openblas(what: str, kind: Any) -> Any:
    """What OpenBLAS, as it comes with NumPy's wheels, answers; None when that is not what NumPy
    uses.
    """
    numpy = Path(np.__file__).parent
    for file in [*numpy.parent.glob("numpy.libs/*openblas*"), *numpy.glob(".dylibs/*openblas*")]:
        library = ctypes.CDLL(str(file))  # loaded already
        for name in (f"scipy_openblas_get_{what}64_", f"openblas_get_{what}64_"):
            if hasattr(library, name):
                function = getattr(library, name)
                function.restype = kind
                return function()
    return None


def self_test() -> dict[str, dict[str, float]]:
    """The largest relative error of the engine in each kind of layer, by type: {"float32":
    {"Conv2D": ...}, ...}.
    """
    return {
        dtype: {
            kind.__name__: max(selftest.errors(kind, dtype).values()) for kind in selftest.CHECKS
        }
        for dtype in DTYPES
    }


def whole_numbers() -> dict[str, Any]:
    """The instructions that networks of whole numbers run in, None for NumPy, and the share of
    wrong numbers in each kind of operation.
    """
    if not native.available():
        return {"instructions": None, "wrong": {}}
    isa = native.best()
    return {
        "instructions": isa.name,
        "wrong": {kind: trial.wrong(kind, isa) for kind in trial.OPERATIONS},
    }


def problems(found: dict[str, Any]) -> Iterator[str]:
    """What is wrong, and what to do about it."""
    if NUMBA:
        yield from problems_of_the_engine(found)
    else:
        yield (
            "numba is not installed: models run in NumPy, on the layers as they are written, and "
            "many times slower: pip install numba, where there is one for this system."
        )
    best = found["blas"].get("best_core_type", found["blas"]["core_type"])
    if best != found["blas"]["core_type"]:
        yield (
            f"OPENBLAS_CORETYPE={os.environ['OPENBLAS_CORETYPE']} makes NumPy's matrix products "
            "run code for "
            f"{found['blas']['core_type']} where OpenBLAS would choose {best}, which can halve "
            "their speed: unset it."
        )


def problems_of_the_engine(found: dict[str, Any]) -> Iterator[str]:
    """What is wrong with compiled kernels, and where they are kept."""
    if not found["self_test"]:
        yield (
            "NUMBA_DISABLE_JIT is set: kernels run as plain Python, a thousand times slower: "
            "unset it."
        )
    for dtype, errors in found["self_test"].items():
        for kind, error in errors.items():
            if not error <= selftest.tolerance(dtype):
                yield (
                    f"the engine computes {kind} in {dtype} wrongly, off by {error:.0e} of the "
                    "largest value: such models run on the readable layers. Please report this, "
                    "with all that doctor prints."
                )
    for kind, share in found["whole_numbers"]["wrong"].items():
        if share:
            yield (
                f"machine code computes {kind} of whole numbers wrongly, {share:.0%} of them: such "
                "models run in NumPy. Please report this, with all that doctor prints."
            )
    if found["cache"]["folder"] is None:
        yield (
            "no folder can be written to keep kernels in, so every start compiles those that it "
            "does not find: set NUMBA_CACHE_DIR to one of your own."
        )
    elif not found["cache"]["writable"]:
        yield (
            "the cache's folder can no longer be written: give it back, or set NUMBA_CACHE_DIR to "
            "another."
        )


def as_text(found: dict[str, Any]) -> str:
    """The findings for people to read."""
    library = found["blas"]
    names = {"python": "Python", "numpy": "NumPy", "numba": "Numba"}
    rows = {
        "versions": ", ".join(
            f"{names.get(name, name)} {number}" for name, number in found["versions"].items()
        ),
        "processor": found["processor"]["name"],
        **(rows_of_kernels(found) if NUMBA else {}),
        "BLAS": f"{library['name']} {library['version']}",
        **(rows_of_tests(found) if NUMBA else {}),
    }
    if library["core_type"]:
        rows["BLAS"] += f", code for {library['core_type']}, threads: {library['threads']}"
    lines = [f"{name:<14}{text}" for name, text in rows.items()] + [
        f"\nPROBLEM: {text}" for text in found["problems"]
    ]
    return "\n".join(
        textwrap.fill(line, 100, subsequent_indent=" " * 14, replace_whitespace=False)
        for line in lines
    )


def rows_of_kernels(found: dict[str, Any]) -> dict[str, str]:
    """What kernels are compiled for, how they run and where they are kept."""
    cpu, pool, kept = (found[part] for part in ("processor", "threads", "cache"))
    shapes = [
        f"{dtype} {tile['rows']} x {tile['vectors']} x {tile['lanes']}"
        for dtype, tile in found["tiles"].items()
    ]
    places = ", ".join([*kept["read_only"], kept["folder"] or "none that can be written"])
    return {
        "processor": f"{cpu['name']}, compiled for {cpu['compiled_for']}",
        "instructions": f"{cpu['instruction_set']}: "
        f"{' '.join(f for f in cpu['features'] if f.startswith(VECTORS))}",
        "tiles": f"{', '.join(shapes)} (rows x registers x numbers in a register)",
        "threads": f"{pool['used']} of {pool['available']}, threading layer {pool['layer']}",
        "cache": f"{places}: {kept['kernels']} kernels, {kept['bytes'] / 1e6:.1f} MB",
    }


def rows_of_tests(found: dict[str, Any]) -> dict[str, str]:
    """Whether the engine computes right."""
    verdicts = [
        f"{kind} {dtype} {'PASS' if error <= selftest.tolerance(dtype) else 'FAIL'} ({error:.0e})"
        for dtype, errors in found["self_test"].items()
        for kind, error in errors.items()
    ]
    whole = found["whole_numbers"]
    bits = [f"{kind} {'FAIL' if share else 'PASS'}" for kind, share in whole["wrong"].items()]
    return {
        "self-test": ", ".join(verdicts) or "not run",
        "8-bit": f"{whole['instructions'] or 'no instructions for it, NumPy'}"
        f"{': ' if bits else ''}{', '.join(bits)}",
    }
