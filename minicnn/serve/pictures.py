"""The bytes of picture files, as what a model takes."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from minicnn.data import limits as data_limits
from minicnn.data.image import read_fitted
from minicnn.errors import ImageError
from minicnn.models.pictures import GREY
from minicnn.serve.limits import Limits
from minicnn.serve.problems import Problem

ADVICE = ", or raise minicnn."  # for those who run the program, not for those who ask a server


def prepare(limits: Limits) -> None:
    """Let pictures have so many pixels, in this process, and let Pillow load what it needs for the
    first one.
    """
    data_limits.MAX_PIXELS = limits.pixels
    for kind in ("JPEG", "PNG"):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, kind)
        read_fitted(file.getvalue(), (8, 8))


def decoded(files: list[bytes], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Pictures (n, H, W, C) out of n files, as `predict_image` sees them: upright, cut and scaled
    to the model's size, levels 0 ... 255.

    Raises Problem for what is no picture, or would cost too much.
    """
    height, width, channels = shape
    x = np.empty((len(files), height, width, channels), np.float32)
    for number, data in enumerate(files):
        try:
            seen = read_fitted(data, (height, width))
        except ImageError as error:
            name = f"picture {number + 1}" if len(files) > 1 else "the picture"
            sentence = str(error).partition(ADVICE)[0].replace("the picture", name, 1)
            raise Problem(400, sentence) from None
        x[number] = np.rint(seen @ GREY)[..., None] if channels == 1 else seen
    return x
