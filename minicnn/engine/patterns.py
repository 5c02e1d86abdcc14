"""Which layers in a row one step of the engine runs, as data."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from minicnn.engine.alone.step import NormStep
from minicnn.engine.conv.separable import SeparableBlock
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.dense import DenseStep
from minicnn.engine.engine_step import EngineStep
from minicnn.engine.functions import RELU, function_of
from minicnn.engine.merging.concatenate import ConcatenateStep
from minicnn.engine.merging.scale import ScaleStep, is_scale
from minicnn.engine.merging.steps import AddStep, MultiplyStep
from minicnn.engine.pooling.picture_kernels import MOST_PIXELS
from minicnn.engine.pooling.step import GlobalPoolStep, PoolStep
from minicnn.engine.pooling.window_kernels import MOST_CELLS
from minicnn.layers.average_pooling2d import AveragePooling2D
from minicnn.layers.base import Layer
from minicnn.layers.base_merge import Merge
from minicnn.layers.batch_normalization import BatchNormalization
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.dense import Dense
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.global_average_pooling2d import GlobalAveragePooling2D
from minicnn.layers.global_max_pooling2d import GlobalMaxPooling2D
from minicnn.layers.max_pooling2d import MaxPooling2D
from minicnn.layers.merging import Add, Concatenate, Multiply
from minicnn.layers.rescaling import Rescaling
from minicnn.layers.separable_conv2d import SeparableConv2D
from minicnn.layers.zero_padding2d import ZeroPadding2D
from minicnn.machine.processor import lanes

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
    """Layers in a row, and the step that runs them; options: further arguments of it."""

    step: Callable[..., EngineStep]
    parts: tuple[Part, ...]
    options: dict[str, bool] = {}

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
    """Whether it is a convolution that steps know."""
    one_each = type(layer) is DepthwiseConv2D and layer.depth_multiplier == 1
    return one_each or type(layer) is Conv2D


def is_separable(layer: Layer) -> bool:
    """Whether it is such a depthwise convolution, and then one of 1x1."""
    return type(layer) is SeparableConv2D and layer.depth_multiplier == 1


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
    return function_of(layer) == RELU


def shows_slope(layer: Layer) -> bool:
    """Whether it is an activation whose slope is known from what it makes, which is all that is
    kept before a normalisation and after a sum.
    """
    function = function_of(layer)
    return function is not None and function.is_cheap


def can_come_after(layer: Layer) -> bool:
    """Whether it is an activation that steps know."""
    return function_of(layer) is not None


def never_falls(layer: Layer) -> bool:
    """Whether it is one that leaves the largest of some numbers the largest."""
    function = function_of(layer)
    return function is not None and function.is_monotone


def is_sum(layer: Layer) -> bool:
    """Whether it adds two values of one shape."""
    return type(layer) is Add and len(layer.input_shape) == 2 and len(set(layer.input_shape)) == 1


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


def has_windows(layer: Layer) -> bool:
    """Whether it pools over windows; those whose largest is found must be numbered in a byte."""
    return type(layer) is AveragePooling2D or (
        type(layer) is MaxPooling2D and layer.pool_size[0] * layer.pool_size[1] <= MOST_CELLS
    )


def sees_whole(layer: Layer) -> bool:
    """Whether it pools over whole pictures; those whose largest is found must be numbered in a
    float32.
    """
    return type(layer) is GlobalAveragePooling2D or (
        type(layer) is GlobalMaxPooling2D
        and layer.input_shape[0] * layer.input_shape[1] <= MOST_PIXELS
    )


RESCALING = Part("rescaling", exactly(Rescaling), optional=True)
BEFORE = Part("before", shows_slope, optional=True)
NORM = Part("norm", can_normalize)
POOL = Part("pool", can_pool)
AFTER = Part("after", can_come_after)


def optional(part: Part) -> Part:
    """The part, which may be left out."""
    return part._replace(optional=True)


def whole(fits: Callable[[Layer], bool]) -> Callable[[Layer], bool]:
    """The same of layers whose channels fill whole registers, as no convolution pads them."""
    return lambda layer: fits(layer) and layer.input_shape[-1] % lanes(layer.dtype) == 0


def pads(layer: Layer) -> bool:
    """Whether it puts zeros around pictures."""
    return type(layer) is ZeroPadding2D


def convolutions(step: Callable[..., EngineStep], conv: Part) -> tuple[Pattern, ...]:
    """A convolution and what may follow it."""
    start, norm, pool = (RESCALING, conv, BEFORE), optional(NORM), optional(POOL)
    return (
        Pattern(step, (*start, norm, pool)),
        Pattern(step, (*start, norm, Part("after", never_falls), pool)),
        Pattern(step, (*start, norm, pool, AFTER)),
        Pattern(step, (*start, POOL, NORM, optional(AFTER)), {"pool_first": True}),
        Pattern(step, (*start, norm, Part("add", is_sum), Part("after", shows_slope, True))),
    )


PADDED = tuple(
    pattern._replace(parts=(RESCALING, Part("padding", pads), *pattern.parts[1:]))
    for pattern in convolutions(ConvBlock, Part("conv", is_conv))
)

# The one that takes most layers is chosen, of equal ones the first.
PATTERNS = (
    *convolutions(ConvBlock, Part("conv", is_conv)),
    *PADDED,
    *convolutions(SeparableBlock, Part("separable", is_separable)),
    Pattern(NormStep, (Part("norm", whole(can_normalize)), optional(AFTER))),
    Pattern(NormStep, (Part("after", whole(can_come_after)),)),
    Pattern(DenseStep, (Part("dense", is_dense), Part("relu", is_relu, optional=True))),
    Pattern(PoolStep, (Part("pool", has_windows),)),
    Pattern(GlobalPoolStep, (Part("pool", sees_whole),)),
    Pattern(AddStep, (Part("add", of_equal_shapes(Add)), Part("relu", is_relu, optional=True))),
    Pattern(MultiplyStep, (Part("multiply", of_equal_shapes(Multiply)),)),
    Pattern(ScaleStep, (Part("multiply", is_scale),)),
    Pattern(ConcatenateStep, (Part("concatenate", exactly(Concatenate)),)),
)
