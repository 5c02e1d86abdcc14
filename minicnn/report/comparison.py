"""Two models on the same pictures: accuracy, size, speed, and where they answer otherwise."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from minicnn.names import known_arguments
from minicnn.network.ending import class_probabilities
from minicnn.types import Array
from minicnn.wording import percent

SINGLE, BATCH = 1, 64
ROUNDS = 5  # of which the median counts
PICTURES = 2048  # that both are asked about at once: for memory only


@dataclass(frozen=True)
class Side:
    """What one of two models does.

    Attributes:
        name: for people.
        accuracy: the share of right answers.
        bytes: of its file; None where it has none.
        single, batch: milliseconds for one picture, alone and among BATCH.
    """

    name: str
    accuracy: float
    bytes: int | None
    single: float
    batch: float


@dataclass(frozen=True)
class Comparison:
    """Two models side by side.

    Attributes:
        before, after: both.
        pictures: how many they were asked about.
        agreement: the share of pictures that both take for the same class.
        largest_difference: between a class's probabilities.
    """

    before: Side
    after: Side
    pictures: int
    agreement: float
    largest_difference: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "before": vars(self.before),
            "after": vars(self.after),
            "pictures": self.pictures,
            "agreement": self.agreement,
            "largest_difference": self.largest_difference,
        }

    def to_text(self) -> str:
        """A table."""
        a, b = self.before, self.after
        won = 100 * (b.accuracy - a.accuracy)
        rows = [
            ("", a.name, b.name, ""),
            ("accuracy", percent(a.accuracy, 2), percent(b.accuracy, 2), f"{won:+.2f} points"),
            ("size of the file", _bytes(a.bytes), _bytes(b.bytes), _times(a.bytes, b.bytes)),
            ("one picture", _ms(a.single), _ms(b.single), _times(a.single, b.single)),
            (f"in batches of {BATCH}", _ms(a.batch), _ms(b.batch), _times(a.batch, b.batch)),
        ]
        widths = [max(len(row[place]) for row in rows) for place in range(4)]
        lines = [
            "  ".join(
                text.ljust(width) if place == 0 else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        same = percent(self.agreement, 2)
        end = f"Of {self.pictures:,} pictures {same} get the same answer"
        return "\n".join(
            [*lines, "", f"{end}; probabilities differ by at most {self.largest_difference:.3f}."]
        )


def _bytes(size: int | None) -> str:
    return "no file" if size is None else f"{size:,} bytes"


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.3f} ms"


def _times(before: float | None, after: float | None) -> str:
    return "" if not before or not after else f"x {after / before:.2f}"


@known_arguments
def compared(
    before: Any,
    after: Any,
    x: Array,
    y: Array,
    names: tuple[str, str] = ("before", "after"),
    sizes: tuple[int | None, int | None] = (None, None),
) -> Comparison:
    """Compare two models, of layers or quantized, on pictures x (n, H, W, C) and labels y (n,).

    names, sizes: how they are called, and the bytes of their files.

    >>> model = Sequential([Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)], seed=0)
    >>> model.note_weights()
    >>> x = np.random.default_rng(0).random((64, 8, 8, 3), dtype=np.float32)
    >>> report.compared(model, quantize.quantized(model, x), x, np.zeros(64)).pictures
    64
    """
    y = np.asarray(y).reshape(-1)
    chances = [_probabilities(model, x) for model in (before, after)]
    answers = [chance.argmax(axis=-1) for chance in chances]
    times = timed([before.predict, after.predict], x)
    first, second = [
        Side(name, float((answer == y).mean()), size, *time)
        for name, answer, size, time in zip(names, answers, sizes, times, strict=True)
    ]
    return Comparison(
        first,
        second,
        pictures=len(x),
        agreement=float((answers[0] == answers[1]).mean()),
        largest_difference=float(np.abs(chances[0] - chances[1]).max()),
    )


def _probabilities(model: Any, x: Array) -> Array:
    parts = [
        model.predict(x[start : start + PICTURES], verbose=0)
        for start in range(0, len(x), PICTURES)
    ]
    return class_probabilities(np.concatenate(parts), model.ends_in, "compare")


def timed(functions: list[Callable[..., Any]], x: Array) -> list[tuple[float, float]]:
    """Milliseconds per picture of each function, alone and in batches: the medians of ROUNDS, in
    which they take turns.
    """
    found: list[list[float]] = []
    for count in (SINGLE, BATCH):
        some = x[:count]
        took: list[list[float]] = [[] for _ in functions]
        for turn in range(ROUNDS + 1):
            for times, function in zip(took, functions, strict=True):
                began = time.perf_counter()
                function(some, verbose=0)
                if turn:  # the first one may compile
                    times.append(1000 * (time.perf_counter() - began) / len(some))
        found.append([median(times) for times in took])
    return list(zip(*found, strict=True))
