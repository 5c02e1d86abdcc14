"""Draws the pictures of docs/augmentation.md.

    MINICNN_DATA=cifar-10-python.tar.gz python docs/make_augmentation_pictures.py

Without CIFAR-10, with drawn shapes instead of photographs.
"""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from minicnn import datasets, layers, transforms, utils
from minicnn.errors import DataError
from minicnn.layers.augmentation.geometric import composed
from minicnn.plots.augmentation import augmentation_preview
from minicnn.plots.base import HEADER, MARGIN, Plot, new_figure
from minicnn.plots.grid import CELL, cell_height, draw_grid

PICTURES = Path(__file__).resolve().parent / "pictures"
HORSE, SHOWN = 7, (7, 4, 1, 9, 0, 5)  # numbers of training pictures
Array = np.ndarray


def photographs() -> tuple[Array, Array]:
    """The first training pictures and their labels."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of a tarball that is not Toronto's
            (x, y), _ = datasets.cifar10.load_data(offline=True)
    except DataError:
        (x, y), _ = datasets.shapes.load_data(train=100, test=1)
    return x[:100], y[:100]


def preview(x: Array) -> Plot:
    """The layers of the page's first example."""
    pipeline = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)]
    return augmentation_preview(pipeline, x[HORSE])


def row(pictures: Array, captions: list[str], title: str, subtitle: str) -> Plot:
    """Pictures side by side, which show no data."""
    width, height = CELL * len(pictures) + 2 * MARGIN, HEADER + cell_height(pictures, captions)
    figure = new_figure(width, height, title, subtitle)
    draw_grid(figure, pictures, captions, len(pictures))
    return Plot(figure, {}, "")


def to_bytes(pictures: Array) -> Array:
    return np.round(pictures).clip(0, 255).astype(np.uint8)


def built(layer: layers.Layer, x: Array) -> layers.Layer:
    layer.build(x.shape[1:], np.random.default_rng(0))
    return layer


def once(x: Array) -> Plot:
    """Four layers as one step, and one after the other."""
    picture = x[HORSE][None]
    how = [
        layers.RandomRotation((0.06, 0.06)),
        layers.RandomTranslation((0.017, 0.017), (0.017, 0.017)),
        layers.RandomZoom((-0.07, -0.07)),
        layers.RandomRotation((-0.04, -0.04)),
    ]
    several = picture
    for layer in how:
        several = built(layer, picture).forward(several, training=True)
    (step,) = composed(how)
    together = step.forward(picture, training=True)
    shown = to_bytes(np.concatenate([picture, together, several]))
    captions = ["as it is", "minicnn:\nresampled once", "one by one:\nfour times"]
    return row(
        shown,
        captions,
        "Turned, shifted, zoomed, turned",
        "Interpolating what was interpolated blurs",
    )


def filled(x: Array) -> Plot:
    """A picture shrunk to half, in each way to fill what lies around it."""
    picture = x[HORSE][None]
    shown = [picture]
    modes = ["reflect", "constant", "nearest", "wrap"]
    for mode in modes:
        layer = layers.RandomZoom((0.9, 0.9), fill_mode=mode, fill_value=255)
        shown.append(built(layer, picture).forward(picture, training=True))
    captions = ["as it is", *modes]
    return row(
        to_bytes(np.concatenate(shown)),
        captions,
        "fill_mode",
        "RandomZoom((0.9, 0.9)): what lies beyond the edge",
    )


def mixed(x: Array, y: Array) -> Plot:
    """Six pictures, and what MixUp and CutMix make of them and of their labels."""
    x, y = x[list(SHOWN)], utils.to_categorical(y[list(SHOWN)], 10)
    blended, shares = transforms.MixUp(1.0)(x, y, 0, np.arange(6), seed=3)
    pasted, areas = transforms.CutMix()(x, y, 0, np.arange(6), seed=6)
    shown = np.concatenate([x, to_bytes(blended), pasted])
    captions = [in_words(label) for labels in (y, shares, areas) for label in labels]
    figure = new_figure(
        CELL * 6 + 2 * MARGIN,
        HEADER + 3 * cell_height(shown, captions),
        "MixUp and CutMix",
        "Six pictures as they are, blended, and pasted into each other, with their labels",
    )
    draw_grid(figure, shown, captions, 6)
    return Plot(figure, {}, "")


def in_words(label: Array) -> str:
    """The classes of a label, each on a line with its share."""
    names = datasets.cifar10.CLASS_NAMES
    return "\n".join(
        f"{label[k]:.0%} {names[k]}"
        for k in np.argsort(-label, kind="stable")[:2]
        if label[k] > 0.005
    )


def main() -> None:
    """Draw all pictures, in 256 colours."""
    x, y = photographs()
    for name, plot in (
        ("preview", preview(x)),
        ("once", once(x)),
        ("filled", filled(x)),
        ("mixed", mixed(x, y)),
    ):
        path = PICTURES / f"augmentation_{name}.png"
        few = (
            Image.open(plot.save(path, dpi=110))
            .convert("RGB")
            .quantize(256, kmeans=3, dither=Image.Dither.NONE)
        )
        few.save(path, optimize=True)


if __name__ == "__main__":
    main()
