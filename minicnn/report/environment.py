"""Where a measurement was made."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from minicnn.machine.presence import NUMBA
from minicnn.names import known_arguments


@known_arguments
def environment() -> dict[str, Any]:
    """What a measurement depends on and a reader cannot guess: versions, processor, number of
    cores. Numba's version is None where layers run in NumPy alone.
    """
    return {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba") if NUMBA else None,
        "platform": platform.platform(),
        "cpu": _processor_name(),
        "cores": os.cpu_count(),
    }


def _processor_name() -> str:
    # Linux; elsewhere, and on most ARM boards, Python's own words must do
    information = Path("/proc/cpuinfo")
    lines = information.read_text(errors="replace").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
