"""Networks with branches, drawn from a seed and built by the same words in minicnn and in Keras.

A Graph says what is called on what; `draw(seed)` draws one: forks, merges of every kind, layers and
models that are called several times, several inputs and outputs. `build(library, graph)` makes a
model of it, of minicnn or keras, and `weight`, `given` and `wanted` draw its numbers. Nothing here
asks minicnn for anything, so that neither can hide a mistake of the other. Only `Generator.random`
is used: the same graphs on every machine. Arguments are numbers that float32 holds exactly, for
    TensorFlow rounds some of them (the slope of LeakyReLU) to that.
"""

import itertools
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]
BATCH = 3
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
OF_TWO = ("Subtract",)
# The first graphs are kept, with what Keras computes; those from here on have more kinds of layers.
FIRST_WIDER = 100
ACTIVATIONS = (
    ("ReLU", {}),
    ("ReLU", {"max_value": 6.0}),
    ("LeakyReLU", {"negative_slope": 0.25}),
    *[("Activation", {"activation": name}) for name in ("relu", "sigmoid", "silu", "tanh", "elu")],
    *[("Activation", {"activation": name}) for name in ("hard_sigmoid", "hard_silu", "gelu")],
)


@dataclass(frozen=True)
class Part:
    """A layer: its class, its name and its other arguments."""

    kind: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """What is called on what: tensors are numbered, the inputs first, then what the calls give, one
    after the other.

    calls: (number of the part, numbers of the tensors that it is called on).
    stacked: whether to make a Sequential of it.
    """

    name: str
    inputs: list[Shape]
    parts: "list[Part | Graph]" = field(default_factory=list)
    calls: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    stacked: bool = False

    def kinds(self) -> Iterator[str]:
        """The classes of all layers, those of models inside too."""
        for part in self.parts:
            if isinstance(part, Graph):
                yield from part.kinds()
            else:
                yield part.kind

    @property
    def is_shared(self) -> bool:
        """Whether a part is called twice."""
        called = [part for part, _ in self.calls]
        return len(set(called)) < len(called)


def build(library: Any, graph: Graph, **options: Any) -> Any:
    """A model of minicnn or keras; options are those of its Model."""
    tensors = [library.Input(shape, name=f"input_{n}") for n, shape in enumerate(graph.inputs)]
    parts = [
        build(library, part, **options)
        if isinstance(part, Graph)
        else getattr(library.layers, part.kind)(**part.arguments, name=part.name)
        for part in graph.parts
    ]
    if graph.stacked:
        return library.Sequential([tensors[0], *parts], name=graph.name, **options)
    for number, reads in graph.calls:
        part, given = graph.parts[number], [tensors[n] for n in reads]
        several = len(part.inputs) > 1 if isinstance(part, Graph) else part.kind in MERGES
        made = parts[number](given if several else given[0])
        tensors += listed(made)
    inputs, outputs = tensors[: len(graph.inputs)], [tensors[n] for n in graph.outputs]
    return library.Model(single(inputs), single(outputs), name=graph.name, **options)


def single(values: list) -> Any:
    """The only one of them, or else all."""
    return values[0] if len(values) == 1 else values


def listed(values: Any) -> list:
    """What single made, as a list again."""
    return list(values) if isinstance(values, list | tuple) else [values]


# Numbers


def _uniform(words: str, shape: Shape) -> Array:
    """Between -1 and 1."""
    return 2 * np.random.default_rng(zlib.crc32(words.encode())).random(shape) - 1


def weight(graph: Graph, path: str, name: str, shape: Shape) -> Array:
    """A layer's weight, so drawn that numbers stay of the size of 1 from layer to layer."""
    drawn = _uniform(f"{graph.name} {path} {name}", shape)
    if name == "kernel":
        return drawn * math.sqrt(6 / math.prod(shape[:-1]))
    return 1 + drawn / 2 if name in ("gamma", "moving_variance") else drawn / 2


def given(graph: Graph) -> list[Array]:
    """The inputs, (BATCH, ...) each."""
    return [
        2 * _uniform(f"{graph.name} input {n}", (BATCH, *shape))
        for n, shape in enumerate(graph.inputs)
    ]


def wanted(graph: Graph, shapes: list[Shape]) -> list[Array]:
    """A dy for each output of those shapes, with N."""
    return [_uniform(f"{graph.name} dy {n}", shape) for n, shape in enumerate(shapes)]


# Drawing


def draw(seed: int) -> Graph:
    """The graph of that number."""
    pen = Pen(np.random.default_rng(seed), f"graph_{seed}", wider=seed >= FIRST_WIDER)
    pen.begin()
    size = pen.integer(5, 14)
    while len(pen.graph.calls) < size:
        pen.step(size)
    pen.end()
    return pen.graph


class Pen:
    """Draws one graph, call by call.

    Attributes:
        shapes: of all tensors.
        users: how many calls read each tensor.
        takes: the shapes that each part is called on, and gives.
        wider: whether more kinds of layers are drawn, and channels that fill registers.
    """

    def __init__(
        self, rng: np.random.Generator, name: str, inner: bool = False, wider: bool = False
    ):
        self.rng, self.inner, self.wider = rng, inner, wider
        self.graph = Graph(name, [])
        self.shapes: list[Shape] = []
        self.users: list[int] = []
        self.takes: list[tuple[list[Shape], list[Shape]]] = []

    # Choices

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def integer(self, least: int, most: int) -> int:
        return least + int(self.rng.random() * (most + 1 - least))

    def pick(self, options: Any) -> Any:
        options = list(options)
        return options[self.integer(0, len(options) - 1)]

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

    def layer(self, shape: Shape) -> tuple[str, dict[str, Any], Shape]:
        """A layer for one tensor of that shape: its class, its arguments, and the shape of what it
        gives.
        """
        if len(shape) == 1:
            units = self.integer(2, 5)
            activation = self.pick([None, None, "relu", "softmax"])
            return self.pick([
                (
                    "Dense",
                    {"units": units, "activation": activation, "use_bias": self.chance(0.7)},
                    (units,),
                ),
                ("Dense", {"units": shape[0]}, shape),
                ("ReLU", {}, shape),
                ("Softmax", {}, shape)
                if shape[0] > 1
                else ("LeakyReLU", {"negative_slope": 0.25}, shape),
            ])  # fmt: skip
        H, W, C = shape
        if self.wider and self.chance(0.25):
            return self.other_layer(shape)
        drawn = self.integer(0, 11)
        if drawn <= 4:
            return self.convolution(shape)
        if drawn == 5 and H * W >= 6:
            arguments = {"momentum": 0.75, "scale": self.chance(0.8)} | self.normalized()
            return "BatchNormalization", arguments, shape
        if drawn in (6, 7):
            kind, arguments = self.pick([
                ("ReLU", {}), ("Activation", {"activation": "relu"}),
                ("LeakyReLU", {"negative_slope": 0.25}),
                ("ReLU", {"max_value": 1.5}),
            ])  # fmt: skip
            return kind, arguments, shape
        if drawn in (8, 9) and min(H, W) > 1:
            kind, size = self.pick(["MaxPooling2D", "AveragePooling2D"]), self.pick([2, 2, 3])
            strides, padding = self.pick([1, 2]), self.pick(["valid", "same"])
            if padding == "same" or min(H, W) >= size:
                arguments = {"pool_size": size, "strides": strides, "padding": padding}
                return kind, arguments, (*self.slid((H, W), size, strides, padding), C)
        if drawn == 10 and max(H, W) < 8:
            return "ZeroPadding2D", {"padding": ((0, 1), (1, 0))}, (H + 1, W + 1, C)
        if H * W * C <= 48:
            return "Flatten", {}, (H * W * C,)
        return self.pick(["GlobalAveragePooling2D", "GlobalMaxPooling2D"]), {}, (C,)

    def normalized(self) -> dict[str, float]:
        """Further arguments of a normalisation: where more channels are drawn, more of them are
        almost constant, and float32 has few digits of what is divided by almost nothing.
        """
        return {"epsilon": 0.125} if self.wider else {}

    def other_layer(self, shape: Shape) -> tuple[str, dict[str, Any], Shape]:
        """One of those that only the wider graphs have."""
        arguments = {"kernel_size": self.pick([1, 3]), "padding": "same"}
        arguments |= {"use_bias": self.chance(0.6), "activation": self.pick([None, "relu", "silu"])}
        drawn = self.integer(0, 5)
        if drawn == 0:
            return "DepthwiseConv2D", arguments, shape
        if drawn == 1:
            return "SeparableConv2D", {"filters": shape[2]} | arguments, shape
        if drawn == 2 and shape[2] % 2 == 0:
            return "Conv2D", {"filters": shape[2], "groups": 2} | arguments, shape
        return *self.pick(ACTIVATIONS), shape

    def convolution(
        self, shape: Shape, filters: int | None = None
    ) -> tuple[str, dict[str, Any], Shape]:
        H, W, _ = shape
        filters = filters or self.integer(2, 4)
        if self.wider and self.chance(0.5):
            filters = shape[2]
        size, padding = self.pick([1, 3, 3, 2]), self.pick(["same", "same", "valid"])
        strides = self.pick([1, 1, 2])
        if min(H, W) < size:
            padding = "same"
        activation = self.pick([None, None, "relu"])
        arguments = {
            "filters": filters,
            "kernel_size": size,
            "strides": strides,
            "padding": padding,
        }
        arguments |= {"activation": activation, "use_bias": self.chance(0.6)}
        return "Conv2D", arguments, (*self.slid((H, W), size, strides, padding), filters)

    @staticmethod
    def slid(picture: Shape, size: int, strides: int, padding: str) -> Shape:
        """Rows and columns of what a window makes."""
        return tuple(
            -(-n // strides) if padding == "same" else (n - size) // strides + 1 for n in picture
        )

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

    def shuffled(self, values: list[int]) -> list[int]:
        return [values[n] for n in self.rng.random(len(values)).argsort()]

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
