"""What the explanations return: arrays, and the same as text, as plain data and as a picture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.types import Array

if TYPE_CHECKING:
    from minicnn.plots import Plot

SHADES = " .:-=+*#%@"  # cold to warm
CELLS = 16  # rows and columns of a map in text, at most


class Result:
    """What every explanation can do; the subclasses hold the arrays."""

    def to_text(self) -> str:
        """The result in words and characters, for a terminal, a log or a screen reader."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-able values."""
        raise NotImplementedError

    def plot(self) -> "Plot":
        """The result as a picture; `plot().save("explained.png")` writes it."""
        raise NotImplementedError

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        return self.plot()._repr_png_()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class HeatMap(Result):
    """Where in a picture a model looks for a class.

    Attributes:
        method: "Grad-CAM", "Saliency" or "Occlusion".
        of: what the heat is, in a few words.
        picture: (H, W, C), as it was given.
        heat: (H, W); the larger, the more that place speaks for the class. Negative where it speaks
            against it.
        class_index, class_name: the class; its number is its name when the model has none.
        probability: that the model gives this class.
    """

    method: str
    of: str
    picture: Array
    heat: Array
    class_index: int
    class_name: str
    probability: float

    @property
    def warmest(self) -> tuple[int, int]:
        """Row and column of the largest heat."""
        row, column = np.unravel_index(self.heat.argmax(), self.heat.shape)
        return int(row), int(column)

    def to_text(self) -> str:
        title = f"{self.method} for {self.class_name} ({100 * self.probability:.1f} %): {self.of}"
        (row, column), most = self.warmest, self.heat.max()
        if not most > 0:
            return f"{title}\nnothing in this picture speaks for the class"
        return (
            f"{title}\nwarmest at row {row}, column {column}: {most:.3g}\n{characters(self.heat)}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "of": self.of,
            "class_index": self.class_index,
            "class_name": self.class_name,
            "probability": self.probability,
            "warmest": list(self.warmest),
            "heat": self.heat.tolist(),
        }

    def plot(self) -> "Plot":
        from minicnn import plots

        return plots.heat_overlay([self])


def characters(heat: Array) -> str:
    """A map (H, W) as at most 16 lines of shades, two characters per cell; what is negative is left
    blank.
    """
    rows, columns = (min(CELLS, n) for n in heat.shape)
    lines = [np.array_split(line, columns, axis=1) for line in np.array_split(heat, rows)]
    means = np.array([[part.mean() for part in line] for line in lines])
    shares = np.maximum(means, 0) / max(means.max(), np.finfo(float).tiny)
    levels = np.ceil(shares * (len(SHADES) - 1)).astype(int)
    return "\n".join("|" + "".join(2 * SHADES[level] for level in line) + "|" for line in levels)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GradCam(HeatMap):
    """Where the features of one layer speak for a class.

    Attributes:
        layer: its name.
        weights: (F,), how much the score of the class grows with each feature map, the paper's
            alpha.
        coarse: (OH, OW), the map as the layer gives it, before it is enlarged to `heat`.
    """

    layer: str
    weights: Array
    coarse: Array


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Saliency(HeatMap):
    """Which pixels move the score of a class.

    Attributes:
        gradient: (H, W, C), d(score) / d(picture).
    """

    gradient: Array


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Occlusion(HeatMap):
    """What the model no longer sees when a part of the picture is covered.

    Attributes:
        rows, columns: where the upper left corners of the squares are.
        probabilities: (len(rows), len(columns)), of the class, while that square is covered.
    """

    rows: list[int]
    columns: list[int]
    probabilities: Array


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Filters(Result):
    """The kernels of a model's first convolution.

    Attributes:
        layer: its name.
        kernels: (F, KH, KW, C), as they are.
        pictures: (F, KH, KW, 3), from 0 to 1: 0.5 is a weight of 0, and 0 or 1 the largest of that
            kernel.
    """

    layer: str
    kernels: Array
    pictures: Array

    def to_text(self) -> str:
        F, KH, KW, C = self.kernels.shape
        lines = [
            f"{F} kernels of {self.layer!r}, {KH}x{KW}x{C}: strength, and the sum of the weights "
            "of each channel"
        ]
        for number, kernel in enumerate(self.kernels):
            sums = "  ".join(f"{value:+.2f}" for value in kernel.sum(axis=(0, 1)))
            lines.append(f"{number:>4}  {np.linalg.norm(kernel):.2f}  {sums}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        return {"layer": self.layer, "kernels": self.kernels.tolist()}

    def plot(self) -> "Plot":
        from minicnn import plots

        return plots.filters(self)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Activations(Result):
    """What each layer makes of one picture.

    Attributes:
        picture: (H, W, C), as it was given.
        outputs: the output of every layer, without N, by the layer's name, in order.
        kinds: each layer's class.
        class_names: of the last layer's outputs, where the model knows them.
    """

    picture: Array
    outputs: dict[str, Array]
    kinds: dict[str, str]
    class_names: list[str] | None

    def to_text(self) -> str:
        rows: list[tuple[str, ...]] = [("layer", "output", "least", "mean", "most", "not 0")]
        for name, y in self.outputs.items():
            figures = [f"{value:.3g}" for value in (y.min(), y.mean(), y.max())]
            shape = "x".join(map(str, y.shape))
            rows.append(
                (f"{name} ({self.kinds[name]})", shape, *figures, f"{100 * np.mean(y != 0):.0f} %")
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows]
        return "\n".join("  ".join(line) for line in lines)

    def to_dict(self) -> dict[str, Any]:
        return {
            name: {"class": self.kinds[name], "output": y.tolist()}
            for name, y in self.outputs.items()
        }

    def plot(self) -> "Plot":
        from minicnn import plots

        return plots.activations(self)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Im2col(Result):
    """The matrix that im2col makes of one picture.

    Attributes:
        picture: (H, W, C), as it was given.
        patches: (OH * OW, KH * KW * C), one row for each position of the kernel.
        kernel_size, strides, dilation_rate, before, output: pairs (rows, columns); `before` is the
            padding above and to the left, `output` the positions OH, OW.
    """

    picture: Array
    patches: Array
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    dilation_rate: tuple[int, int]
    before: tuple[int, int]
    output: tuple[int, int]

    def corner(self, row: int) -> tuple[int, int]:
        """Where in the picture the patch of that row of the matrix begins; negative in padding."""
        i, j = divmod(row, self.output[1])
        return i * self.strides[0] - self.before[0], j * self.strides[1] - self.before[1]

    def to_text(self) -> str:
        (H, W, C), (KH, KW), (OH, OW) = self.picture.shape, self.kernel_size, self.output
        rows, columns = self.patches.shape
        times = self.patches.size / self.picture.size
        return (
            f"A picture of {H}x{W}x{C} under a kernel of {KH}x{KW}:\n"
            f"{OH}x{OW} positions, so {rows:,} rows, one patch in each;\n"
            f"{KH}x{KW}x{C} = {columns} columns, in the kernel's own order (row, column, "
            "channel);\n"
            f"{self.patches.size:,} numbers made of {self.picture.size:,}, {times:.1f} times as "
            "many.\n"
            f"Convolution with F kernels is then ({rows:,}, {columns}) @ ({columns}, F) = "
            f"({rows:,}, F)."
        )

    def to_dict(self) -> dict[str, Any]:
        names = ("kernel_size", "strides", "dilation_rate", "before", "output")
        return {name: list(getattr(self, name)) for name in names} | {
            "patches": self.patches.tolist()
        }

    def plot(self) -> "Plot":
        from minicnn import plots

        return plots.im2col(self)
