"""A training step as a table: a row for each layer and pass, beside what the processor could do."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from minicnn.wording import percent

COLUMNS = "{:<28}{:<17}{:>8}{:>8}  {:<12}{:>9}{:>9}{:>8}{:>8}"
BAR = 12  # characters for the longest pass
LEAST = 0.001  # share of a step below which a pass gets no line


@dataclass(frozen=True)
class Row:
    """One pass over a batch: what runs, its median time, its arithmetic and its least traffic."""

    layers: str
    work: str
    seconds: float
    flops: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Profile:
    """A training step in rows; str() is a table.

    `total` is measured as a whole; what it takes longer than all passes together is the last row.
    """

    title: str
    batch: int
    threads: int
    peak: float  # floating point operations per second
    rows: tuple[Row, ...]
    total: Row

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        shown = [row for row in self.rows if row.seconds >= LEAST * self.total.seconds]
        kinds = dict.fromkeys(row.work for row in shown if row.flops)
        sums = [
            added("all layers", kind, [row for row in self.rows if row.work == kind])
            for kind in kinds
        ]
        hidden = len(self.rows) - len(shown)
        heading = COLUMNS.format(
            "layers", "pass", "ms", "share", "", "GFLOP/s", "of peak", "MB", "GB/s"
        )
        lines = [
            f"{self.title}, batch {self.batch}, {self.threads} thread" + "s" * (self.threads > 1),
            f"peak, measured on multiply-adds in registers: {self.peak / 1e9:.0f} GFLOP/s",
            "",
            heading,
            "-" * len(heading),
            *self._lines(shown, BAR / max(row.seconds for row in shown)),
            *([f"({hidden} passes below {percent(LEAST)} each are left out)"] if hidden else []),
            "-" * len(heading),
            *self._lines([*sums, self.total], 0),
            "",
            f"{self.batch / self.total.seconds:,.0f} pictures/s",
        ]
        return "\n".join(line.rstrip() for line in lines)

    def _lines(self, rows: Sequence[Row], scale: float) -> Iterator[str]:
        """The rows as text, with a bar of so many characters per second.

        Rows of the same layers name them once.
        """
        above = ""
        for row in rows:
            share, rate = row.seconds / self.total.seconds, row.flops / row.seconds
            name = row.layers if len(row.layers) < 28 else row.layers[:25] + ".."
            yield COLUMNS.format(
                "" if row.layers == above else name,
                row.work,
                f"{row.seconds * 1e3:.2f}",
                percent(share),
                "#" * round(row.seconds * scale),
                *((f"{rate / 1e9:.0f}", percent(rate / self.peak, 0)) if row.flops else ("", "")),
                *(
                    (f"{row.bytes / 1e6:.1f}", f"{row.bytes / row.seconds / 1e9:.1f}")
                    if row.bytes
                    else ("", "")
                ),
            )
            above = row.layers


def added(layers: str, work: str, rows: Sequence[Row]) -> Row:
    """The sum of rows, as a row."""
    return Row(
        layers,
        work,
        *(sum(getattr(row, field) for row in rows) for field in ("seconds", "flops", "bytes")),
    )
