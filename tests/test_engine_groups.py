"""Convolutions in groups on the engine: exact on small integers, in all forms of the direct way."""

import numpy as np
import pytest
from test_engine_numbers import assert_same_bits

from minicnn import layers
from minicnn.engine.conv.depthwise import forward
from minicnn.engine.conv.step import ConvBlock
from minicnn.engine.conv.ways import DepthwiseConvolution, DirectConvolution
from minicnn.engine.plan import plan
from minicnn.machine import processor


def whole_numbers(layer, picture):
    """The layer, built, with small integers as weights."""
    rng = np.random.default_rng(0)
    layer.build(picture, rng)
    for param in layer.params.values():
        param[...] = rng.integers(-4, 5, param.shape)
    return layer


@pytest.mark.parametrize("batch", [1, 19])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("picture", "filters", "groups", "kernel", "stride"),
    [
        ((9, 8, 64), 64, 2, 3, 1),
        ((9, 8, 6), 10, 2, (3, 2), 2),  # numbers beside the filters
        ((7, 7, 40), 120, 2, 1, 1),
        ((7, 7, 40), 120, 2, 1, 2),
        ((3, 3, 24), 12, 3, 3, 1),  # pictures are taken together
        ((5, 5, 24), 12, 3, 3, 2),
        ((4, 5, 256), 520, 2, 3, 1),  # a large kernel, by blocks of filters
    ],
    ids=str,
)
def test_groups_are_exact(picture, filters, groups, kernel, stride, bias, batch):
    layer = layers.Conv2D(filters, kernel, stride, "same", groups=groups, use_bias=bias)
    block = ConvBlock(whole_numbers(layer, picture))
    assert isinstance(block.convolution, DirectConvolution)
    rng = np.random.default_rng(1)
    x = rng.integers(-4, 5, (batch, *picture)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


@pytest.mark.parametrize("batch", [1, 19])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("channels", "groups"), [(64, 16), (64, 32), (24, 6), (20, 10), (6, 3)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), ((3, 5), 2), (1, 1)])
def test_narrow_groups_are_exact(channels, groups, kernel, stride, bias, batch):
    """Groups of two and four channels, also beside others of the same register."""
    layer = layers.Conv2D(channels, kernel, stride, "same", groups=groups, use_bias=bias)
    block = ConvBlock(whole_numbers(layer, (9, 8, channels)))
    narrow = channels // groups <= processor.lanes(np.float32)
    assert isinstance(block.convolution, DepthwiseConvolution if narrow else DirectConvolution)
    rng = np.random.default_rng(1)
    x = rng.integers(-4, 5, (batch, 9, 8, channels)).astype(np.float32)
    assert_same_bits(block, layer, x, rng)


def test_a_filter_for_each_channel_is_a_depthwise_convolution():
    layer = whole_numbers(layers.Conv2D(17, 3, 2, groups=17), (9, 8, 17))
    (block,) = plan([layer])
    assert isinstance(block.convolution, DepthwiseConvolution)
    rng = np.random.default_rng(1)
    assert_same_bits(block, layer, rng.integers(-4, 5, (3, 9, 8, 17)).astype(np.float32), rng)
    assert len(forward(block.g, layer.dtype, 2)[0]) == block.g.OH  # a call for each row
