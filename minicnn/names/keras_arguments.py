"""Arguments that Keras has or had and minicnn has not: owner -> argument -> (values that ask for
nothing, advice).

The owner is a class, whose subclasses have the arguments too, or a function or method. Keras'
default is always among the values that ask for nothing. ANY value does where the argument concerns
what is not there to be chosen.
"""

from minicnn.names.asks_for_nothing import Arguments
from minicnn.names.keras_data_arguments import DATA
from minicnn.names.keras_layer_arguments import LAYERS
from minicnn.names.keras_training_arguments import TRAINING

ARGUMENTS: dict[str, Arguments] = LAYERS | TRAINING | DATA
