"""Which channels every layer of a network reads and makes.

A channel is a place on the last axis of a value: filter 3 of a convolution makes channel 3 of its
map. Normalisation, activation and pooling hand it on, Flatten lays it out once for every cell,
Concatenate moves it, Add makes it one with another. What nobody knows how to make smaller keeps all
that it reads.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from minicnn import layers
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.layers.base import Layer
from minicnn.layers.elementwise import Elementwise
from minicnn.layers.log_softmax import LogSoftmax
from minicnn.network import Network
from minicnn.network.graph import Call
from minicnn.pruning.channels import Channels
from minicnn.types import Array, Shape

CONVOLUTIONS = (layers.Conv2D, layers.SeparableConv2D, layers.Conv2DTranspose)
MAKERS = (*CONVOLUTIONS, layers.Dense)  # whose filters or units are channels of their own
# what computes every number by itself, or with weights of its channel alone
BY_NUMBER = (
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.GELU, Elementwise),
    *(layers.PReLU, layers.BatchNormalization, layers.Rescaling),
)
# what keeps, moves, drops or mixes the cells of a map, and does so with every channel alike
BY_CELL = (
    *(layers.MaxPooling2D, layers.AveragePooling2D, layers.UpSampling2D, layers.Resizing),
    *(layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D, layers.SpatialDropout2D),
    *(layers.ZeroPadding2D, layers.Cropping2D, layers.CenterCrop, layers.Identity),
    *(layers.Dropout, layers.GaussianDropout, layers.GaussianNoise),
)
# those that lay numbers out in another form
LAYING_OUT = (layers.Flatten, layers.Reshape)
MERGES = (
    *(layers.Add, layers.Subtract, layers.Multiply, layers.Average),
    *(layers.Maximum, layers.Minimum),
)


class Wiring:
    """The channels of all values of a network, models inside written out.

    Attributes:
        channels: which are one, and which must stay.
        program: the network's.
        values: of every value of the program, the channels on its last axis.
        made: by the id of a layer, the channels that its filters or units are.
        makers: those layers, each once, in the order of running.
        read: by the id of a layer that is called once, the channels that it reads.
    """

    def __init__(self, network: Network):
        self.channels, self.program = Channels(), network.program()
        self.values: list[Array] = []
        self.made: dict[int, Array] = {}
        self.makers: list[Layer] = []
        self.read: dict[int, Array] = {}
        called = Counter(id(call.layer) for call in self.program.calls)
        self._repeated = {layer for layer, times in called.items() if times > 1}
        self._at_doors = set(behind_doors(network))
        for node in network.inputs:
            self.values.append(self._staying(node.sample_shape[-1], "it is the network's input"))
        for call in self.program.calls:
            self.values.append(self._outcome(call))
        for n in self.program.outputs:
            self.channels.stay(self.values[n], "the network gives it as its output")

    def _staying(self, number: int, why: str) -> Array:
        made = self.channels.new(number)
        self.channels.stay(made, why)
        return made

    def _outcome(self, call: Call) -> Array:
        """The channels of what a call makes."""
        layer, given = call.layer, [self.values[n] for n in call.reads]
        if why := self._keeps(call):
            for one in given:
                self.channels.stay(one, f"{layer} {why}")
        self.read.setdefault(id(layer), given[0])
        if type(layer) in MAKERS:
            return self._made(layer)
        if type(layer) is layers.DepthwiseConv2D:
            return np.repeat(given[0], layer.depth_multiplier)
        if type(layer) in LAYING_OUT:
            return self._laid_out(call, given[0])
        if type(layer) in MERGES:
            return self._merged(call, given)
        if type(layer) is layers.Concatenate and not why:
            return np.concatenate(given)
        if is_by_number(layer) or is_by_cell(layer) or _keeps_channels_last(layer):
            return given[0]
        why = f"{layer} reads all channels together"
        for one in given:
            self.channels.stay(one, why)
        return self._staying(output_shape(call)[-1], why)

    def _keeps(self, call: Call) -> str:
        """Why all that a call reads must stay, by its place; "" where it need not."""
        layer = call.layer
        if id(layer) in self._at_doors:
            return "reads it as the input of a model inside"
        if id(layer) in self._repeated and (layer.variables_by_name or type(layer) in LAYING_OUT):
            return "reads other channels, too, where it is called again"
        if isinstance(layer, layers.Conv2D) and layer.groups > 1:
            return "reads it in groups"
        if type(layer) is layers.Concatenate and layer.axis not in (-1, len(call.takes[0])):
            return "joins it along another axis"
        return ""

    def _made(self, layer: Any) -> Array:
        if id(layer) not in self.made:
            number = layer.units if isinstance(layer, layers.Dense) else layer.filters
            made = self.made[id(layer)] = self.channels.new(number)
            self.makers.append(layer)
            if mixes(layer):
                self.channels.stay(made, f"the activation of {layer} reads all channels together")
            elif isinstance(layer, layers.Conv2D) and layer.groups > 1:
                self.channels.stay(made, f"{layer} makes it in groups")
        return self.made[id(layer)]

    def _laid_out(self, call: Call, given: Array) -> Array:
        """Flatten and Reshape: a channel may go where every row of the new form has it once."""
        rows = np.broadcast_to(given, call.takes).reshape(-1, output_shape(call)[-1])
        if (rows == rows[0]).all():
            return rows[0]
        self.channels.stay(given, f"{call.layer} lays it out in another order")
        return self._staying(rows.shape[1], f"{call.layer} lays it out in another order")

    def _merged(self, call: Call, given: list[Array]) -> Array:
        width = output_shape(call)[-1]
        whole = [one for one in given if len(one) == width]
        for other in whole[1:]:
            self.channels.join(whole[0], other)
        if len(whole) < len(given):
            for one in given:
                self.channels.stay(one, f"{call.layer} repeats one channel for all of them")
        return whole[0]


def kernel_of(layer: Layer) -> Array:
    """The kernel whose filters or units are a layer's channels."""
    separable = isinstance(layer, layers.SeparableConv2D)
    return layer.params["pointwise_kernel" if separable else "kernel"]


def is_by_number(layer: Layer) -> bool:
    """Whether its result at a place depends on what is there alone, and on weights of its
    channel.
    """
    return type(layer) in BY_NUMBER and not mixes(layer)


def is_by_cell(layer: Layer) -> bool:
    """Whether it does the same to every channel of a map, and to each by itself."""
    return type(layer) in BY_CELL or isinstance(layer, RandomLayer)


def mixes(layer: Layer) -> bool:
    """Whether its activation makes every number of all channels."""
    return isinstance(layer.activation_layer, layers.Softmax | LogSoftmax)


def _keeps_channels_last(layer: Layer) -> bool:
    return type(layer) is layers.Permute and layer.dims[-1] == len(layer.dims)


def output_shape(call: Call) -> Shape:
    """Of one sample of what a call makes."""
    layer = call.layer
    return (layer if layer.input_shape == call.takes else layer.twin(call.takes)).output_shape


def behind_doors(network: Network) -> Iterator[int]:
    """The ids of layers that read an input of a model inside: that has one shape for good."""
    for inner in network.layers:
        if isinstance(inner, Network):
            doors = set(inner.inputs)
            yield from (id(node.layer) for node in inner.nodes if doors.intersection(node.inputs))
            yield from behind_doors(inner)
