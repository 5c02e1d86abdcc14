"""Examples as their users run them: in a process of their own, from another folder, nothing
installed.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from programs import PATIENCE

FOLDER = Path(__file__).resolve().parent.parent / "examples"
# These train nothing. client.py asks a server, which test_cli_serve.py starts for it;
# engine_ladder.py has test_engine_ladder.py.
OTHERS = {FOLDER / "client.py", FOLDER / "engine_ladder.py"}
EXAMPLES = sorted(set(FOLDER.glob("*.py")) - OTHERS)
FEW = ("--offline", "--seed", "3", "--limit")  # there is no CIFAR-10: they train on drawn shapes
ARGUMENTS = {
    "shrink.py": (*FEW, "150", "--epochs", "1", "--more-epochs", "1"),
    "train_94.py": (*FEW, "60", "--epochs", "1"),
    "train_augmented.py": (*FEW, "300", "--epochs", "1"),
    "train_best.py": (*FEW, "300", "--epochs", "1"),
    "train_cifar.py": (*FEW, "300", "--epochs", "2"),
    "train_inception.py": (*FEW, "60", "--epochs", "1"),
    "train_resnet.py": (*FEW, "60", "--epochs", "1"),
    "transfer_learning.py": (*FEW, "250", "--epochs", "3", "--new", "ring", "dots"),
}


def path_of(name: str) -> Path:
    """examples/<name>."""
    script = FOLDER / name
    assert script.exists()
    return script


def cells(path: Path) -> tuple[str, list[tuple[str, str]]]:
    """The text before the first mark, then (title, code) of every cell."""
    before, *parts = re.split(r"(?m)^# %%(.*)$", path.read_text(encoding="utf-8"))
    return before, list(zip(parts[::2], parts[1::2], strict=True))


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This one, but without any CIFAR-10 that the machine may have, and without the path to
    minicnn.
    """
    names = ("PYTHONPATH", "MINICNN_DATA", "MINICNN_OFFLINE")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    return (
        clean | {"MINICNN_HOME": str(folder / "cache"), "KERAS_HOME": str(folder / "keras")} | more
    )


def run(name: str, folder: Path, *arguments: object, **more: str) -> subprocess.CompletedProcess:
    """examples/<name> with these arguments, in that folder."""
    command = [sys.executable, str(path_of(name)), *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
