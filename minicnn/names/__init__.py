"""What is said to users who type a name that is not there: misspelt, or Keras'.

A name can be missing among arguments, attributes and in modules, and as a word: each has a file.
What is said of Keras' names is in tables, keras_*.py.
"""

from minicnn.names.arguments import known_arguments
from minicnn.names.attributes import KerasNames
from minicnn.names.modules import missing_from
from minicnn.names.words import instead

__all__ = ["KerasNames", "instead", "known_arguments", "missing_from"]
