"""What a model says to one's own pictures.

Sequential has predict_image as a method of the same name.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minicnn.errors import ImageError
from minicnn.names import known_arguments
from minicnn.network import Network
from minicnn.network.ending import class_probabilities
from minicnn.wording import percent

if TYPE_CHECKING:
    from minicnn.data.image import Source

CONFIDENT = 0.5  # the probability from which on a prediction counts as confident
# how bright red, green and blue look: ITU-R BT.601, as in Pillow and Keras
GREY = np.array([299, 587, 114]) / 1000


@dataclass(frozen=True, eq=False)
class ImagePrediction:
    """The most probable classes of one picture, and the picture as the model saw it."""

    classes: list[str]  # the most probable first
    probabilities: list[float]
    seen: NDArray[np.uint8]  # (H, W, 3)
    known: int  # how many classes the model knows

    @property
    def confident(self) -> bool:
        """Whether the first class has a probability of at least CONFIDENT."""
        return self.probabilities[0] >= CONFIDENT

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; the picture left out."""
        return {
            "classes": self.classes,
            "probabilities": self.probabilities,
            "confident": self.confident,
        }

    def to_text(self) -> str:
        """A line per class, and what to think of it."""
        width = max(map(len, self.classes))
        rows = zip(self.classes, self.probabilities, strict=True)
        lines = [f"{name:<{width}}  {percent(probability):>7}" for name, probability in rows]
        if not self.confident:
            lines.append(f"Low confidence: no class reaches {percent(CONFIDENT, 0)}.")
        lines.append(
            f"The model knows {self.known} classes and chooses among them whatever the picture "
            "shows."
        )
        return "\n".join(lines)


@known_arguments
def predict_image(model: Network, image: "Source", top: int = 3) -> ImagePrediction:
    """The `top` most probable classes of a picture from anywhere.

    The picture is read as `data.read_image` does, cut and scaled to the model's input as
    `data.fit_image` does, made grey for a model of one channel, and handed over as levels 0 ...
    255: what else the model needs, such as Rescaling(1 / 255), belongs in its layers. The names are
        `model.class_names`, or else the numbers of the classes.

    Args:
        image: a path, an open file, bytes, a Pillow image, or an array; see `data.read_image`.

    Raises ImageError for what cannot be read; ValueError for a model that takes no pictures, and
    for top below 1.
    """
    # costs 50 ms, for Pillow, and only who predicts pictures needs it
    from minicnn.data.image import (
        read_fitted,
    )

    return _predicted(model, read_fitted(image, _picture_size(model))[None], top)[0]


def predict_images(
    model: Network, paths: Iterable[str | os.PathLike[str]], top: int = 3
) -> tuple[dict[str, ImagePrediction], dict[str, ImageError]]:
    """The predictions of many pictures, by path, and the errors of those that cannot be read, by
    path.

    A folder stands for the files in it and its subfolders. Raises ValueError as predict_image does.
    """
    from minicnn.data.folder import image_files
    from minicnn.data.image import read_fitted

    size = _picture_size(model)
    seen: dict[str, NDArray[np.uint8]] = {}
    errors: dict[str, ImageError] = {}
    for path in map(Path, paths):
        for file in image_files(path) if path.is_dir() else [path]:
            try:
                seen[str(file)] = read_fitted(file, size)
            except ImageError as error:
                errors[str(file)] = error
    predictions = _predicted(model, np.stack(list(seen.values())), top) if seen else []
    return dict(zip(seen, predictions, strict=True)), errors


def picture_for(model: Network, image: "Source") -> NDArray[np.uint8]:
    """A picture from anywhere as predict_image hands it to the model: levels (H, W, C).

    Raises ImageError for what cannot be read; ValueError for a model that takes no pictures.
    """
    from minicnn.data.image import read_fitted

    return _with_channels(model, read_fitted(image, _picture_size(model)))


def _with_channels(model: Network, seen: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (..., H, W, 3) in colour, or grey (..., H, W, 1) for a model of one channel."""
    if model.input_shape[-1] == 1:
        return np.rint(seen @ GREY).astype(np.uint8)[..., None]
    return seen


def _picture_size(model: Network) -> tuple[int, int]:
    """Height and width of the pictures that the model takes."""
    match model.input_shape:
        case (None, int(height), int(width), 1 | 3):
            return height, width
    raise ValueError(
        "predict_image expected a model built for pictures (None, H, W, 3) or (None, H, W, 1), "
        "received "
        f"{model.name!r} with input shape {model.input_shape}: begin it with Input((32, 32, 3)), "
        "for example"
    )


def _predicted(model: Network, seen: NDArray[np.uint8], top: int) -> list[ImagePrediction]:
    if top < 1:
        raise ValueError(f"predict_image expected top of at least 1, received {top!r}")
    x = _with_channels(model, seen)
    if x.shape[-1] == 1:
        seen = x.repeat(3, axis=-1)
    probabilities = class_probabilities(model.predict(x), model.ends_in, "predict_image")
    names = model.class_names or [str(k) for k in range(probabilities.shape[1])]
    if len(names) != probabilities.shape[1]:
        raise ValueError(
            f"predict_image expected a class name for each of the {probabilities.shape[1]} outputs "
            f"of {model.name!r}, received {len(names)}: correct its class_names"
        )
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        ImagePrediction(
            [names[k] for k in order], [float(row[k]) for k in order], picture, len(row)
        )
        for order, row, picture in zip(best, probabilities, seen, strict=True)
    ]
