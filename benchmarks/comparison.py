"""One thing measured in minicnn beside one way of doing it with a peer: its record, and its line in
a table.

A record has values in a unit, of which more or less is better, and their ratio, minicnn's / the
peer's. A floor is what the ratio has to reach.
"""

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from sides import alternate, ratio

Record = dict[str, Any]
WHOLE = ("images/s", "MB")  # units whose values are shown without decimals
HEADINGS = ["", "beside", "minicnn", "peer", "ratio", "95 % interval", "floor", ""]


def compared(
    about: Record,
    own: Callable[[], float],
    peer: Callable[[], float],
    pairs: int,
    floor: float | None = None,
) -> Record:
    """Measure both in turns.

    Args:
        about: what is measured: at least "task", "unit", "more_is_better", and the modes, "minicnn"
            and "peer".
    """
    ours, theirs = alternate(own, peer, pairs)
    values = {"minicnn_values": ours, "peer_values": theirs}
    return about | values | {"ratio": ratio(ours, theirs), "floor": floor}


def lead(record: Record) -> float:
    """How many times better minicnn is, whichever way is better."""
    median = record["ratio"][0]
    return median if record["more_is_better"] else 1 / median


def least_ahead(records: Iterable[Record]) -> Record:
    """The record of the best peer, or of a peer's best mode."""
    return min(records, key=lead)


def verdict(median: float, floor: float | None, more_is_better: bool) -> list[str]:
    """Two cells: the floor, and whether the ratio reaches it."""
    if floor is None:
        return ["", ""]
    reached = median >= floor if more_is_better else median <= floor
    return [f"{'>=' if more_is_better else '<='} {floor}", "reached" if reached else "MISSED"]


def value(values: list[float], unit: str) -> str:
    """The median, as it is shown."""
    return f"{statistics.median(values):,.{0 if unit in WHOLE else 3}f}"


def row(record: Record) -> list[str]:
    """A line of a table with HEADINGS."""
    median, low, high = record["ratio"]
    return [
        record["minicnn"],
        record["peer"],
        *(value(record[side], record["unit"]) for side in ("minicnn_values", "peer_values")),
        f"{median:#.3g}",
        f"{low:#.3g} to {high:#.3g}",
        *verdict(median, record["floor"], record["more_is_better"]),
    ]
