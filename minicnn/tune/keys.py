"""The words of a space.toml, and what may stand after each."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from minicnn.optimizers.single import SINGLE
from minicnn.tune.ranges import Value

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}
METRICS: dict[str, Literal["minimize", "maximize"]] = {
    "val_accuracy": "maximize",
    "val_loss": "minimize",
}
SCHEDULES = ("constant", "cosine", "one_cycle")
OPTIMIZERS = {name.lower(): cls for name, cls in SINGLE.items()}
PRUNERS = ("median", "halving", "none")
SAMPLERS = ("tpe", "qmc", "grid", "random")


@dataclass(frozen=True)
class Key:
    """What a value must be.

    Attributes:
        kind: its type; a whole number is a float as well.
        least, most: its limits, which it may reach.
        above: a limit that it may not reach.
        words: all that there are, of a text that may not be any.
        searched: whether a range or choices may stand in its place.
    """

    kind: type
    least: float = -inf
    most: float = inf
    above: float = -inf
    words: tuple[str, ...] = ()
    searched: bool = True

    def wrong(self, value: object) -> str | None:
        """What is expected in place of a value; None where it is right."""
        kinds = (int, float) if self.kind is float else (self.kind,)
        is_kind = isinstance(value, kinds) and isinstance(value, bool) == (self.kind is bool)
        if self.words:
            return None if value in self.words else f"one of {', '.join(self.words)}"
        if not is_kind or (
            isinstance(value, int | float)
            and not (self.least <= value <= self.most and self.above < value)
        ):
            limits = (("above", self.above), ("of at least", self.least), ("at most", self.most))
            words = [f"{word} {limit:g}" for word, limit in limits if abs(limit) < inf]
            return " ".join([KINDS[self.kind], " and ".join(words)]).strip()
        return None

    def of(self, value: Value) -> Value:
        """The value, a float where one is expected."""
        return float(value) if self.kind is float else value


SECTIONS: dict[str, dict[str, Key]] = {
    "study": {
        "name": Key(str, searched=False),
        "metric": Key(str, words=tuple(METRICS), searched=False),
        "seed": Key(int, least=0, searched=False),
        "sampler": Key(str, words=SAMPLERS, searched=False),
        "pruner": Key(str, words=PRUNERS, searched=False),
    },
    "data": {
        "data": Key(str, searched=False),
        "limit": Key(int, least=2, searched=False),
        "image_size": Key(str, searched=False),
    },
    "model": {"network": Key(str)},
    "training": {
        "epochs": Key(int, least=1),
        "batch_size": Key(int, least=1),
        "optimizer": Key(str, words=tuple(OPTIMIZERS)),
        "learning_rate": Key(float, above=0, most=10),
        "weight_decay": Key(float, least=0, most=10),
        "momentum": Key(float, least=0, most=1),
        "schedule": Key(str, words=SCHEDULES),
        "label_smoothing": Key(float, least=0, most=0.9),
        "patience": Key(int, least=1),
    },
    "augmentation": {
        "flip": Key(bool),
        "shift": Key(float, least=0, most=0.5),
        "rotation": Key(float, least=0, most=1),
        "zoom": Key(float, least=0, most=0.9),
        "brightness": Key(float, least=0, most=1),
        "contrast": Key(float, least=0, most=1),
        "erasing": Key(float, least=0, most=1),
        "mixup": Key(float, least=0, most=1),
        "cutmix": Key(float, least=0, most=1),
    },
}
DEFAULTS: dict[str, dict[str, Value]] = {
    "study": {"metric": "val_accuracy", "seed": 0, "sampler": "tpe"},
    "data": {"data": "cifar10"},
    "model": {"network": "documented"},
    "training": {
        "epochs": 10,
        "batch_size": 64,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "schedule": "constant",
    },
    "augmentation": {},
}
