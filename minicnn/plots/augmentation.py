"""What augmentation does to a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minicnn.expect import array
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.layers.augmentation.geometric import composed
from minicnn.layers.base import Layer
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.plots.base import HEADER, MARGIN, Plot, checked_pictures, new_figure, table
from minicnn.plots.grid import CELL, cell_height, draw_grid

COLUMNS = 6


@known_arguments
def augmentation_preview(
    pipeline: Network | Layer | Sequence[Layer],
    image: ArrayLike,
    variants: int = 11,
    *,
    seed: int = 0,
    title: str = "Augmentation",
) -> Plot:
    """Draw one picture as it is, and in ways that training sees it.

    Args:
        pipeline: a layer, several, or a model: its layers up to the last that draws at random. They
            are copied, so that looking at them changes nothing.
        image: (H, W, C), uint8, or floats from 0 to 1.
        variants: how many to draw.
        seed: of the draws.

    Returns a Plot; `data` has "original" (H, W, C) and "variants" (n, H, W, C), floats in the range
    of the pipeline.

    Raises ValueError for a picture of another form, or when no layer draws at random.
    """
    pictures = checked_pictures(
        "augmentation_preview", array(image, "one picture", "augmentation_preview")[None]
    )
    layers = _copies(pipeline, pictures.shape[1:], seed)
    original, changed = pictures, np.repeat(pictures, variants, axis=0)
    for step in composed(layers):
        original, changed = step.forward(original), step.forward(changed, training=True)
    shown = np.concatenate([original, changed])
    shown = np.round(shown).clip(0, 255).astype(np.uint8) if shown.max() > 1 else shown.clip(0, 1)
    captions = ["as it is", *map(str, range(1, variants + 1))]
    rows = -(-len(shown) // COLUMNS)
    names = ", ".join(type(layer).__name__ for layer in layers)
    figure = new_figure(
        CELL * COLUMNS + 2 * MARGIN, HEADER + rows * cell_height(shown, captions), title, names
    )
    draw_grid(figure, shown, captions, COLUMNS)
    difference = np.abs(changed - original).mean(axis=(1, 2, 3))
    lines: list[tuple[Any, ...]] = [
        ("variant", "mean", "mean difference"),
        ("as it is", f"{original.mean():.4g}", ""),
    ]
    for number, (picture, value) in enumerate(zip(changed, difference, strict=True), 1):
        lines.append((number, f"{picture.mean():.4g}", f"{value:.4g}"))
    data = {"layers": names, "original": original[0], "variants": changed.copy()}
    return Plot(figure, data, f"{title}: {names}\n{table(*lines)}")


def _copies(
    pipeline: Network | Layer | Sequence[Layer], shape: tuple[int, ...], seed: int
) -> list[Layer]:
    """The pipeline's layers anew, up to the last that draws at random, built for pictures of that
    shape.
    """
    given = way_in(pipeline) if isinstance(pipeline, Network) else pipeline
    given = [given] if isinstance(given, Layer) else given
    last = max(
        (place for place, layer in enumerate(given) if isinstance(layer, RandomLayer)), default=-1
    )
    if last < 0:
        raise ValueError(
            "augmentation_preview expected a layer that draws at random, such as RandomFlip(), "
            f"received {pipeline!r}"
        )
    layers = [layer.clone() for layer in given[: last + 1]]
    for number, layer in enumerate(layers):
        shape = layer.build(shape, np.random.default_rng([seed, number]))
    return layers


def way_in(model: Network) -> Sequence[Layer]:
    """The layers from a model's input to the last that draws at random, also in models inside."""
    if not model.built:
        return list(model.leaves.values())
    calls = model.program().calls
    makers = {call.writes: call for call in calls}
    call = next((call for call in reversed(calls) if isinstance(call.layer, RandomLayer)), None)
    way: list[Layer] = []
    while call is not None:
        way.insert(0, call.layer)
        if call.layer.takes_several:
            raise ValueError(
                f"augmentation_preview expected one way from a picture to {way[-1]}, received "
                f"{call.layer}"
            )
        call = makers.get(call.reads[0])
    return way
