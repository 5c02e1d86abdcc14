"""What a judgement of a training says, and what the Doctor keeps of it."""

from dataclasses import dataclass
from typing import NamedTuple


class Ailment(NamedTuple):
    """What is wrong, the number by which it was judged, what to do, and in which layer."""

    kind: str
    value: float
    message: str
    layer: str | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that the Doctor saw.

    Attributes:
        kind: "dead units", "exploding gradients", "vanishing gradients", "learning rate too high",
            "learning rate too low", "loss not falling", "loss not finite", "averages lagging",
            "nothing carried over" or "overfitting".
        epoch: the epoch that showed it, from 1.
        layer: the layer's name; None for what concerns the whole model.
        value: the number by which it was judged; None for a loss that is none.
        message: all of that in words, with advice.
    """

    kind: str
    epoch: int
    layer: str | None
    value: float | None
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
