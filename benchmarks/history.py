"""What the ratios were at each commit: benchmarks/results/history.jsonl, a line for each commit,
machine and figure.

Programs write it with --history; draw.py draws it. Measuring the same commit again on the same
machine replaces its line.
"""

import json
from pathlib import Path
from typing import Any

from sides import HERE

HISTORY = HERE / "results" / "history.jsonl"
SAME = ("commit", "processor", "instruction_set", "threads", "benchmark", "figure")


def line(benchmark: str, machine: dict[str, Any], figure: str, found: dict[str, Any]) -> Any:
    """A line of the file.

    Args:
        machine: as machine.describe has it.
        figure: what was measured, in words that stay the same from commit to commit.
        found: "ratio" with the ends of its interval, "more_is_better" and "floor"; the modes of
            both sides, "minicnn" and "peer", where there are several.
    """
    kept = {key: found[key] for key in ("minicnn", "peer") if key in found}
    return {
        "commit": machine["commit"],
        "date": machine["date"],
        "processor": machine["processor"],
        "instruction_set": machine["minicnn"]["engine"]["instruction_set"],
        "threads": machine["threads"],
        "benchmark": benchmark,
        "figure": figure,
        **kept,
        "ratio": list(found["ratio"]),
        "more_is_better": found.get("more_is_better", True),
        "floor": found.get("floor"),
    }


def read(path: Path = HISTORY) -> list[dict[str, Any]]:
    """All lines, the oldest first."""
    if not path.exists():
        return []
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def keep(path: Path, new: dict[str, Any]) -> None:
    """Add a line, in place of one about the same."""
    key = [new[name] for name in SAME]
    lines = [old for old in read(path) if [old[name] for name in SAME] != key] + [new]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")


def refusal(commit: str | None, quick: bool) -> str | None:
    """Why nothing of this run should be kept; None where it may be."""
    if quick:
        return "--history expected a full run, received --quick, whose figures mean little"
    if commit is None or commit.endswith("-dirty"):
        return (
            f"--history expected a checkout without changes, received {commit}: a line is about a "
            "commit. Commit first"
        )
    return None
