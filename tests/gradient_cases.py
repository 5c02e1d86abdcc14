"""Layers, losses and regularizers with drawn arguments, for tests/check_gradients.py.

LAYERS and LOSSES say of every class how one is drawn: `LAYERS["Conv2D"](pen)` gives a layer and the
shape of a sample for it. What is drawn is all that changes what is computed: sizes, strides,
paddings, dilations, groups, axes, activations, and which weights there are. A new layer without a
row here fails the check. It is long because it is one table, a row for each class.
"""

import itertools
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from minicnn import activations, layers, losses, regularizers
from minicnn.layers.augmentation.geometric import FILL_MODES
from minicnn.layers.augmentation.random_crop import PADDING_MODES
from minicnn.layers.augmentation.random_flip import MODES

Array = np.ndarray
Shape = tuple[int, ...]
PADDINGS, INTERPOLATIONS = ("valid", "same"), ("nearest", "bilinear")
RANGES = ((-9, 9), (-20, 9))  # of values; those that are drawn lie inside


class Pen:
    """Draws arguments from a generator."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def chance(self, share: float = 0.5) -> bool:
        return bool(self.rng.random() < share)

    def integer(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def number(self, least: float, most: float) -> float:
        return float(self.rng.uniform(least, most))

    def pick(self, options: Any) -> Any:
        options = list(options)
        return options[self.integer(0, len(options) - 1)]

    def pair(self, least: int, most: int) -> tuple[int, int]:
        return self.integer(least, most), self.integer(least, most)

    def shape(self, axes: int | None = None, most: int = 5) -> Shape:
        """Of a sample of one to four axes, unless their number is given."""
        return tuple(self.integer(1, most) for _ in range(axes or self.integer(1, 4)))

    def picture(self) -> Shape:
        return self.shape(3, 6)

    def activation(self) -> str | layers.Layer | None:
        """One of all, with arguments at times, or none."""
        if self.chance(0.2):
            return self.pick(
                (
                    layers.ReLU(self.number(1, 4), self.number(0, 0.5), self.number(0, 1)),
                    layers.LeakyReLU(self.number(0, 1)),
                    layers.ELU(self.number(0, 2)),
                    layers.GELU(approximate=True),
                )
            )
        return self.pick([*activations.NAMES, None])

    def axes(self, rank: int) -> int | list[int]:
        """One or several axes of samples, counted with N, from the front or from the end."""
        several = self.rng.permutation(np.arange(1, rank))[: self.integer(1, rank - 1)]
        counted = [int(axis) - rank * self.chance() for axis in several]
        return counted[0] if len(counted) == 1 and self.chance() else counted


# Layers that slide over pictures


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


LAYERS: dict[str, Callable[[Pen], tuple]] = {
    "Activation": lambda pen: (layers.Activation(pen.pick(activations.NAMES)), pen.shape()),
    "Add": merging(layers.Add),
    "Average": merging(layers.Average),
    "AveragePooling2D": pooling(layers.AveragePooling2D),
    "BatchNormalization": batch_normalization,
    "CenterCrop": lambda pen: (layers.CenterCrop(*pen.pair(1, 7)), pen.picture()),
    "Concatenate": concatenate,
    "Conv2D": conv2d,
    "Conv2DTranspose": conv2d_transpose,
    "Cropping2D": cropping2d,
    "Dense": lambda pen: (
        layers.Dense(pen.integer(1, 6), activation=pen.activation(), use_bias=pen.chance()),
        pen.shape(),
    ),
    "DepthwiseConv2D": depthwise_conv2d,
    "Dropout": dropout,
    "ELU": lambda pen: (layers.ELU(pen.number(0, 2)), pen.shape()),
    "Flatten": lambda pen: (layers.Flatten(), pen.shape()),
    "GELU": lambda pen: (layers.GELU(approximate=pen.chance()), pen.shape()),
    "GaussianDropout": lambda pen: (layers.GaussianDropout(pen.number(0, 0.9)), pen.shape()),
    "GaussianNoise": lambda pen: (layers.GaussianNoise(pen.number(0, 2)), pen.shape()),
    "GlobalAveragePooling2D": lambda pen: (
        layers.GlobalAveragePooling2D(pen.chance()),
        pen.picture(),
    ),
    "GlobalMaxPooling2D": lambda pen: (layers.GlobalMaxPooling2D(pen.chance()), pen.picture()),
    "GroupNormalization": group_normalization,
    "Identity": lambda pen: (layers.Identity(), pen.shape()),
    "LayerNormalization": layer_normalization,
    "LeakyReLU": lambda pen: (layers.LeakyReLU(negative_slope=pen.number(0, 1)), pen.shape()),
    "MaxPooling2D": pooling(layers.MaxPooling2D),
    "Maximum": merging(layers.Maximum),
    "Minimum": merging(layers.Minimum),
    "Multiply": merging(layers.Multiply),
    "Normalization": normalization,
    "PReLU": prelu,
    "LocalResponseNormalization": local_response_normalization,
    "Permute": permute,
    "RandomBrightness": lambda pen: (
        layers.RandomBrightness(pen.number(0, 1), pen.pick(RANGES)),
        pen.picture(),
    ),
    "RandomContrast": lambda pen: (
        layers.RandomContrast(pen.number(0, 1), pen.pick(RANGES)),
        pen.picture(),
    ),
    "RandomCrop": random_crop,
    "RandomErasing": random_erasing,
    "RandomFlip": lambda pen: (layers.RandomFlip(pen.pick(MODES)), pen.picture()),
    "RandomRotation": lambda pen: (
        layers.RandomRotation(pen.number(0, 1), **filling(pen)),
        pen.picture(),
    ),
    "RandomTranslation": lambda pen: (
        layers.RandomTranslation(pen.number(0, 1), pen.number(0, 1), **filling(pen)),
        pen.picture(),
    ),
    "RandomZoom": lambda pen: (
        layers.RandomZoom(
            pen.number(0, 0.9), pen.number(0, 0.9) if pen.chance() else None, **filling(pen)
        ),
        pen.picture(),
    ),
    "ReLU": relu,
    "Rescaling": lambda pen: (
        layers.Rescaling(pen.number(-2, 2), offset=pen.number(-2, 2)),
        pen.shape(),
    ),
    "Reshape": reshape,
    "Resizing": resizing,
    "SeparableConv2D": separable_conv2d,
    "Softmax": softmax,
    "SpatialDropout2D": lambda pen: (layers.SpatialDropout2D(pen.number(0, 0.9)), pen.picture()),
    "Subtract": merging(layers.Subtract, most=2),
    "UpSampling2D": lambda pen: (
        layers.UpSampling2D(pen.pair(1, 3), pen.pick(INTERPOLATIONS)),
        pen.picture(),
    ),
    "ZeroPadding2D": lambda pen: (layers.ZeroPadding2D(sides(pen)), pen.picture()),
}

# Losses: of every one a loss, y_true and y_pred


def scores(pen: Pen) -> Array:
    """Of classes, (N, K)."""
    return 2 * pen.rng.standard_normal((pen.integer(1, 6), pen.integer(2, 6)))


def of_classes(kind: type, sparse: bool = False, focal: bool = False) -> Callable[[Pen], tuple]:
    """One-hot labels, or their numbers, or sure of none; scores, or probabilities."""

    def drawn(pen: Pen) -> tuple:
        z = scores(pen)
        N, K = z.shape
        arguments: dict[str, Any] = {"from_logits": pen.chance()}
        if not sparse:
            arguments["label_smoothing"] = pen.number(0, 0.5) * pen.chance()
        if focal:
            each = pen.rng.uniform(0, 2, K).tolist()
            arguments |= {"gamma": pen.number(0, 4), "alpha": pen.pick((each, each[0]))}
        labels = pen.rng.integers(0, K, N)
        soft = pen.rng.dirichlet(np.ones(K), N)
        y_true = labels if sparse else pen.pick((np.eye(K)[labels], soft))
        # no probability near 0, where log bends within the stencil
        p = 0.9 * np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) + 0.1 / K
        return kind(**arguments), y_true, z if arguments["from_logits"] else p

    return drawn


def of_yes_and_no(kind: type, focal: bool = False) -> Callable[[Pen], tuple]:
    def drawn(pen: Pen) -> tuple:
        z = scores(pen)
        arguments: dict[str, Any] = {
            "from_logits": pen.chance(),
            "label_smoothing": pen.number(0, 0.5) * pen.chance(),
        }
        if focal:
            arguments |= {
                "apply_class_balancing": pen.chance(),
                "alpha": pen.number(0, 1),
                "gamma": pen.number(0, 4),
            }
        y_true = pen.pick((pen.rng.integers(0, 2, z.shape), pen.rng.uniform(0, 1, z.shape)))
        return (
            kind(**arguments),
            y_true,
            z if arguments["from_logits"] else 0.98 / (1 + np.exp(-z)) + 0.01,
        )

    return drawn


def of_numbers(kind: type, positive: bool = False, signs: bool = False) -> Callable[[Pen], tuple]:
    """Of outputs of any rank; positive ones, or labels of -1 and 1, where a loss asks for them."""

    def drawn(pen: Pen) -> tuple:
        shape = (pen.integer(1, 6), *pen.shape(pen.integer(1, 3)))
        y_true, y_pred = 2 * pen.rng.standard_normal((2, *shape))
        if positive:
            y_true, y_pred = np.abs(y_true) + 0.1, np.abs(y_pred) + 0.1
        if signs:
            y_true = pen.pick((np.sign(y_true), (y_true > 0).astype(float)))
        return (
            kind(**({"delta": pen.number(0.1, 3)} if kind is losses.Huber else {})),
            y_true,
            y_pred,
        )

    return drawn


def categorical_hinge(pen: Pen) -> tuple:
    y_pred = scores(pen)
    N, K = y_pred.shape
    return losses.CategoricalHinge(), np.eye(K)[pen.rng.integers(0, K, N)], y_pred


LOSSES: dict[str, Callable[[Pen], tuple]] = {
    "BinaryCrossentropy": of_yes_and_no(losses.BinaryCrossentropy),
    "BinaryFocalCrossentropy": of_yes_and_no(losses.BinaryFocalCrossentropy, focal=True),
    "CategoricalCrossentropy": of_classes(losses.CategoricalCrossentropy),
    "CategoricalFocalCrossentropy": of_classes(losses.CategoricalFocalCrossentropy, focal=True),
    "CategoricalHinge": categorical_hinge,
    "CosineSimilarity": of_numbers(losses.CosineSimilarity),
    "Hinge": of_numbers(losses.Hinge, signs=True),
    "Huber": of_numbers(losses.Huber),
    "KLDivergence": of_numbers(losses.KLDivergence, positive=True),
    "LogCosh": of_numbers(losses.LogCosh),
    "MeanAbsoluteError": of_numbers(losses.MeanAbsoluteError),
    "MeanAbsolutePercentageError": of_numbers(losses.MeanAbsolutePercentageError),
    "MeanSquaredError": of_numbers(losses.MeanSquaredError),
    "MeanSquaredLogarithmicError": of_numbers(losses.MeanSquaredLogarithmicError, positive=True),
    "Poisson": of_numbers(losses.Poisson, positive=True),
    "SparseCategoricalCrossentropy": of_classes(losses.SparseCategoricalCrossentropy, sparse=True),
    "SquaredHinge": of_numbers(losses.SquaredHinge, signs=True),
}

REGULARIZERS: dict[str, Callable[[Pen], regularizers.Regularizer]] = {
    "L1": lambda pen: regularizers.L1(pen.number(0, 1)),
    "L1L2": lambda pen: regularizers.L1L2(pen.number(0, 1), pen.number(0, 1)),
    "L2": lambda pen: regularizers.L2(pen.number(0, 1)),
}


def without_a_case() -> list[str]:
    """What there is in minicnn, and has no row here."""
    named = {
        "layers": {cls.__name__ for cls in layers.LAYERS.values()} - {"InputLayer"},
        "losses": set(losses.CLASSES),
        "regularizers": {
            value.__name__
            for name in regularizers.__all__
            if isinstance(value := getattr(regularizers, name), type)
        }
        - {"Regularizer"},
    }
    rows = {"layers": LAYERS, "losses": LOSSES, "regularizers": REGULARIZERS}
    return sorted(
        itertools.chain.from_iterable(
            [f"{kind}.{name}" for name in names - rows[kind].keys()]
            for kind, names in named.items()
        )
    )
