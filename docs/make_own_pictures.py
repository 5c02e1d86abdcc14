"""Draws the pictures of docs/your_own_pictures.md: `python docs/make_own_pictures.py`.

A scene that is drawn stands for a photograph: it has what photographs have, detail much finer than
32 x 32 pixels.
"""

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from minicnn import data

PICTURES = Path(__file__).resolve().parent / "pictures"
INK, HAIRLINE = "#1F2328", "#D1D9E0"
SIZE = (32, 32)


def scene(width: int = 1200, height: int = 800) -> Image.Image:
    """A striped sail on a rippled sea."""
    y, x = np.mgrid[0:height, 0:width]
    sky = np.stack([150 + 70 * y / height, 190 + 40 * y / height, np.full_like(y, 235)], axis=2)
    ripples = 18 * np.sin(x / 9 + 6 * np.sin(y / 23)) * np.sin(y / 4)
    sea = np.stack([20 + ripples, 90 + ripples, 140 + ripples], axis=2)
    picture = Image.fromarray(
        np.clip(np.where((y > 0.68 * height)[..., None], sea, sky), 0, 255).astype(np.uint8)
    )
    pen = ImageDraw.Draw(picture)
    pen.polygon([(430, 560), (820, 560), (760, 640), (490, 640)], "#5B2C1B")
    pen.line([(620, 560), (620, 110)], "#3A2A20", 12)
    # the sail: thin stripes, which alias when single pixels are picked
    for stripe in range(120, 530, 16):
        ends = [(632, stripe), (632 + 0.45 * (stripe - 110), stripe)]
        pen.line(ends, "#C8102E" if stripe // 16 % 2 else "#FFFFFF", 16)
    pen.ellipse([(960, 90), (1060, 190)], "#FFE08A")
    return picture


def upright_phone(picture: Image.Image) -> tuple[str, bytes]:
    """A photograph as a phone stores it that was held upright: turned, with a note in Exif."""
    exif = Image.Exif()
    exif[274] = 6
    turned = picture.crop((350, 0, 950, 800)).transpose(Image.Transpose.ROTATE_90)
    return "A phone held upright\n(orientation in Exif)", written(
        turned, "JPEG", exif=exif, quality=92
    )


def cut_out(picture: Image.Image) -> tuple[str, bytes]:
    """A drawing on a transparent ground, beneath which its program has left black."""
    mask = Image.new("L", picture.size)
    pen = ImageDraw.Draw(mask)
    pen.polygon([(430, 560), (820, 560), (760, 640), (490, 640)], 255)
    pen.polygon([(612, 110), (632, 110), (826, 545), (632, 545), (632, 560), (612, 560)], 255)
    black = Image.composite(picture, Image.new("RGB", picture.size), mask)
    black.putalpha(mask)
    return "Transparent ground\n(PNG with alpha)", written(black.crop((250, 50, 950, 700)), "PNG")


def sixteen_bits(picture: Image.Image) -> tuple[str, bytes]:
    """Greyscale with 65,536 levels, as scanners and microscopes write it."""
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    return "16-bit greyscale\n(PNG)", written(Image.fromarray(grey), "PNG")


def written(picture: Image.Image, form: str, **options: object) -> bytes:
    """A file's bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def plainly(file: bytes) -> np.ndarray:
    """What the two usual lines of code make of it: convert, and resize by picking pixels."""
    return np.asarray(
        Image.open(io.BytesIO(file)).convert("RGB").resize(SIZE[::-1], Image.Resampling.NEAREST)
    )


def own_pictures() -> Figure:
    """Four files, what the usual lines make of them, and what a model sees here."""
    photograph = scene()
    files = [
        ("A photograph, 1200 x 800\n(JPEG)", written(photograph, "JPEG", quality=92)),
        upright_phone(photograph),
        cut_out(photograph),
        sixteen_bits(photograph),
    ]
    figure = Figure(figsize=(8.6, 6.8), facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        3, len(files), gridspec_kw={"hspace": 0.06, "wspace": 0.06, "height_ratios": [1.15, 1, 1]}
    )
    figure.subplots_adjust(left=0.15, right=0.99, top=0.93, bottom=0.01)
    rows = ["The picture", 'convert("RGB"),\nresize, nearest', "What the\nmodel sees"]
    for axes, (title, file) in zip(grid.T, files, strict=True):
        shown = data.read_image(file)
        for place, picture in zip(
            axes, (shown, plainly(file), data.fit_image(shown, SIZE)), strict=True
        ):
            place.imshow(picture, interpolation="antialiased" if picture is shown else "nearest")
            place.set(xticks=[], yticks=[])
            place.spines[:].set_color(HAIRLINE)
        column = axes[1].get_position()
        figure.text(
            (column.x0 + column.x1) / 2, 0.985, title, ha="center", va="top", fontsize=9, color=INK
        )
    for axes, text in zip(grid[:, 0], rows, strict=True):
        axes.set_ylabel(
            text, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=8
        )
    return figure


if __name__ == "__main__":
    own_pictures().savefig(PICTURES / "own_pictures.png", dpi=110)
