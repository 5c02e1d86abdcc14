"""HDF5, the container of Keras' weights, read out of files from strangers: in Python alone, nothing
but what is asked for.

    file.py         the bytes, and how many may be read in all; where the file begins
    headers.py      what the file says of an object, its messages
    links.py        what is in a group
    trees.py        B-trees, by which groups and chunks are found
    heaps.py        names and texts
    fractal.py      heaps of the newer format, where entries are many
    datatypes.py    types and shapes
    attributes.py   texts that belong to an object
    chunks.py       numbers in pieces, which may be compressed
    datasets.py     arrays
    groups.py       groups, as Keras' files are asked for what is in them

Every offset and length is compared with the file before anything is read there, and all that is
read or kept, numbers aside, is counted against a bound: so nothing leads out of the file or round
in circles, and a small file stays small.

All is read that h5py writes of numbers and texts, but for chunks of libver="latest" and its
attributes and names of more than 4 kB. Left out too, each with a message that names it: filters
but deflate and shuffle, types that are stored once for many objects, offsets of other than 8 bytes.
The sums of the newer format are not compared: the bounds hold whatever the bytes are.

Source: HDF5 File Format Specification, version 3.0, whose sections the files name.
"""

from minicnn.saving.hdf5.datasets import Dataset
from minicnn.saving.hdf5.file import SPARE, failing
from minicnn.saving.hdf5.groups import Group, opened

__all__ = ["SPARE", "Dataset", "Group", "failing", "opened"]
