"""Names that Keras' modules have, or once had, and minicnn's have not: module -> [(names, what to
use instead)].

A class and the string that names it, BinaryCrossentropy and "binary_crossentropy", are one word
here.
"""

from minicnn.names.keras_applications import APPLICATIONS
from minicnn.names.keras_backend import BACKEND
from minicnn.names.keras_data import DATA
from minicnn.names.keras_package import PACKAGE
from minicnn.names.keras_training import TRAINING

NAMES: dict[str, list[tuple[str, str]]] = PACKAGE | TRAINING | DATA | APPLICATIONS | BACKEND
