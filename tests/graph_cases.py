"""Networks with branches, drawn from a seed.

`draw(seed)` draws a Graph (graph_parts.py): forks, merges of every kind, layers (graph_layers.py)
and models that are called several times, several inputs and outputs. Only `Generator.random` is
used: the same graphs on every machine.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from graph_layers import ACTIVATIONS, Layers, Shape
from graph_parts import MERGES, Graph, Part

OF_TWO = ("Subtract",)
# The first graphs are kept, with what Keras computes; those from here on have more kinds of layers.
FIRST_WIDER = 100


def draw(seed: int) -> Graph:
    """The graph of that number."""
    pen = Pen(np.random.default_rng(seed), f"graph_{seed}", wider=seed >= FIRST_WIDER)
    pen.begin()
    size = pen.integer(5, 14)
    while len(pen.graph.calls) < size:
        pen.step(size)
    pen.end()
    return pen.graph


class Pen(Layers):
    """Draws one graph, call by call.

    Attributes:
        shapes: of all tensors.
        users: how many calls read each tensor.
        takes: the shapes that each part is called on, and gives.
    """

    def __init__(
        self, rng: np.random.Generator, name: str, inner: bool = False, wider: bool = False
    ):
        super().__init__(rng, wider)
        self.inner = inner
        self.graph = Graph(name, [])
        self.shapes: list[Shape] = []
        self.users: list[int] = []
        self.takes: list[tuple[list[Shape], list[Shape]]] = []

    def pick_tensor(self) -> int:
        """Mostly one that nothing reads yet, so that branches grow longer."""
        unread = [n for n, users in enumerate(self.users) if not users]
        return (
            self.pick(unread)
            if unread and self.chance(0.65)
            else self.pick(range(len(self.shapes)))
        )

    # What is drawn

    def begin(self) -> None:
        picture = (self.integer(6, 8), self.integer(6, 8), self.integer(2, 4))
        if self.wider and self.chance(0.5):
            picture = (*picture[:2], 16)
        inputs = [picture]
        if self.chance(0.3):
            inputs.append(
                self.pick([picture, (*picture[:2], 1), picture[2:], (self.integer(2, 5),)])
            )
        self.take(inputs)

    def take(self, inputs: list[Shape]) -> None:
        """Begin with inputs of those shapes."""
        self.graph.inputs = list(inputs)
        self.shapes, self.users = list(inputs), [0] * len(inputs)

    def step(self, size: int) -> None:
        """One more call, or a few."""
        drawn = self.rng.random()
        if drawn < 0.3 and self.merge():
            return
        if drawn < 0.42 and self.again():
            return
        if 0.42 <= drawn < 0.52 and not self.inner and size > 6 and self.model():
            return
        if 0.52 <= drawn < 0.6 and self.residual():
            return
        n = self.pick_tensor()
        self.call_new(*self.layer(self.shapes[n]), [n])

    def call_new(
        self, kind: str, arguments: dict[str, Any], outcome: Shape, reads: list[int]
    ) -> int:
        """Call a new layer and return the number of what it gives."""
        name = f"{kind.lower()}_{len(self.graph.parts)}"
        return self.place(
            Part(kind, name, arguments), [self.shapes[n] for n in reads], [outcome], reads
        )

    def place(
        self, part: Part | Graph, taken: list[Shape], made: list[Shape], reads: list[int]
    ) -> int:
        self.graph.parts.append(part)
        self.takes.append((taken, made))
        return self.call(len(self.graph.parts) - 1, reads)

    def call(self, part: int, reads: list[int]) -> int:
        self.graph.calls.append((part, tuple(reads)))
        for n in reads:
            self.users[n] += 1
        made = self.takes[part][1]
        self.shapes += made
        self.users += [0] * len(made)
        return len(self.shapes) - len(made)

    def merge(self) -> bool:
        """Join two to four tensors, where some fit together."""
        first = self.pick_tensor()
        shape = self.shapes[first]
        others = {
            "same": [n for n, other in enumerate(self.shapes) if other == shape],
            "broadcast": [
                n for n, other in enumerate(self.shapes)
                if len(shape) == 3 and other != shape
                and other in (shape[2:], (*shape[:2], 1), (1, 1, shape[2]))
            ],
            "beside": [n for n, other in enumerate(self.shapes) if other[:-1] == shape[:-1]],
            "below": [
                n for n, other in enumerate(self.shapes)
                if len(other) == len(shape) == 3 and other[1:] == shape[1:]
            ],
        }  # fmt: skip
        if self.chance(0.9):  # a tensor may be given twice, but seldom
            others = {how: [n for n in found if n != first] for how, found in others.items()}
        hows = [how for how, found in others.items() if found]
        if not hows:
            return False
        how = self.pick(hows)
        reads = [first, *(self.pick(others[how]) for _ in range(self.pick([1, 1, 2, 3])))]
        if how in ("beside", "below"):
            place = len(shape) - 1 if how == "beside" else 0
            joined = sum(self.shapes[n][place] for n in reads)
            axis = self.pick([place + 1, place - len(shape)])
            arguments = {} if axis == -1 and self.chance(0.5) else {"axis": axis}
            outcome = (*shape[:place], joined, *shape[place + 1 :])
            if max(outcome[:2]) <= 12 and outcome[-1] <= 12:
                self.call_new("Concatenate", arguments, outcome, reads)
                return True
            return False
        kind = self.pick([kind for kind in MERGES if kind != "Concatenate"])
        reads = self.shuffled(reads[:2] if kind in OF_TWO else reads)
        self.call_new(kind, {}, shape, reads)
        return True

    def again(self) -> bool:
        """Call a part once more, on other tensors of the same shapes."""
        fitting = []
        for part, (taken, _) in enumerate(self.takes):
            found = [[n for n, shape in enumerate(self.shapes) if shape == one] for one in taken]
            if all(found):
                fitting.append((part, found))
        if not fitting:
            return False
        part, found = self.pick(fitting)
        self.call(part, [self.pick(options) for options in found])
        return True

    def residual(self) -> bool:
        """A block with a shortcut around two convolutions: convolution, normalisation, activation
        in any spelling.
        """
        pictures = [
            n for n, shape in enumerate(self.shapes) if len(shape) == 3 and min(shape[:2]) >= 3
        ]
        if not pictures:
            return False
        start = n = self.pick(pictures)
        shape = self.shapes[start]
        for last in (False, True):
            arguments = {
                "filters": shape[2],
                "kernel_size": 3,
                "padding": "same",
                "use_bias": self.chance(0.5),
            }
            n = self.call_new("Conv2D", arguments, shape, [n])
            n = self.call_new("BatchNormalization", self.normalized(), shape, [n])
            if not last:
                n = self.call_new(
                    *self.pick([("ReLU", {}), ("Activation", {"activation": "relu"})]), shape, [n]
                )
        n = self.call_new("Add", {}, shape, self.shuffled([start, n]))
        after = self.pick(ACTIVATIONS) if self.wider else ("Activation", {"activation": "relu"})
        self.call_new(*after, shape, [n])
        return True

    def model(self) -> bool:
        """A model inside, called once or again later: a Sequential, or a graph of one or two inputs
        and outputs.
        """
        first = self.pick_tensor()
        inputs = [self.shapes[first]]
        inner = Pen(self.rng, f"model_{len(self.graph.parts)}", inner=True, wider=self.wider)
        stacked = self.chance(0.4)
        if not stacked and self.chance(0.3):
            inputs *= 2
        inner.take(inputs)
        n = 0
        if len(inputs) == 2:
            n = inner.call_new(self.pick(["Add", "Maximum", "Subtract"]), {}, inputs[0], [0, 1])
        for _ in range(self.integer(2, 3)):
            n = inner.call_new(*inner.layer(inner.shapes[n]), [n])
        if not stacked:
            inner.merge()
        ends = [n for n, users in enumerate(inner.users) if not users]
        if not stacked and len(ends) == 1 and self.chance(0.3):
            ends.append(len(inner.shapes) - 2)
        inner.graph.outputs, inner.graph.stacked = tuple(ends), stacked
        same = [n for n, shape in enumerate(self.shapes) if shape == inputs[0]]
        reads = [first, *(self.pick(same) for _ in inputs[1:])]
        self.place(inner.graph, inputs, [inner.shapes[n] for n in ends], reads)
        return True

    def end(self) -> None:
        """Lead all that nothing reads to one output, or to two or three."""
        vectors = []
        for n, users in enumerate(list(self.users)):
            if users:
                continue
            shape = self.shapes[n]
            if len(shape) == 3:
                kind = "Flatten" if math.prod(shape) <= 48 else "GlobalAveragePooling2D"
                n = self.call_new(
                    kind, {}, (math.prod(shape) if kind == "Flatten" else shape[2],), [n]
                )
            vectors.append(n)
        apart = self.integer(1, 2) if self.chance(0.25) else 0
        outputs = [self.call_new("Dense", {"units": 3}, (3,), [n]) for n in vectors[:apart]]
        if apart and self.chance(0.3):  # what others read may be an output too
            outputs.append(self.pick(range(len(self.graph.inputs), len(self.shapes) - apart)))
        rest = vectors[apart:]
        if len(rest) > 1:
            total = sum(self.shapes[n][0] for n in rest)
            rest = [self.call_new("Concatenate", {}, (total,), rest)]
        if rest:
            activation = self.pick([None, "softmax"])
            outputs.insert(
                0, self.call_new("Dense", {"units": 3, "activation": activation}, (3,), rest)
            )
        self.graph.outputs = tuple(dict.fromkeys(outputs))


def drawn(count: int) -> Iterator[Graph]:
    """The first so many graphs."""
    return map(draw, itertools.islice(itertools.count(), count))
