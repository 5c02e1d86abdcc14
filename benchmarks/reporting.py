"""What the programs here have in common: their options, text tables, and files of results."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import history
from machine import describe, in_words
from sides import PROCESSORS


def add_options(parser: argparse.ArgumentParser, keeps_history: bool = False) -> None:
    """Options of all programs; keeps_history: one of those that call Results.remember."""
    parser.add_argument(
        "--peers-python",
        default=sys.executable,
        metavar="PATH",
        help="an interpreter with keras, tensorflow and torch",
    )
    parser.add_argument(
        "--threads", type=int, default=len(PROCESSORS) or os.cpu_count(), help="of every side"
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that it works: rough figures, a tenth of the time"
    )
    parser.add_argument(
        "--json", type=Path, metavar="PATH", help="write the results here too, a line for each"
    )
    parser.set_defaults(history=None)
    if keeps_history:
        parser.add_argument(
            "--history",
            type=Path,
            nargs="?",
            const=history.HISTORY,
            metavar="PATH",
            help="keep what matters of this commit in benchmarks/results/history.jsonl, or in PATH",
        )


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns two spaces apart, the first to the left, the others to the right."""
    lines = [list(map(str, row)) for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    cells = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in lines)
    return "\n".join("  ".join(row).rstrip() for row in cells)


class Results:
    """Records, kept and, where there is a path, written at once: a JSON line each, after one about
    the machine.

    Args:
        history: the file of history.py, where some are to be kept there.
    """

    def __init__(
        self,
        path: Path | None,
        benchmark: str,
        machine: dict[str, Any],
        history: Path | None = None,
    ):
        self.path, self.benchmark, self.machine, self.history = path, benchmark, machine, history
        self.records: list[dict[str, Any]] = []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                json.dumps({"benchmark": benchmark, "machine": machine}) + "\n", encoding="utf-8"
            )

    def add(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def remember(self, figure: str, record: dict[str, Any]) -> None:
        """Keep a record's ratio, under this name, in the history that was asked for."""
        if self.history is not None:
            new = history.line(self.benchmark, self.machine, figure, record)
            history.keep(self.history, new)


def refuse_history(options: argparse.Namespace, machine: dict[str, Any]) -> None:
    """End the program where a history is asked for that should not be kept."""
    if options.history is not None and (why := history.refusal(machine["commit"], options.quick)):
        raise SystemExit(why)


def begin(options: argparse.Namespace, benchmark: str) -> Results:
    """Say what is measured on, and open the file of results."""
    machine = describe(options.peers_python, options.threads)
    refuse_history(options, machine)
    print(f"{in_words(machine)}\n", flush=True)
    return Results(options.json, benchmark, machine, options.history)
