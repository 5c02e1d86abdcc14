"""Files of Keras, opened and written: .keras, .weights.h5, and .h5 of every Keras since 2.

    archive.py              the ZIP around HDF5, which saving/hdf5 reads and h5py writes
    layers.py, words.py     the vocabulary: layers, their arguments, and the values of these
    joints.py               which layer takes what
    operations.py           arithmetic between layers
    architecture.py         all of a model's layers, in minicnn's words
    parts.py, arrays.py     the weights, and where they are
    compiling.py, memory.py how the model is trained, and what its optimizer remembers
    reading.py, source.py   what load_model takes
    telling.py, training.py layers and training in Keras' words
    writing.py              what export writes

docs/files.md says what opens and what does not.
"""

from minicnn.saving.keras.reading import reading, weights
from minicnn.saving.keras.writing import write

__all__ = ["reading", "weights", "write"]
