"""Draws the pictures of docs/engine.md: `python docs/make_pictures.py`.

Lengths are inches, y goes upwards. Everything is on white, so that the pictures look the same on
light and dark pages. They are more than 300 lines because a picture is a list of places.
"""

import io
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from PIL import Image

PICTURES = Path(__file__).resolve().parent / "pictures"
WIDTH = 8.6
# Okabe & Ito 2008: told apart by every kind of colour vision
BLUE, ORANGE, GREEN = (
    "#0072B2",
    "#D55E00",
    "#009E73",
)
PALE_BLUE, PALE_ORANGE, PALE_GREEN, GREY = "#CFE3F1", "#F9DCC8", "#CDEBE1", "#EEF1F4"
INK, MUTED = "#1F2328", "#59636E"
PIXEL = ("#F7C9C3", "#CFE8CF", "#CBD9F2")  # its three numbers


class Page:
    """A picture to draw on."""

    def __init__(self, height: float):
        self.figure = Figure(figsize=(WIDTH, height), facecolor="white")
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
        self.axes.set_axis_off()

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        face: str,
        edge: str = "white",
        line: float = 0.8,
    ):
        """A filled rectangle with its lower left corner at (x, y)."""
        self.axes.add_patch(
            Rectangle((x, y), width, height, facecolor=face, edgecolor=edge, linewidth=line)
        )

    def frame(self, x: float, y: float, width: float, height: float, edge: str, style: str = "-"):
        """An outline."""
        self.axes.add_patch(
            Rectangle(
                (x, y), width, height, fill=False, edgecolor=edge, linewidth=2, linestyle=style
            )
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        color: str = INK,
        align: str = "left",
        size: float = 9,
        bold=False,
    ):
        """Text whose middle line is at y."""
        weight = "bold" if bold else "normal"
        self.axes.text(x, y, text, fontsize=size, color=color, ha=align, va="center", weight=weight)

    def title(self, x: float, y: float, text: str, color: str = INK, align: str = "left"):
        """Bold text."""
        self.text(x, y, text, color, align, bold=True)

    def label(self, x: float, y: float, text: str, color: str = INK, size: float = 9):
        """Lines of text around (x, y)."""
        lines = text.split("\n")
        for number, line in enumerate(lines):
            self.text(x, y + 0.1 * (len(lines) - 1) - 0.2 * number, line, color, "center", size)

    def arrow(
        self, x: float, y: float, to_x: float, to_y: float, color: str = MUTED, bend: float = 0.0
    ):
        """An arrow from (x, y)."""
        shape = {"arrowstyle": "-|>", "mutation_scale": 9, "connectionstyle": f"arc3,rad={bend}"}
        ends = {"shrinkA": 0, "shrinkB": 0}
        self.axes.add_patch(
            FancyArrowPatch((x, y), (to_x, to_y), color=color, linewidth=1.2, **shape, **ends)
        )

    def line(
        self,
        x: float,
        y: float,
        to_x: float,
        to_y: float,
        color: str = MUTED,
        width: float = 1.2,
        style="-",
    ):
        """A straight line."""
        self.axes.plot([x, to_x], [y, to_y], color=color, linewidth=width, linestyle=style)

    def save(self, path: Path) -> None:
        """Write a PNG in 64 colours, a fraction of the size."""
        FigureCanvasAgg(self.figure)
        whole = io.BytesIO()
        self.figure.savefig(whole, dpi=150)
        Image.open(whole).convert("RGB").quantize(64).save(path, optimize=True)


def addresses() -> Page:
    """A patch is KH runs of KW * C numbers, found by adding."""
    page = Page(4.7)
    cell, left, step = 0.155, 1.05, 3 * 0.155 + 0.05

    def pixels(x: float, y: float, count: int) -> None:
        for p in range(count):
            for c in range(3):
                page.box(x + p * step + c * cell, y, cell, 0.26, PIXEL[c])

    for row in range(4):
        y = 4.1 - 0.36 * row
        pixels(left, y, 10)
        page.text(left - 0.12, y + 0.13, "row h" + (f" + {row}" if row else ""), MUTED, "right")
        if row < 3:
            page.frame(left + 3 * step - 0.025, y - 0.04, 3 * step, 0.34, ORANGE, ":")
            page.frame(left + 2 * step - 0.025, y - 0.02, 3 * step, 0.3, BLUE)
    x = left + 10 * step + 0.2
    page.title(x, 4.25, "a picture in NHWC:")
    page.text(x, 4.03, "the C = 3 numbers of a")
    page.text(x, 3.83, "pixel lie side by side")
    page.text(x, 3.5, "patch of output pixel r", BLUE)
    page.text(x, 3.28, "patch of its neighbour, r + 1", ORANGE)

    page.title(left, 2.72, "In memory, one row of W * C numbers follows the other:")
    y, apart = 1.98, 2.45
    for s in range(3):
        x = left + s * apart - 0.025
        pixels(x + 0.025, y, 3)
        page.frame(x, y - 0.02, 3 * step, 0.3, BLUE)
        for end in (x, x + 3 * step):
            page.line(end, y - 0.18, end, y - 0.08, BLUE)
        page.line(x, y - 0.13, x + 3 * step, y - 0.13, BLUE)
        page.label(x + 1.5 * step, y - 0.28, "KW * C = 9 in a row", BLUE)
        if s < 2:
            page.label(x + 3 * step + 0.45, y + 0.13, "...", MUTED, 12)
            page.arrow(x + 0.07, y + 0.33, x + apart, y + 0.33, bend=-0.1)
            page.label(x + 0.5 * apart, y + 0.55, "+ W * C", MUTED)

    y = 0.86
    page.title(
        left,
        y + 0.52,
        "Together they are row r of the matrix that im2col writes, and the engine does not:",
    )
    page.text(left - 0.12, y + 0.13, "P[r]", BLUE, "right")
    for s in range(3):
        pixels(left + 3 * s * step, y, 3)
        page.frame(left + 3 * s * step - 0.025, y - 0.02, 3 * step, 0.3, BLUE)
        page.label(left + (3 * s + 1.5) * step, y - 0.17, f"s = {s},  k = 0 ... 8", BLUE)
    page.text(left, 0.3, "P[r, s, k]  is at   start + r * C + s * W * C + k,")
    page.text(4.1, 0.3, "and   y[r, f] = sum over s, k of P[r, s, k] * kernel[s, k, f]")
    return page


def tile() -> Page:
    """What a tile keeps in registers, and how many there are."""
    page = Page(5.9)
    left, lane, second = 2.35, 0.115, 16 * 0.115 + 0.16
    middle = left + 16 * lane + 0.08

    def register(x: float, y: float, face: str) -> None:
        for k in range(16):
            page.box(x + k * lane, y, lane, 0.24, face)

    page.title(
        middle, 5.62, "B: two registers of 16 filters, loaded once per step k", GREEN, "center"
    )
    for v in range(2):
        register(left + v * second, 5.2, PALE_GREEN)
        page.label(left + v * second + 8 * lane, 5.32, f"filters {16 * v} ... {16 * v + 15}")
    page.title(1.0, 5.55, "A: one number", ORANGE, "center")
    page.label(1.0, 5.25, "per pixel and step,\nspread over 16 lanes", ORANGE)
    for place, r in enumerate((0, 1, 2, 3, None, 13)):
        y = 4.75 - 0.34 * place
        if r is None:
            page.label(middle, y + 0.12, ". . .", MUTED)
            page.label(1.28, y + 0.12, ". . .", MUTED)
            continue
        page.text(1.1, y + 0.12, f"pixel {r}", align="right")
        page.box(1.2, y, 0.2, 0.24, PALE_ORANGE)
        page.arrow(1.45, y + 0.12, left - 0.08, y + 0.12, ORANGE)
        for v in range(2):
            register(left + v * second, y, PALE_BLUE)
    page.title(
        middle,
        2.82,
        "C: 14 x 2 accumulators, in registers from the first product to the last",
        BLUE,
        "center",
    )
    page.title(6.53, 4.87, "per step k:")
    steps = (
        "2 loads of B",
        "14 numbers of A",
        "28 multiply-adds,",
        "each of 16 numbers:",
        "448 products for",
        "16 loads",
    )
    for line, text in enumerate(steps, start=1):
        page.text(6.53, 4.87 - 0.22 * line, text)

    page.title(0.3, 2.4, "The registers that a processor has, and what a tile puts there:")
    for place, (name, count, accumulators, numbers_of_a, remark) in enumerate(
        (
            ("AVX-512: 14 x 2", 32, 28, 1, "of 16 numbers each (512 bits)"),
            ("AVX2: 6 x 2", 16, 12, 1, "of 8 numbers"),
            ("NEON: 12 x 2", 32, 24, 4, "of 4; some numbers of A are loaded ahead"),
            ("generic: 4 x 2", 16, 8, 2, "of 4; a product needs a place before it is added"),
            ("AVX-512: 16 x 2", 32, 32, 1, "too many: some would be spilled,"),
        )
    ):
        y = 1.98 - 0.36 * place
        page.text(1.6, y + 0.1, name, align="right")
        colours = [BLUE] * accumulators + [GREEN] * 2 + [ORANGE] * numbers_of_a
        colours += [GREY] * (count - len(colours))
        for k, colour in enumerate(colours):
            page.box(1.75 + 0.11 * k, y, 0.11, 0.2, colour)
        page.frame(1.75, y, 0.11 * count, 0.2, INK)
        page.text(1.85 + 0.11 * len(colours), y + 0.1, remark, MUTED)
    page.text(1.85 + 0.11 * 35, 0.44, "to memory and back in every step", MUTED)
    return page


def padding() -> Page:
    """Which part of a 3x3 kernel each output of an 8x8 picture needs, with padding of one pixel."""
    page = Page(3.75)
    size, left, bottom, n = 0.3, 0.75, 0.75, 8
    shades = {9: PALE_BLUE, 6: PALE_GREEN, 4: PALE_ORANGE}
    # kernel rows inside the picture, per output row; columns likewise
    cells = [
        2,
        *[3] * (n - 2),
        2,
    ]
    for i in range(-1, n + 1):
        for j in range(-1, n + 1):
            x, y, inside = left + j * size, bottom + (n - 1 - i) * size, 0 <= i < n and 0 <= j < n
            needed = cells[i] * cells[j] if inside else 0
            page.box(x, y, size, size, shades.get(needed, "white"), "white" if inside else GREY)
            page.label(x + size / 2, y + size / 2, str(needed), INK if inside else MUTED)
    page.frame(left, bottom, n * size, n * size, INK)
    page.label(
        left + n * size / 2,
        0.2,
        "each output, and how many kernel cells it needs;\nthe zeros around the picture are never "
        "read",
        MUTED,
    )

    for place, (edge, needed, first, second) in enumerate(
        (
            (
                BLUE,
                9,
                "inside, 6 x 6 outputs: the whole kernel,",
                "KH = 3 segments of KW * C numbers",
            ),
            (GREEN, 6, "at an edge, 4 x 6: two rows of it,", "or two columns: shorter sums"),
            (ORANGE, 4, "in a corner, 4: two rows and columns", ""),
        )
    ):
        y, x = 2.75 - 0.95 * place, 4.05
        for row in range(3):
            for column in range(3):
                used = needed == 9 or (row > 0 and (needed == 6 or column > 0))
                place_y, face = y + 0.4 - 0.2 * row, shades[needed] if used else "white"
                page.box(x + 0.2 * column, place_y, 0.2, 0.2, face, edge if used else MUTED)
        page.text(x + 0.8, y + 0.4, first)
        page.text(x + 0.8, y + 0.18, second)
    total, all_of_it = sum(cells) ** 2, 9 * n * n
    page.title(
        4.05, 0.3, f"{total} cells are multiplied instead of {all_of_it}: {total / all_of_it:.0%}"
    )
    return page


def winners() -> Page:
    """A channel's four cells of a window before and after normalisation, gamma of either sign."""
    page = Page(2.65)
    for left, slope, start, title in (
        (0.8, 1.0, 0.95, "gamma > 0: the largest stays the largest"),
        (5.0, -1.0, 2.05, "gamma < 0: the smallest becomes it"),
    ):
        page.title(left + 1.4, 2.4, title, align="center")
        page.line(left, 0.7, left + 2.8, 0.7)
        page.line(left, 0.7, left, 2.15)
        page.text(left + 2.8, 0.51, "a, before", MUTED, "right")
        page.text(left - 0.1, 2.05, "b", MUTED, "right")
        page.line(left + 0.24, start + 0.1 * slope, left + 2.64, start + 1.1 * slope, BLUE, 1.5)
        cells = (0.3, 0.55, 0.75, 1.0)
        for a in cells:
            x, y, wins = (
                left + 2.4 * a,
                start + slope * a,
                slope * a == max(slope * other for other in cells),
            )
            page.line(x, 0.7, x, y, MUTED, 0.8, ":")
            page.axes.plot(
                [x], [y], "o", color=ORANGE if wins else BLUE, markersize=9 if wins else 6
            )
    text = (
        "b = gamma (a - mean) / deviation + beta  is a straight line in a: pool first, by the sign "
        "of its slope"
    )
    page.label(WIDTH / 2, 0.2, text)
    return page


def chunks() -> Page:
    """Eight parts of a batch on one, two and three threads, and how their sums come together."""
    page = Page(3.9)
    left, width = 1.5, 0.8
    page.title(
        left,
        3.65,
        "A batch of 64 pictures is cut into eight chunks, whatever the number of threads:",
    )
    colours = ((PALE_BLUE, BLUE), (PALE_ORANGE, ORANGE), (PALE_GREEN, GREEN))
    for k in range(8):
        x, middle = left + k * width, left + (k + 0.5) * width
        page.box(x, 3.1, width, 0.3, GREY, "white", 2)
        page.label(middle, 3.25, f"{8 * k} ... {8 * k + 7}")
        for row in range(3):
            y, thread = 2.5 - 0.42 * row, k * (row + 1) // 8
            page.box(x + 0.04, y, width - 0.08, 0.3, *colours[thread], 1.2)
            page.label(middle, y + 0.15, f"thread {thread + 1}")
        page.arrow(middle, 1.58, middle, 1.2)
        page.label(middle, 1.05, f"dK[{k}]")
    for row, name in enumerate(("1 thread", "2 threads", "3 threads")):
        page.text(left - 0.15, 2.65 - 0.42 * row, name, align="right")
    page.text(left - 0.15, 1.05, "a sum each", MUTED, "right")
    page.text(left - 0.15, 0.55, "then, in this order:", MUTED, "right")
    sums = "((((((( dK[0] + dK[1] ) + dK[2] ) + dK[3] ) + dK[4] ) + dK[5] ) + dK[6] ) + dK[7] )"
    page.text(left + 0.12, 0.55, f"dK  =  {sums}")
    page.text(
        left,
        0.2,
        "Rounding depends on the order of additions. Here it is always the same, so the bits are.",
        MUTED,
    )
    return page


def megabytes(block: int) -> tuple[float, float, float, float]:
    """MB of a block's arrays in the documented network, for 64 pictures: its input x, the
    convolution's output z (after
    ReLU: a), the pooled y, and w, which cell of a window won, a byte each."""
    side, channels, filters = ((32, 3, 32), (15, 32, 64), (6, 64, 128))[block]
    out, pooled = side - 2, (side - 2) // 2
    x, z, y = (
        64 * 4e-6 * count for count in (side**2 * channels, out**2 * filters, pooled**2 * filters)
    )
    return x, z, y, y / 4


def block() -> Page:
    """What a fused block reads from memory, does in the caches, and writes to memory."""
    page = Page(5.3)
    x, z, y, w = megabytes(1)

    def step(left: float, middle: float, width: float, text: str, face: str = PALE_BLUE) -> None:
        height = 0.32 + 0.2 * text.count("\n")
        page.box(
            left, middle - height / 2, width, height, face, BLUE if face == PALE_BLUE else MUTED, 1
        )
        page.label(left + width / 2, middle, text)

    page.title(0.3, 5.05, "forward")
    step(0.3, 4.4, 0.75, f"x\n{x:.1f} MB", GREY)
    page.arrow(1.05, 4.4, 1.5, 4.4)
    step(1.5, 4.4, 1.7, "z = conv(x):\na few rows")
    page.arrow(3.2, 4.4, 3.65, 4.4)
    step(3.65, 4.4, 1.9, "+ bias, ReLU,\nsums for mean and\ndeviation of the row")
    page.arrow(5.55, 4.5, 6.0, 4.72)
    step(6.0, 4.75, 2.3, f"a, for backward: {z:.1f} MB", GREY)
    page.arrow(5.55, 4.3, 6.0, 4.1)
    step(6.0, 4.05, 2.3, f"winners of the windows,\nand which cell won: {y + w:.1f} MB", GREY)
    page.arrow(7.15, 3.79, 7.15, 3.53)
    step(5.6, 3.27, 2.7, "mean and deviation are known now:\ny = scale * (winners - mean) + shift")
    page.arrow(5.6, 3.27, 5.15, 3.27)
    step(4.2, 3.27, 0.95, f"y: {y:.1f} MB", GREY)

    page.line(0.3, 2.8, 8.3, 2.8, GREY, 1.5)
    page.title(0.3, 2.53, "backward")
    step(5.3, 2.53, 0.25, "", GREY)
    page.text(5.63, 2.53, "in memory")
    step(6.6, 2.53, 0.25, "")
    page.text(6.93, 2.53, "work in the caches")
    step(0.3, 1.9, 1.25, f"dy, winners:\n{2 * y:.1f} MB", GREY)
    page.arrow(1.55, 1.9, 1.95, 1.9)
    step(1.95, 1.9, 1.6, "dgamma, dbeta:\nsums over all")
    page.arrow(2.75, 1.62, 2.75, 1.32)
    step(0.3, 0.95, 1.25, f"a, dy, which\ncell won:\n{z + y + w:.1f} MB", GREY)
    page.arrow(1.55, 0.95, 1.95, 0.95)
    step(1.95, 0.95, 1.9, "dz, row by row, of\na few pictures: stays\nin the 2nd-level cache")
    page.arrow(3.85, 1.1, 4.4, 1.45)
    page.arrow(3.85, 0.8, 4.4, 0.5)
    step(4.4, 1.5, 1.9, "dkernel += x^T dz")
    step(4.4, 0.45, 1.9, "dx = dz * kernel^T")
    page.arrow(6.9, 1.5, 6.3, 1.5)
    step(6.9, 1.5, 1.4, f"x: {x:.1f} MB", GREY)
    page.arrow(6.3, 0.45, 6.9, 0.45)
    step(6.9, 0.45, 1.4, "dx, as large as x", GREY)
    return page


def megabytes_moved(number: int) -> tuple[float, float]:
    """What a training step of 64 pictures reads and writes in a block: layer by layer, and in the
    engine.

    Layer by layer: every layer reads its inputs and writes its result once, and normalisation,
    which needs mean and deviation first, reads twice. No copy of patches is counted.
    """
    x, z, y, w = megabytes(number)
    # the first block: no gradient of the pictures, and a is made again
    dx, a = (x, z) if number else (0.0, 0.0)
    # convolution, ReLU, normalisation, pooling
    forward = (x + z) + (z + z) + (z + z + z) + (z + y + w)
    backward = (y + w + z) + (2 * z + 3 * z) + 3 * z + (x + z) + (z + dx)
    engine_forward = (x + a + y + w) + (y + y)  # over all pixels, then over the winners
    engine_backward = (y + y) + (a + y + w) + (x + dx)
    return forward + backward, engine_forward + engine_backward


def traffic() -> Page:
    """Memory traffic of the documented network's three blocks, before and after."""
    page = Page(2.75)
    blocks = [megabytes_moved(number) for number in range(3)]
    left, scale = 1.1, 5.6 / blocks[0][0]
    page.title(left, 2.53, "Read and written in a training step of 64 pictures, in MB:")
    for number, (before, after) in enumerate(blocks):
        y = 1.95 - 0.62 * number
        page.text(left - 0.12, y + 0.05, f"block {number + 1}", align="right")
        for bottom, value, face, name in (
            (y + 0.05, before, ORANGE, "layer by layer"),
            (y - 0.19, after, BLUE, "engine"),
        ):
            page.box(left, bottom, value * scale, 0.21, face)
            page.text(left + value * scale + 0.08, bottom + 0.1, f"{value:.0f}  {name}")
    before, after = (sum(column) for column in zip(*blocks, strict=True))
    page.text(left, 0.25, f"together {before:.0f} MB before, {after:.0f} MB after", MUTED)
    return page


def winograd() -> Page:
    """Overlapping patches, sixteen products, and back."""
    page = Page(3.6)
    size, left, bottom = 0.26, 0.35, 1.2
    for k in range(36):
        page.box(left + k % 6 * size, bottom + k // 6 * size, size, size, GREY)
    page.frame(left, bottom + 2 * size, 4 * size, 4 * size, BLUE)
    page.frame(left + 2 * size + 0.03, bottom + 2 * size - 0.03, 4 * size, 4 * size, ORANGE, ":")
    page.label(left + 3 * size, bottom + 6 * size + 0.22, "picture: 4x4 patches,")
    page.label(left + 3 * size, bottom - 0.2, "which overlap by two")
    page.arrow(2.05, 2.0, 2.5, 2.0)
    for x, name, axis, face, edge in (
        (2.6, "V = B^T d B: only additions", "C", PALE_BLUE, BLUE),
        (4.95, "M[k] = V[k] U[k],  k < 16", "F", PALE_GREEN, GREEN),
    ):
        page.label(x + 0.75, 3.1, name, edge)
        for k in range(16):
            column, y = x + 0.4 * (k % 4), 2.55 - 0.42 * (k // 4)
            page.box(column, y, 0.28, 0.32, face, edge, 1)
            page.label(column + 0.14, y + 0.16, str(k))
        page.label(x + 0.75, 0.87, f"16 matrices\n(patches, {axis})")
    page.arrow(4.3, 2.0, 4.85, 2.0)
    page.label(4.55, 2.2, "* U", GREEN)
    page.arrow(6.6, 2.0, 7.05, 2.0)
    for k in range(16):
        face = GREY if k < 8 else PALE_BLUE if k % 4 < 2 else PALE_ORANGE
        page.box(7.15 + k % 4 * size, 1.48 + k // 4 * size, size, size, face)
    page.label(7.67, 3.0, "z = A^T M A:\nonly additions")
    page.label(7.67, 1.1, "2x2 outputs\nper patch")
    page.title(
        WIDTH / 2,
        0.3,
        "Four outputs of a 3x3 kernel: 36 multiplications as written, 16 in this way.",
        align="center",
    )
    return page


DRAWN = (addresses, tile, padding, winners, block, traffic, winograd, chunks)


def main() -> None:
    """Draw all pictures."""
    PICTURES.mkdir(exist_ok=True)
    for draw in DRAWN:
        draw().save(PICTURES / f"engine_{draw.__name__}.png")


if __name__ == "__main__":
    main()
