"""Data to train on: your own pictures, a look at a data set, and its division into parts."""

from minicnn.data.describe import Description, describe
from minicnn.data.fitting import fit_image
from minicnn.data.folder import Folder, from_directory, usual_size
from minicnn.data.image import read_image
from minicnn.data.split import split
from minicnn.errors import ImageError

__all__ = [
    "Description",
    "Folder",
    "ImageError",
    "describe",
    "fit_image",
    "from_directory",
    "read_image",
    "split",
    "usual_size",
]
