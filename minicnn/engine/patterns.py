"""Which layers in a row one step of the engine runs, as data."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.dense import DenseStep
from minicnn.engine.merging.concatenate import ConcatenateStep
from minicnn.engine.merging.scale import ScaleStep, is_scale
from minicnn.engine.merging.steps import AddStep, MultiplyStep
from minicnn.layers.activation import Activation
from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.dense import Dense
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.merging import Add, Concatenate, Multiply
from minicnn.layers.relu import ReLU
from minicnn.layers.rescaling import Rescaling

Found = dict[str, Layer]


class Part(NamedTuple):
    """A place in a pattern.

    name: of the step's argument that the layer becomes.
    fits: whether a layer may stand there.
    optional: whether it may be left out.
    """

    name: str
    fits: Callable[[Layer], bool]
    optional: bool = False


class Pattern(NamedTuple):
    """Layers in a row, and the step that runs them."""

    step: type[ConvBlock | DenseStep | AddStep | MultiplyStep | ScaleStep | ConcatenateStep]
    parts: tuple[Part, ...]

    def match(self, layers: Sequence[Layer]) -> Found:
        """The layers that it takes, from the first one on, by the names of its parts; none where it
        does not fit.
        """
        found: Found = {}
        for part in self.parts:
            if len(found) < len(layers) and part.fits(layers[len(found)]):
                found[part.name] = layers[len(found)]
            elif not part.optional:
                return {}
        return found


def is_conv(layer: Layer) -> bool:
    """Whether it is a convolution whose filters see all channels, the only one that steps know."""
    return type(layer) is Conv2D and layer.groups == 1


def is_dense(layer: Layer) -> bool:
    """Whether it is a dense layer of samples with one axis."""
    return type(layer) is Dense and len(layer.input_shape) == 1


def exactly(kind: type[Layer]) -> Callable[[Layer], bool]:
    """Whether a layer is of that very class: a user's subclass may do something else."""
    return lambda layer: type(layer) is kind


def of_equal_shapes(kind: type[Merge]) -> Callable[[Layer], bool]:
    """Whether a layer is of that very class, and repeats none of its inputs."""
    return lambda layer: type(layer) is kind and len(set(layer.input_shape)) == 1


def is_relu(layer: Layer) -> bool:
    """Whether the layer computes max(x, 0) and nothing else, however it is written."""
    if type(layer) is Activation and layer.activation_layer is not None:
        layer = layer.activation_layer
    return type(layer) is ReLU and layer.is_plain


def can_normalize(layer: Layer) -> bool:
    """Whether a convolution can normalise along; gamma and beta that train on moving averages it
    cannot.
    """
    return type(layer) is BatchNormalization and not (layer.holds_averages and layer.trainable)


def can_pool(layer: Layer) -> bool:
    """Whether a convolution can pool along: windows side by side, none cut off by the edge,
    numbered in a byte.
    """
    return (
        type(layer) is MaxPooling2D
        and layer.strides == layer.pool_size
        and layer.window.before == (0, 0)
        and all(
            o * p <= n
            for o, p, n in zip(
                layer.window.output, layer.pool_size, layer.input_shape, strict=False
            )
        )
        and layer.pool_size[0] * layer.pool_size[1] <= 256
    )


RESCALING = Part("rescaling", exactly(Rescaling), optional=True)
CONV = Part("conv", is_conv)
RELU = Part("relu", is_relu, optional=True)
NORM = Part("norm", can_normalize)
RELU_AFTER = Part("relu_after", is_relu)  # after the normalisation
POOL = Part("pool", can_pool)

# The one that takes most layers is chosen, of equal ones the first. The largest of max(b, 0) is the
# same before and after the pooling, so that one step has both orders.
PATTERNS = (
    Pattern(
        ConvBlock,
        (RESCALING, CONV, RELU, NORM._replace(optional=True), POOL._replace(optional=True)),
    ),
    Pattern(ConvBlock, (RESCALING, CONV, NORM, RELU_AFTER, POOL._replace(optional=True))),
    Pattern(ConvBlock, (RESCALING, CONV, NORM, POOL, RELU_AFTER)),
    Pattern(DenseStep, (Part("dense", is_dense), RELU)),
    Pattern(AddStep, (Part("add", of_equal_shapes(Add)), RELU)),
    Pattern(MultiplyStep, (Part("multiply", of_equal_shapes(Multiply)),)),
    Pattern(ScaleStep, (Part("multiply", is_scale),)),
    Pattern(ConcatenateStep, (Part("concatenate", exactly(Concatenate)),)),
)
