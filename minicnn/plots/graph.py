"""A network as a picture: a box for every call of a layer, a line for every value that goes from
one to another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.views import calls, calls_of, shapes_of
from minicnn.plots.base import HEADER, MARGIN, Plot, new_figure
from minicnn.plots.grid import place_words
from minicnn.plots.layered import Layout, Point, layered
from minicnn.plots.palette import HAIRLINE, INK, MUTED
from minicnn.types import Shape
from minicnn.wording import counted

# inches: of a box, around what is in it, for the name of a model inside
HEIGHT, PADDING, HEADING = (
    0.4,
    0.1,
    0.3,
)
TALLEST = 10.5  # inches above which the picture goes on at its right
NAME, KIND = 8.5, 7.5  # points
SHADE = "#E6F0F7"  # of what has weights: the palest blue


@dataclass(frozen=True)
class Box:
    """A call of a layer or model.

    call: its name, numbered where it is called several times.
    reads: which other boxes of its drawing, by number.
    inside: the boxes of the model that is called, if they are to be drawn.
    """

    call: str
    kind: str
    outputs: list[Shape]
    parameters: int
    reads: list[int]
    inside: "list[Box] | None" = None

    @property
    def output(self) -> str:
        """32x32x3, or several of them."""
        return ", ".join("x".join(map(str, shape)) for shape in self.outputs)

    @property
    def words(self) -> str:
        return f"{self.kind}  {self.output}"


@known_arguments
def network(model: Network, *, expand_nested: bool = False, title: str | None = None) -> Plot:
    """Draw the graph of a model, from the top down: each layer's name, its class and what comes out
    of it.

    A layer that is called several times has a box for each call, numbered as in the summary:
    "relu[0]", "relu[1]".

    Args:
        model: built.
        expand_nested: draw the layers of models inside too, in frames; else such a model is a box.
        title: the model's name unless given.

    Raises ValueError for a model that is not built.
    """
    if not model.built:
        raise ValueError(
            f"plots.network expected a built model, received {model.name!r}: add an Input, or call "
            "build()"
        )
    model.program()  # the list of a Sequential's layers may have been changed
    boxes = boxes_of(model, expand_nested)
    rows = list(rows_of(boxes))
    measured = [
        size
        for row in rows
        for size in ((row["call"], NAME), (f"{row['class']}  {row['output']}", KIND))
    ]
    width = max(inches(words, size) for words, size in measured) + 2 * PADDING
    layout = layout_of(boxes, width, TALLEST)
    figure = new_figure(
        layout.width + 2 * MARGIN + 0.2,
        layout.height + HEADER + 0.3,
        title or model.name,
        f"{counted(len(model.layers), 'layer')}, {counted(model.count_params(), 'parameter')}; "
        "shaded: with weights",
    )
    figure.set_layout_engine("none")  # all of it has its place
    draw(figure, boxes, layout, (MARGIN + 0.1, layout.height + 0.2), width)
    return Plot(figure, {"name": model.name, "layers": rows}, as_text(rows))


def boxes_of(model: Network, expand: bool, whole: bool = True) -> list[Box]:
    """A box for every call, in the order in which they run.

    (A Sequential inside does not show its input.)
    """
    of_layer = calls_of(model)
    order = [call for call in calls(model) if whole or call.layer in model.layers]
    number = {call: n for n, call in enumerate(order)}
    boxes = []
    for call in order:
        layer, own = call.layer, of_layer[id(call.layer)]
        boxes.append(
            Box(
                call=(layer.name or "input") + (f"[{own.index(call)}]" if len(own) > 1 else ""),
                kind=type(layer).__name__,
                outputs=shapes_of(call),
                parameters=layer.count_params(),
                reads=[number[before.call] for before in call.inputs if before.call in number],
                inside=boxes_of(layer, expand, whole=False)
                if expand and isinstance(layer, Network)
                else None,
            )
        )
    return boxes


def rows_of(boxes: list[Box], path: str = "") -> Iterator[dict[str, Any]]:
    """The boxes as plain values, those of a model inside after its own: "backbone/conv2d"."""
    for box in boxes:
        yield {
            "call": path + box.call,
            "class": box.kind,
            "output": box.output,
            "parameters": box.parameters,
            "connected_to": [path + boxes[n].call for n in box.reads],
        }
        yield from rows_of(box.inside or [], f"{path}{box.call}/")


def as_text(rows: list[dict[str, Any]]) -> str:
    """The rows as a table, words at the left."""
    cells = [["layer", "class", "output", "parameters", "connected to"]]
    cells += [
        [
            row["call"],
            row["class"],
            row["output"],
            f"{row['parameters']:,}",
            ", ".join(row["connected_to"]) or "-",
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


# Places


def layout_of(boxes: list[Box], width: float, tallest: float = float("inf")) -> Layout:
    """Where the boxes are that are so wide, and the frames of models inside."""
    sizes = [size_of(box, width) for box in boxes]
    return layered(
        sizes, [(n, number) for number, box in enumerate(boxes) for n in box.reads], tallest
    )


def size_of(box: Box, width: float) -> Point:
    """Width and height of a box, or of a frame around what is inside."""
    if box.inside is None:
        return width, HEIGHT
    inside = layout_of(box.inside, width)
    return inside.width + 2 * PADDING, inside.height + HEADING + PADDING


def inches(words: str, points: float) -> float:
    """How wide words are, in bold."""
    renderer = FigureCanvasAgg(Figure(dpi=100)).get_renderer()
    return (
        renderer.get_text_width_height_descent(
            words, FontProperties(size=points, weight="bold"), False
        )[0]
        / 100
    )


# Drawing


def draw(figure: Figure, boxes: list[Box], layout: Layout, corner: Point, width: float) -> None:
    """Draw boxes and lines into a figure, the upper left corner at that place in inches."""
    left, top = corner
    for line in layout.lines:
        path = curve([(left + x, top - y) for x, y in line])
        arrow = FancyArrowPatch(
            path=path, arrowstyle="-|>", mutation_scale=7, color=MUTED, linewidth=1
        )
        arrow.set_transform(figure.dpi_scale_trans)
        figure.add_artist(arrow)
    for box, (x, y) in zip(boxes, layout.boxes, strict=True):
        wide, high = size_of(box, width)
        at = left + x, top - y - high
        middle = at[0] + wide / 2
        frame = FancyBboxPatch(
            at,
            wide,
            high,
            boxstyle="round,pad=0,rounding_size=0.06",
            edgecolor=MUTED,
            linewidth=0.8,
        )
        frame.set(facecolor=SHADE if box.parameters and box.inside is None else "white")
        frame.set(transform=figure.dpi_scale_trans)
        figure.add_artist(frame)
        style: dict[str, Any] = {"parse_math": False}
        if box.inside is None:
            place_words(
                figure,
                middle,
                at[1] + 0.225,
                box.call,
                ha="center",
                weight="bold",
                fontsize=NAME,
                color=INK,
                **style,
            )
            place_words(
                figure,
                middle,
                at[1] + 0.085,
                box.words,
                ha="center",
                fontsize=KIND,
                color=INK,
                **style,
            )
        else:
            frame.set(edgecolor=HAIRLINE, linewidth=1.6)
            heading = f"{box.call}: {box.words}"
            place_words(
                figure,
                at[0] + PADDING,
                at[1] + high - 0.19,
                heading,
                weight="bold",
                fontsize=NAME,
                color=MUTED,
                **style,
            )
            inside = layout_of(box.inside, width)
            draw(figure, box.inside, inside, (at[0] + PADDING, at[1] + high - HEADING), width)


def curve(points: list[Point]) -> Path:
    """Through the points: straight where only one coordinate changes, else in curves that begin and
    end upright.
    """
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x, y), (right, below) in pairwise(points):
        if x == right or y == below:
            vertices.append((right, below))
            codes.append(Path.LINETO)
        else:
            middle = (y + below) / 2
            vertices += [(x, middle), (right, middle), (right, below)]
            codes += [Path.CURVE4] * 3
    return Path(vertices, codes)
