"""Outputs that outgrow the cache are stored past it: the bits are those that pass through it."""

import numpy as np
import pytest

from minicnn import Input, Model, layers
from minicnn.engine.conv import buffers
from minicnn.engine.conv.step import ConvBlock
from minicnn.machine import processor
from minicnn.machine.workspace import LINE

pytestmark = pytest.mark.skipif(
    processor.instruction_set().bits != 8 * LINE, reason="no register here is a line of the cache"
)
SHAPE = (9, 7, 32)


def blocks(x):
    """Every kind of output: bare, of a separable convolution's first half, activated, normalised,
    with a sum, pooled, and of channels that fill no line.
    """
    x = layers.Conv2D(48, 1, use_bias=False)(x)
    x = layers.SeparableConv2D(32, 3, padding="same", activation="relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same", activation="swish")(x)
    y = layers.BatchNormalization()(layers.Conv2D(32, 3, padding="same")(y))
    y = layers.ReLU(6.0)(layers.Add()([y, x]))
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(5, 2, "same", use_bias=False)(y))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(layers.ReLU()(y))
    y = layers.MaxPooling2D()(layers.Conv2D(20, 1, activation="relu")(y))
    return layers.Dense(3)(layers.Flatten()(y))


def results(monkeypatch, outgrown):
    """(what training and inference give, how many outputs went past the cache)."""
    monkeypatch.setattr(buffers, "OUTGROWN", outgrown)
    inputs, rng = Input(SHAPE), np.random.default_rng(0)
    model = Model(inputs, blocks(inputs), seed=1)
    model.engine = "fast"
    model.compile("sgd", "mse")
    x, y = rng.standard_normal((11, *SHAPE), np.float32), rng.standard_normal((11, 3), np.float32)
    losses = [model.train_on_batch(x, y) for _ in range(3)]
    found = [*model.get_weights(), model.predict(x, verbose=0), model.predict(x[:1], verbose=0)]
    steps = [one.step for one in model._execution().stages]
    streaming = [
        buffers.outgrows_cache(step, 11)
        for step in [*steps, *[getattr(step, "depthwise", None) for step in steps]]
        if isinstance(step, ConvBlock)
    ]
    return losses, found, sum(streaming)


def test_the_bits_are_the_same(monkeypatch):
    losses, through, none = results(monkeypatch, 1e9)
    same, past, some = results(monkeypatch, 0)
    assert (none, some) == (0, 6)
    assert losses == same
    for a, b in zip(through, past, strict=True):
        assert np.array_equal(a, b)


def test_small_outputs_stay_in_the_cache():
    block = ConvBlock(built(layers.Conv2D(16, 1), (64, 64, 16)))
    pictures = buffers.OUTGROWN // (64 * 64 * 16 * 4)
    assert not buffers.outgrows_cache(block, pictures - 1)
    assert buffers.outgrows_cache(block, pictures)


@pytest.mark.parametrize("filters", [15, 24])
def test_pixels_that_are_no_whole_lines_stay_in_the_cache(filters):
    block = ConvBlock(built(layers.Conv2D(filters, 1), (8, 8, 3)))
    assert not buffers.outgrows_cache(block, 10**6)


def built(layer, shape):
    layer.build(shape, np.random.default_rng(0))
    return layer
