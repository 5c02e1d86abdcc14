"""Layers with drawn arguments, for gradient_cases.py: those that one line does not say."""

from collections.abc import Callable
from math import prod
from typing import Any

from gradient_pen import INTERPOLATIONS, PADDINGS, RANGES, Pen, Shape

from minicnn import layers
from minicnn.layers.augmentation.geometric import FILL_MODES
from minicnn.layers.augmentation.random_crop import PADDING_MODES


def window(pen: Pen, dilated: bool = True) -> tuple[dict[str, Any], tuple[int, int]]:
    """Size, strides, padding and dilation of a window, and a height and width that it fits in."""
    size, dilation = pen.pair(1, 4), pen.pair(1, 3) if dilated else (1, 1)
    extents = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    padding = pen.pick(PADDINGS)
    height, width = (
        pen.integer(1 if padding == "same" else extent, extent + 4) for extent in extents
    )
    arguments = {"strides": pen.pair(1, 4), "padding": padding}
    if dilated:
        arguments |= {"kernel_size": size, "dilation_rate": dilation}
    else:
        arguments["pool_size"] = size
    return arguments, (height, width)


def convolving(pen: Pen) -> tuple[dict[str, Any], tuple[int, int]]:
    arguments, places = window(pen)
    return arguments | {"use_bias": pen.chance(), "activation": pen.activation()}, places


def conv2d(pen: Pen) -> tuple:
    arguments, places = convolving(pen)
    groups = pen.integer(1, 3)
    layer = layers.Conv2D(groups * pen.integer(1, 3), groups=groups, **arguments)
    return layer, (*places, groups * pen.integer(1, 3))


def conv2d_transpose(pen: Pen) -> tuple:
    arguments, places = convolving(pen)
    more = tuple(pen.integer(0, stride - 1) for stride in arguments["strides"])
    # 0 is refused for kernels of even size with padding "same"
    given = pen.chance() and (arguments["padding"] == "valid" or min(more) > 0)
    layer = layers.Conv2DTranspose(
        pen.integer(1, 3), output_padding=more if given else None, **arguments
    )
    return layer, (*places, pen.integer(1, 3))


def depthwise_conv2d(pen: Pen) -> tuple:
    arguments, places = convolving(pen)
    layer = layers.DepthwiseConv2D(depth_multiplier=pen.integer(1, 3), **arguments)
    return layer, (*places, pen.integer(1, 4))


def separable_conv2d(pen: Pen) -> tuple:
    arguments, places = convolving(pen)
    layer = layers.SeparableConv2D(
        pen.integer(1, 4), depth_multiplier=pen.integer(1, 3), **arguments
    )
    return layer, (*places, pen.integer(1, 4))


def pooling(kind: type) -> Callable[[Pen], tuple]:
    def drawn(pen: Pen) -> tuple:
        arguments, places = window(pen, dilated=False)
        if pen.chance(0.25):
            arguments["strides"] = None
        return kind(**arguments), (*places, pen.integer(1, 4))

    return drawn


# Layers that normalise. An epsilon that is not small beside the variance of a few numbers: two
# numbers that are normalised to -1 and 1, whatever they are, have a gradient of rounding errors.


def norm(pen: Pen) -> dict[str, Any]:
    return {"epsilon": pen.number(0.05, 0.5), "center": pen.chance(), "scale": pen.chance()}


def batch_normalization(pen: Pen) -> tuple:
    layer = layers.BatchNormalization(
        momentum=pen.number(0, 1), warmup=pen.chance(), trainable=pen.chance(0.7), **norm(pen)
    )
    return layer, (pen.integer(2, 4), *pen.shape(pen.integer(1, 2)))


def layer_normalization(pen: Pen) -> tuple:
    shape = pen.shape()
    return layers.LayerNormalization(axis=pen.axes(len(shape) + 1), **norm(pen)), shape


def group_normalization(pen: Pen) -> tuple:
    groups = pen.integer(1, 3)
    layer = layers.GroupNormalization(-1 if pen.chance(0.2) else groups, **norm(pen))
    return layer, (*pen.shape()[1:], groups * pen.integer(1, 3))


def normalization(pen: Pen) -> tuple:
    shape = pen.shape()
    size = pen.pick((1, shape[-1]))  # one mean for all channels, or one for each
    layer = layers.Normalization(
        mean=pen.rng.normal(size=size), variance=pen.rng.uniform(0.5, 2, size)
    )
    return layer, shape


# Layers of numbers, shapes and sizes


def relu(pen: Pen) -> tuple:
    layer = layers.ReLU(
        pen.number(0.2, 2) if pen.chance() else None,
        pen.number(0, 0.5) * pen.chance(),
        pen.number(0, 1) * pen.chance(),
    )
    return layer, pen.shape()


def prelu(pen: Pen) -> tuple:
    shape = pen.shape()
    shared = [axis for axis in range(1, len(shape) + 1) if pen.chance()]
    return layers.PReLU(shared_axes=shared or None), shape


def local_response_normalization(pen: Pen) -> tuple:
    size, numbers = pen.pick((1, 3, 5)), (pen.number(0, 1), pen.number(0, 1), pen.number(1, 2))
    return layers.LocalResponseNormalization(size, *numbers), pen.shape()


def softmax(pen: Pen) -> tuple:
    shape = pen.shape()
    return layers.Softmax(axis=pen.axes(len(shape) + 1) if pen.chance(0.7) else -1), shape


def dropout(pen: Pen) -> tuple:
    shape = pen.shape()
    rows = (None, *(pen.pick((None, 1, n)) for n in shape)) if pen.chance() else None
    return layers.Dropout(pen.number(0, 0.9), noise_shape=rows), shape


def reshape(pen: Pen) -> tuple:
    shape = pen.shape()
    target = list(pen.rng.permutation(shape)) if pen.chance() else [1, prod(shape)]
    if pen.chance():
        target[pen.integer(0, len(target) - 1)] = -1
    return layers.Reshape([int(n) for n in target]), shape


def permute(pen: Pen) -> tuple:
    shape = pen.shape()
    return layers.Permute([int(n) for n in 1 + pen.rng.permutation(len(shape))]), shape


def sides(pen: Pen) -> Any:
    """In each of the three forms that padding and cropping have."""
    both = (pen.pair(0, 3), pen.pair(0, 3))
    return pen.pick((both[0][0], both[0], both))


def cropping2d(pen: Pen) -> tuple:
    cropping = sides(pen)
    rows, columns = (cropping, cropping) if isinstance(cropping, int) else cropping
    left = [sum(n) if isinstance(n, tuple) else 2 * n for n in (rows, columns)]
    picture = pen.picture()
    shape = (picture[0] + left[0], picture[1] + left[1], picture[2])
    return layers.Cropping2D(cropping), shape


def resizing(pen: Pen) -> tuple:
    layer = layers.Resizing(
        *pen.pair(1, 8), pen.pick(INTERPOLATIONS), crop_to_aspect_ratio=pen.chance()
    )
    return layer, pen.picture()


# Layers of several inputs


def merging(kind: type, most: int = 4) -> Callable[[Pen], tuple]:
    """Inputs of one shape, or some with axes of size 1, or with fewer axes."""

    def drawn(pen: Pen) -> tuple:
        shape = pen.shape()

        def part() -> Shape:
            repeated = [1 if pen.chance(0.3) else n for n in shape]
            return tuple(repeated[pen.integer(0, len(shape) - 1) if pen.chance(0.3) else 0 :])

        return kind(), [shape if pen.chance() else part() for _ in range(pen.integer(2, most))]

    return drawn


def concatenate(pen: Pen) -> tuple:
    shape = pen.shape()
    axis = pen.integer(1, len(shape))
    parts = [
        (*shape[: axis - 1], pen.integer(1, 4), *shape[axis:]) for _ in range(pen.integer(2, 4))
    ]
    return layers.Concatenate(axis=axis - pen.chance() * (len(shape) + 1)), parts


# Layers that change pictures at random


def filling(pen: Pen) -> dict[str, Any]:
    return {
        "fill_mode": pen.pick(FILL_MODES),
        "interpolation": pen.pick(INTERPOLATIONS),
        "fill_value": pen.number(-1, 1),
    }


def random_crop(pen: Pen) -> tuple:
    H, W, C = pen.picture()
    padding = pen.integer(0, 3)
    size = pen.integer(1, H + 2 * padding), pen.integer(1, W + 2 * padding)
    return layers.RandomCrop(*size, padding, pen.pick(PADDING_MODES)), (H, W, C)


def random_erasing(pen: Pen) -> tuple:
    layer = layers.RandomErasing(
        pen.number(0, 1),
        (0.02, pen.number(0.1, 0.9)),
        pen.number(-1, 1) if pen.chance() else None,
        pen.pick(RANGES),
    )
    return layer, pen.picture()
