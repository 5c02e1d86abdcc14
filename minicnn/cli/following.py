"""`minicnn train` on ranks other than 0: they train what rank 0 was told to, and write nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minicnn.cli.prepared import fit, prepare
from minicnn.ranks.group import Group
from minicnn.runs import Run


def told(group: Group, asked: Mapping[str, Any], folder: Path | None) -> tuple[dict, Path]:
    """The options and the run folder that rank 0 has chosen: the others need not see its disk."""
    chosen = json.dumps({"asked": dict(asked), "folder": str(folder)})
    received = json.loads(group.from_rank_0(chosen.encode()))
    return received["asked"], Path(received["folder"])


def follow(asked: Mapping[str, Any], folder: Path) -> None:
    """Train."""
    made = prepare(asked)
    fit(made, made.called, Run(folder).checkpoint)
