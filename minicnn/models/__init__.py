"""Models and how to load one: the names that Keras keeps under `keras.models`.

model.py            the model of layers in any arrangement
sequential.py       the model in which each layer feeds the next
loading.py          a model out of its file
transfer.py         a model that shall name something else
compiling.py        how a model is to be trained
describing.py       what a model says of itself, as values and as text
config.py           models made of that, and like others
pictures.py         what a model says to one's own pictures
zoo/                networks that are known by name: minicnn.applications
"""

from minicnn.models.config import clone_model, model_from_config, model_from_json
from minicnn.models.loading import load_model
from minicnn.models.model import Model
from minicnn.models.sequential import Sequential
from minicnn.names import missing_from

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_config",
    "model_from_json",
]

__getattr__ = missing_from(__name__, "models", __all__)
