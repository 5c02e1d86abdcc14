"""What is said to users who type a name that is not there: misspelt, or Keras'.

A name can be missing among arguments, attributes, modules and in them, and as a word: each has a
file.
What is said of Keras' names is in tables, keras_*.py.
"""

import sys

from minicnn.names.arguments import known_arguments
from minicnn.names.attributes import KerasNames
from minicnn.names.imports import NotFound
from minicnn.names.modules import missing_from
from minicnn.names.words import instead

sys.meta_path.append(NotFound())

__all__ = ["KerasNames", "instead", "known_arguments", "missing_from"]
