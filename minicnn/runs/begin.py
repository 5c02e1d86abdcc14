"""What is written down when a training begins, and where; what can be done when it has ended."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from minicnn import report
from minicnn.data.fingerprint import fingerprint
from minicnn.layers.averages import lagging_momentum
from minicnn.machine import threads
from minicnn.models.model import Model
from minicnn.names import known_arguments
from minicnn.network.summary import described
from minicnn.runs.folder import LATEST, Run
from minicnn.types import Samples


@known_arguments
def config(
    model: Model,
    *,
    options: Mapping[str, Any],
    name: str,
    synthetic: bool,
    train: Samples,
    test: Samples,
    validation: Samples | None = None,
    command: str | None = None,
) -> dict[str, Any]:
    """All that a reader needs to know of how a training was begun, and to repeat it, for a run's
    config.json.

    Args:
        model: built, with class names.
        options: what was chosen, or taken. `evaluate` looks for pictures where options["data"]
            says, a whole path or a name that `--data` knows.
        name: what the pictures are called.
        synthetic: whether they are drawn, and no photographs.
        train, validation, test: (x, y).
        command: what was typed; the running program's arguments unless given.
    """
    momentum = lagging_momentum(model.leaves.values())
    parts = {"train": train, "validation": validation or (train[0][:0], train[1][:0]), "test": test}
    return {
        "command": shlex.join(["python", *sys.argv]) if command is None else command,
        "options": dict(options),
        "data": {"name": name, "synthetic": synthetic}
        | {part: len(x) for part, (x, _) in parts.items()}
        | {"fingerprint": fingerprint(model.class_names, *parts.values())},
        "model": described(model) | ({} if momentum is None else {"momentum": momentum}),
        "environment": {
            "minicnn": sys.modules["minicnn"].__version__,  # which is above this floor
            **report.environment(),
            "threads": threads.state()["used"],
        },
        "began": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


@known_arguments
def unused_folder(what: str) -> Path:
    """runs/<date>-<what>, with a number where that is taken, if only by runs of several seeds."""
    name = f"runs/{datetime.now():%Y-%m-%d}-{what}"
    number = 1
    while True:
        folder = Path(f"{name}-{number}" if number > 1 else name)
        if not folder.exists() and not any(folder.parent.glob(f"{folder.name}-seed-*")):
            return folder
        number += 1


@known_arguments
def next_steps(run: Run) -> str:
    """One line for the end of a training: what can be typed now, as it has to be typed here."""
    minicnn, latest = _program(), Path("runs", LATEST)
    last = latest.exists() and latest.samefile(run.folder)
    model = "" if last else f" --model {run.folder}"
    page = f"open {run.page}" if run.page.exists() else f"{minicnn} report {run.folder}"
    return f"next: {minicnn} predict PICTURE{model}; {minicnn} evaluate{model}; {page}"


def _program() -> str:
    """`minicnn` where the shell finds it; otherwise the path of the one beside this Python, or
    `python -m minicnn`.
    """
    if shutil.which("minicnn"):
        return "minicnn"
    python = Path(os.path.abspath(sys.executable))
    python = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    beside = shutil.which("minicnn", path=python.parent)
    return beside or f"{python} -m minicnn"
