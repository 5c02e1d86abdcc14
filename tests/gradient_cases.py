"""Layers, losses and regularizers with drawn arguments, for tests/check_gradients.py.

LAYERS and LOSSES say of every class how one is drawn: `LAYERS["Conv2D"](pen)` gives a layer and the
shape of a sample for it. What is drawn is all that changes what is computed: sizes, strides,
paddings, dilations, groups, axes, activations, and which weights there are. A new layer without a
row here fails the check.
"""

import itertools
from collections.abc import Callable

import gradient_layers as drawn
from gradient_losses import LOSSES
from gradient_pen import INTERPOLATIONS, RANGES, Pen

from minicnn import activations, layers, losses, regularizers
from minicnn.layers.augmentation.random_flip import MODES

LAYERS: dict[str, Callable[[Pen], tuple]] = {
    "Activation": lambda pen: (layers.Activation(pen.pick(activations.NAMES)), pen.shape()),
    "Add": drawn.merging(layers.Add),
    "Average": drawn.merging(layers.Average),
    "AveragePooling2D": drawn.pooling(layers.AveragePooling2D),
    "BatchNormalization": drawn.batch_normalization,
    "CenterCrop": lambda pen: (layers.CenterCrop(*pen.pair(1, 7)), pen.picture()),
    "Concatenate": drawn.concatenate,
    "Conv2D": drawn.conv2d,
    "Conv2DTranspose": drawn.conv2d_transpose,
    "Cropping2D": drawn.cropping2d,
    "Dense": lambda pen: (
        layers.Dense(pen.integer(1, 6), activation=pen.activation(), use_bias=pen.chance()),
        pen.shape(),
    ),
    "DepthwiseConv2D": drawn.depthwise_conv2d,
    "Dropout": drawn.dropout,
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
    "GroupNormalization": drawn.group_normalization,
    "Identity": lambda pen: (layers.Identity(), pen.shape()),
    "LayerNormalization": drawn.layer_normalization,
    "LeakyReLU": lambda pen: (layers.LeakyReLU(negative_slope=pen.number(0, 1)), pen.shape()),
    "MaxPooling2D": drawn.pooling(layers.MaxPooling2D),
    "Maximum": drawn.merging(layers.Maximum),
    "Minimum": drawn.merging(layers.Minimum),
    "Multiply": drawn.merging(layers.Multiply),
    "Normalization": drawn.normalization,
    "PReLU": drawn.prelu,
    "LocalResponseNormalization": drawn.local_response_normalization,
    "Permute": drawn.permute,
    "RandomBrightness": lambda pen: (
        layers.RandomBrightness(pen.number(0, 1), pen.pick(RANGES)),
        pen.picture(),
    ),
    "RandomContrast": lambda pen: (
        layers.RandomContrast(pen.number(0, 1), pen.pick(RANGES)),
        pen.picture(),
    ),
    "RandomCrop": drawn.random_crop,
    "RandomErasing": drawn.random_erasing,
    "RandomFlip": lambda pen: (layers.RandomFlip(pen.pick(MODES)), pen.picture()),
    "RandomRotation": lambda pen: (
        layers.RandomRotation(pen.number(0, 1), **drawn.filling(pen)),
        pen.picture(),
    ),
    "RandomTranslation": lambda pen: (
        layers.RandomTranslation(pen.number(0, 1), pen.number(0, 1), **drawn.filling(pen)),
        pen.picture(),
    ),
    "RandomZoom": lambda pen: (
        layers.RandomZoom(
            pen.number(0, 0.9), pen.number(0, 0.9) if pen.chance() else None, **drawn.filling(pen)
        ),
        pen.picture(),
    ),
    "ReLU": drawn.relu,
    "Rescaling": lambda pen: (
        layers.Rescaling(pen.number(-2, 2), offset=pen.number(-2, 2)),
        pen.shape(),
    ),
    "Reshape": drawn.reshape,
    "Resizing": drawn.resizing,
    "SeparableConv2D": drawn.separable_conv2d,
    "Softmax": drawn.softmax,
    "SpatialDropout2D": lambda pen: (layers.SpatialDropout2D(pen.number(0, 0.9)), pen.picture()),
    "Subtract": drawn.merging(layers.Subtract, most=2),
    "UpSampling2D": lambda pen: (
        layers.UpSampling2D(pen.pair(1, 3), pen.pick(INTERPOLATIONS)),
        pen.picture(),
    ),
    "ZeroPadding2D": lambda pen: (layers.ZeroPadding2D(drawn.sides(pen)), pen.picture()),
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
