"""Files of Keras, opened and written: .keras, .weights.h5, and .h5 of every Keras since 2.

    hdf5.py, archive.py     the containers: HDF5, and the ZIP around it
    layers.py, words.py     the vocabulary: layers, their arguments, and the values of these
    joints.py               which layer takes what
    operations.py           arithmetic between layers
    architecture.py         all of a model's layers, in minicnn's words
    parts.py, arrays.py     the weights, and where they are
    compiling.py, memory.py how the model is trained, and what its optimizer remembers
    source.py               what load_model takes
    writing.py              the way back

docs/files.md says what opens and what does not.
"""

from minicnn.saving.keras.reading import reading, weights

__all__ = ["reading", "weights"]
