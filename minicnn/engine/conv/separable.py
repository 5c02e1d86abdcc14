"""A SeparableConv2D and what follows it as two ConvBlocks: a depthwise convolution with nothing
after it, then one of 1x1 with all the rest.

What the first makes stays with the two of them, and so does its gradient, which is written over it.
"""

from typing import Any

from minicnn.engine.conv.side_by_side import SideBySide, shared
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.engine_step import EngineStep
from minicnn.layers.base import Layer
from minicnn.layers.conv2d import Conv2D
from minicnn.layers.depthwise_conv2d import DepthwiseConv2D
from minicnn.layers.rescaling import Rescaling
from minicnn.layers.separable_conv2d import SeparableConv2D
from minicnn.machine.region import Region
from minicnn.types import Array


class SeparableBlock(EngineStep):
    """Runs a built SeparableConv2D and what follows it.

    Args:
        separable: the convolution, run without its activation.
        rescaling, frozen, following: see ConvBlock.
    """

    def __init__(
        self,
        separable: SeparableConv2D,
        *,
        rescaling: Rescaling | None = None,
        frozen: bool = False,
        **following: Any,
    ):
        self.separable, self.halves = separable, halves(separable)
        self.depthwise = ConvBlock(self.halves[0], rescaling=rescaling, frozen=frozen)
        last = ConvBlock(self.halves[1], frozen=frozen, **following)
        last.owns_input = True
        self.pointwise: ConvBlock | SideBySide = last
        self.adds, self.finishes, self.reads_output = (
            bool(last.add),
            last.finishes,
            last.reads_output,
        )
        before = [separable] if rescaling is None else [rescaling, separable]
        super().__init__([*before, *last.layers[1:]])

    def forward(self, x: Any, *, training: bool = False) -> Array:
        x, *addend = x if self.adds else [x]
        if self.depthwise.rescaling is None:
            x = self.separable.accept(x)
        z = self.depthwise.forward(x, training=training)
        taken: Any = [z, *addend] if self.adds else z
        return self.pointwise.forward(taken, training=training)

    def backward(self, dy: Array) -> Any:
        trains = self.separable.trainable
        for half in self.halves:
            half.trainable = trains
        self.depthwise.needs_input_grad = self.needs_input_grad
        self.pointwise.needs_input_grad = trains or self.needs_input_grad
        dz = self.pointwise.backward(dy)
        if dz is None:
            return None
        dz, *addend = dz if self.adds else [dz]
        dx = self.depthwise.backward(dz)
        return [dx, *addend] if self.adds and self.needs_input_grad else dx

    def share(self, threads: int) -> None:
        """Let so many threads share each picture."""
        if isinstance(self.pointwise, ConvBlock):
            self.pointwise = shared(self.pointwise, threads)

    def takes_bytes(self, x: Array) -> bool:
        return self.depthwise.takes_bytes(x)

    def passes_on(self, x: Any) -> bool:
        return self.depthwise.passes_on(x)

    @property
    def checked_as(self) -> type[Layer]:
        return self.depthwise.checked_as

    @property
    def settings(self) -> list[tuple[Layer, str]]:
        return self.pointwise.settings

    @property
    def region(self) -> Region:
        """Where both add their jobs."""
        return self.depthwise.region

    @region.setter
    def region(self, region: Region) -> None:
        self.depthwise.region = self.pointwise.region = region

    @property
    def owns_input(self) -> bool:
        """See ConvBlock."""
        return self.depthwise.owns_input

    @owns_input.setter
    def owns_input(self, owns: bool) -> None:
        self.depthwise.owns_input = owns


def halves(layer: SeparableConv2D) -> tuple[DepthwiseConv2D, Conv2D]:
    """The two convolutions that it is, with its weights and gradients."""
    depthwise = DepthwiseConv2D(
        layer.kernel_size,
        strides=layer.strides,
        padding=layer.padding,
        dilation_rate=layer.dilation_rate,
        use_bias=False,
        depthwise_initializer="zeros",
        name=layer.name,
    )
    pointwise = Conv2D(
        layer.filters, 1, use_bias=layer.use_bias, kernel_initializer="zeros", name=layer.name
    )
    pointwise.build(depthwise.build(layer.input_shape, dtype=layer.dtype), dtype=layer.dtype)
    lend(layer, depthwise, kernel="depthwise_kernel")
    lend(
        layer, pointwise, kernel="pointwise_kernel", **({"bias": "bias"} if layer.use_bias else {})
    )
    return depthwise, pointwise


def lend(whole: Layer, half: Layer, **names: str) -> None:
    """Let the half's arrays be those of the whole, by the names that they have there."""
    for own, name in names.items():
        for arrays, of_whole in ((half.params, whole.params), (half.grads, whole.grads)):
            dict.__setitem__(arrays, own, of_whole[name])  # not copied, as by assignment
