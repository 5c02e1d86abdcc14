"""Draws the pictures of docs/first_steps.md and docs/three_layers.md: `python
docs/make_first_pictures.py`.

Lengths are inches, y goes upwards, as in make_pictures.py. All numbers shown are computed here.
"""

import numpy as np
from make_pictures import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PALE_BLUE,
    PALE_ORANGE,
    PICTURES,
    Page,
)

CELL = 0.36  # of a grid of numbers
PICTURE = np.array(
    [[0, 0, 1, 2, 2], [0, 0, 1, 2, 2], [0, 0, 1, 2, 2], [0, 1, 2, 2, 2], [1, 2, 2, 2, 2]]
)
KERNEL = np.array([[-1, 0, 1]] * 3)  # answers to an edge between dark, on the left, and bright


def grid(
    page: Page, left: float, top: float, numbers: np.ndarray, faces: dict[tuple[int, int], str]
) -> None:
    """Numbers in cells, of which some have a colour."""
    for (i, j), number in np.ndenumerate(numbers):
        x, y = left + CELL * j, top - CELL * (i + 1)
        page.box(x, y, CELL, CELL, faces.get((i, j), GREY), line=1.2)
        page.label(x + CELL / 2, y + CELL / 2, f"{number:g}")


def block(rows: range, columns: range, face: str) -> dict[tuple[int, int], str]:
    """One colour for the cells of some rows and columns."""
    return {(i, j): face for i in rows for j in columns}


def convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """y[i, j] = sum of x's patch at (i, j) times the kernel, number by number."""
    side = len(x) - len(kernel) + 1
    patches = [[x[i : i + 3, j : j + 3] for j in range(side)] for i in range(side)]
    return np.array([[(patch * kernel).sum() for patch in row] for row in patches])


def convolution() -> Page:
    """A patch, the kernel, and the one number that they make."""
    page, top = Page(2.75), 2.2
    y = convolved(PICTURE, KERNEL)
    page.title(0.1, 2.55, "A convolution looks for one small pattern everywhere")
    grid(page, 0.1, top, PICTURE, block(range(3), range(1, 4), PALE_BLUE))
    page.frame(0.1 + CELL, top - 3 * CELL, 3 * CELL, 3 * CELL, BLUE)
    page.text(0.1, 0.15, "picture x, one channel (5, 5)", MUTED)
    page.text(2.2, top - 1.5 * CELL, "times", MUTED)
    grid(page, 2.75, top, KERNEL, block(range(3), range(3), PALE_ORANGE))
    page.text(2.75, 0.85, "kernel (3, 3), learnt", MUTED)
    page.text(4.1, top - 1.5 * CELL, "added up", MUTED)
    page.arrow(4.1, top - 1.9 * CELL, 4.75, top - 1.9 * CELL)
    grid(page, 5.0, top, y, {(0, 1): PALE_BLUE})
    page.frame(5.0 + CELL, top - CELL, CELL, CELL, BLUE)
    page.text(5.0, 0.85, "output y (3, 3)", MUTED)
    page.text(6.3, top - 0.5 * CELL, f"y[0, 1] = {y[0, 1]}: dark on the left,", INK)
    page.text(6.3, top - 1.0 * CELL, "bright on the right", INK)
    return page


def training() -> Page:
    """Gradient steps down a loss, and the two curves of a training that goes on too long."""
    page = Page(2.9)
    page.title(0.1, 2.7, "A gradient step: against the slope")
    page.title(4.6, 2.7, "Overfitting: better on what it has seen only")
    weights = np.linspace(-1.4, 1.4, 100)
    place = lambda w: (1.9 + 1.1 * w, 0.55 + 0.8 * w**2)  # noqa: E731
    page.axes.plot(*place(weights), color=BLUE, linewidth=2)
    w = -1.3
    for _ in range(4):
        after = w - 0.3 * 2 * w  # learning rate times the slope of w^2
        page.arrow(*place(w), *place(after), ORANGE, bend=0.25)
        page.axes.plot(*place(w), "o", color=ORANGE, markersize=5)
        w = after
    page.axes.plot(*place(w), "o", color=ORANGE, markersize=5)
    page.text(1.9, 0.3, "a weight", MUTED, "center")
    page.text(0.1, 2.4, "loss", MUTED)
    epochs = np.linspace(0, 1, 100)
    training, validation = (
        1.3 * np.exp(-3 * epochs) + 0.15,
        1.2 * np.exp(-5 * epochs) + 0.35 + 0.55 * epochs**1.5,
    )
    page.axes.plot(4.8 + 2.6 * epochs, 0.6 + training, color=BLUE, linewidth=2, linestyle="--")
    page.axes.plot(4.8 + 2.6 * epochs, 0.6 + validation, color=ORANGE, linewidth=2)
    best = validation.argmin()
    page.axes.plot(4.8 + 2.6 * epochs[best], 0.6 + validation[best], "o", color=GREEN, markersize=7)
    page.text(4.8 + 2.6 * epochs[best], 1.5, "stop here", GREEN, "center")
    page.text(7.5, 0.6 + training[-1], "training", BLUE)
    page.text(7.5, 0.6 + validation[-1], "validation", ORANGE)
    page.text(6.1, 0.3, "epochs", MUTED, "center")
    page.text(4.6, 2.4, "loss", MUTED)
    return page


def backward() -> Page:
    """Where the gradient of one output goes, and where the gradient of one input comes from."""
    page, top = Page(3.35), 2.6
    page.title(0.1, 3.15, "One gradient of the output goes to its patch ...")
    page.title(4.5, 3.15, "... so each input collects from all patches it is in")
    dy = np.array([[0, 0, 0], [0, 2, 0], [0, 0, 0]])
    kernel = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    dx = np.zeros((5, 5), int)
    dx[1:4, 1:4] += dy[1, 1] * kernel
    grid(page, 0.1, top, dy, {(1, 1): PALE_ORANGE})
    page.text(0.1, top + 0.17, "dy (3, 3)", MUTED)
    page.arrow(1.25, top - 1.5 * CELL, 1.75, top - 1.5 * CELL)
    page.label(1.5, top - 0.8 * CELL, "times\nkernel", MUTED)
    grid(page, 1.9, top, dx, block(range(1, 4), range(1, 4), PALE_ORANGE))
    page.text(1.9, top + 0.17, "its share of dx (5, 5)", MUTED)
    page.frame(1.9 + CELL, top - 4 * CELL, 3 * CELL, 3 * CELL, ORANGE)
    grid(page, 4.5, top, np.arange(1, 10).reshape(3, 3), block(range(2), range(1, 3), PALE_BLUE))
    page.text(4.5, top + 0.17, "dy (3, 3)", MUTED)
    page.arrow(5.65, top - 1.5 * CELL, 6.15, top - 1.5 * CELL)
    total = np.zeros((5, 5), int)
    for i, j in np.ndindex(3, 3):
        total[i : i + 3, j : j + 3] += (1 + 3 * i + j) * kernel
    grid(page, 6.3, top, total, {(1, 3): PALE_BLUE})
    page.frame(6.3 + 3 * CELL, top - 2 * CELL, CELL, CELL, BLUE)
    page.text(6.3, top + 0.17, "dx (5, 5)", MUTED)
    terms = [(2, 0, 1), (3, 0, 2), (5, 1, 1), (6, 1, 2)]
    said = " + ".join(f"{value}·{kernel[1 - i, 3 - j]}" for value, i, j in terms)
    page.text(4.5, 0.45, f"dx[1, 3] = {said} = {total[1, 3]}", INK)
    page.text(0.1, 0.45, "kernel = 1 2 3 / 4 5 6 / 7 8 9", INK)
    page.text(0.1, 0.2, "dx[i + kh, j + kw] += dy[i, j] * kernel[kh, kw]", MUTED)
    return page


if __name__ == "__main__":
    convolution().save(PICTURES / "first_convolution.png")
    training().save(PICTURES / "first_training.png")
    backward().save(PICTURES / "convolution_backward.png")
