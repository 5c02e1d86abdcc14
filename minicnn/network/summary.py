"""The table that `model.summary()` prints."""

from collections.abc import Callable, Iterator
from textwrap import wrap
from typing import Any, NamedTuple

from minicnn.layers.node import Node
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.views import (
    Field,
    calls_of,
    is_plain,
    largest,
    multiply_adds,
    of_call,
    receptive_fields,
    shapes_of,
)
from minicnn.types import Shape
from minicnn.wording import counted

CONNECTIONS = 42  # letters in a line of them


@known_arguments
def summary(
    model: Network,
    print_fn: Callable[[str], Any] = print,
    flops: bool = False,
    receptive_field: bool = False,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> None:
    """Print layers, output shapes and parameter counts, and what each is connected to unless the
    model is a chain.

    A connection is `name[call][output]`, as in Keras: "base[1][0]" is what the second call of
    `base` gives. Where a layer is called several times, the shape is that of its last call.

    Args:
        print_fn: gets the whole text.
        flops: one more column, floating point operations (2 per multiply-add) of one picture's
            forward pass in matrix products, of all calls.
        receptive_field: one more, the patch of the input that one output sees, and the step between
            neighbours' patches, in pixels; the largest one where there are several inputs or calls.
        expand_nested: show the layers of models inside too.
        show_trainable: one more, as in Keras: Y or N, whether the layer trains, and - where it has
            no weights.
    """
    print_fn(table(model, flops, receptive_field, expand_nested, show_trainable))


def in_a_line(model: Network) -> str:
    """repr(model): its name, how many layers it has and, once built, how many numbers."""
    size = counted(model.count_params(), "parameter") if model.built else "not built"
    return f"<{type(model).__name__} {model.name!r}: {counted(len(model.layers), 'layer')}, {size}>"


class Row(NamedTuple):
    """A layer, or a model inside, and what is said of it.

    level: in how many models inside it is.
    shapes: of one sample of each of its outputs; none before it is built.
    connected_to: what its calls take, "conv2d[0][0]".
    flops: of all of its calls.
    field: what its outputs see at most; None for all.
    """

    layer: Any
    level: int
    shapes: list[Shape]
    connected_to: list[str]
    flops: int
    field: Field | None

    def cells(self) -> list[str]:
        prefix = "   " * self.level + "└ " if self.level else ""
        shapes = (
            ", ".join(f"({', '.join(['None', *map(str, shape)])})" for shape in self.shapes) or "?"
        )
        return [
            f"{prefix}{self.layer.name} ({type(self.layer).__name__})",
            f"[{shapes}]" if len(self.shapes) > 1 else shapes,
            f"{self.layer.count_params():,}" if self.layer.built else "?",
        ]

    def trains(self) -> str:
        """Keras' letters: whether training changes its weights, if it has any."""
        if not self.layer.weights:
            return "-"
        return "Y" if self.layer.trainable else "N"


def rows_of(network: Network, expand: bool = False) -> Iterator[Row]:
    """A row for each layer; with `expand`, those of a model inside follow its own."""
    if network.built and network.inputs:
        network.program()  # the list of a Sequential's layers may have been changed
    yield from _rows(network, expand, 0, 1, receptive_fields(network))


def _rows(
    network: Network, expand: bool, level: int, times: int, fields: dict[Node, Field | None]
) -> Iterator[Row]:
    calls = calls_of(network)
    for layer in network.layers:
        own = calls.get(id(layer), [])
        yield Row(
            layer,
            level,
            shapes_of(own[-1]) if own else [],
            [name_of(before, calls) for call in own for before in call.inputs]
            if level == 0
            else [],
            2 * times * sum(map(of_call, own)),
            largest([field for node, field in fields.items() if node.layer is layer] or [None]),
        )
        if expand and own and isinstance(layer, Network):
            inside = receptive_fields(layer, [fields[before] for before in own[-1].inputs])
            yield from _rows(layer, expand, level + 1, times * len(own), inside)


def name_of(node: Node, calls: dict[int, list[Node]]) -> str:
    """A tensor as the table names it: "base[1][0]" is the first output of the second call."""
    return f"{node.name}[{calls[id(node.layer)].index(node.call)}][{node.index}]"


def table(
    model: Network,
    flops: bool = False,
    receptive_field: bool = False,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> str:
    """The table as text; see summary."""
    headings = ["Layer (type)", "Output Shape", "Param #"]
    connections = not is_plain(model) and model.built
    headings += ["Connected to"] * connections + ["Trainable"] * show_trainable
    headings += ["FLOPs"] * flops + ["Receptive field / step"] * receptive_field
    lines = []
    for row in rows_of(model, expand_nested):
        cells = row.cells()
        joined = wrap(", ".join(row.connected_to), CONNECTIONS, break_long_words=False) or ["-"]
        cells += joined[:1] * connections + [row.trains()] * show_trainable
        cells += [f"{row.flops:,}"] * flops + [str(row.field or "all")] * receptive_field
        lines.append(cells)
        more = joined[1:] if connections else []
        lines += [[line if n == 3 else "" for n in range(len(cells))] for line in more]
    widths = [max(len(line[i]) for line in [headings, *lines]) + 2 for i in range(len(headings))]
    text = ["".join(map(str.ljust, line, widths)).rstrip() for line in [headings, *lines]]
    rule = "=" * (sum(widths) - 2)
    leaves = model.leaves.values()
    trained = sum(
        array.size for layer in leaves if layer.trainable for array in layer.params.values()
    )
    total = model.count_params()
    counts = {"Total": total, "Trainable": trained, "Non-trainable": total - trained}
    totals = [f"{kind} params: {count:,}" for kind, count in counts.items()]
    if flops:
        totals.append(f"FLOPs of one picture's forward pass: {2 * multiply_adds(model):,}")
    return "\n".join([f'Model: "{model.name}"', rule, text[0], rule, *text[1:], rule, *totals])


def described(model: Network) -> dict[str, Any]:
    """The table with all columns as plain values; connections only where the model is no chain."""
    plain = is_plain(model)
    layers = []
    for row in rows_of(model):
        shapes = [list(shape) for shape in row.shapes]
        said = {
            "name": row.layer.name,
            "class": type(row.layer).__name__,
            "output_shape": shapes if len(shapes) > 1 else shapes[0],
            "parameters": row.layer.count_params(),
            "flops": row.flops,
            "receptive_field": str(row.field or "all"),
        }
        layers.append(said if plain else said | {"connected_to": row.connected_to})
    return {
        "name": model.name,
        "parameters": model.count_params(),
        "layers": layers,
        "class_names": model.class_names,
    }
