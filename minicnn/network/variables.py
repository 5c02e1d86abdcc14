"""A network's weights by Keras' names, in Keras' order."""

from minicnn.layers.variable import Variable
from minicnn.network.graph import Graph


class Variables(Graph):
    """The part of every network that lists the weights of its layers, those of models inside too,
    each once.
    """

    @property
    def weights(self) -> list[Variable]:
        """All of them, layer by layer, as get_weights."""
        return [weight for layer in self.leaves.values() for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those that training changes."""
        return [weight for weight in self.weights if weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Moving averages, and the weights of frozen layers."""
        return [weight for weight in self.weights if not weight.trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights
