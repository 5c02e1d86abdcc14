"""What `minicnn gradcheck` checks: a layer of every kind, a network, the losses."""

from collections.abc import Callable
from functools import partial

from minicnn import layers, losses
from minicnn.layers.base import Layer
from minicnn.layers.elementwise import FUNCTIONS
from minicnn.models.sequential import Sequential
from minicnn.types import Shape


def standard_cases() -> dict[str, tuple[Layer, Shape | list[Shape]]]:
    """A layer of every kind and a sample shape for it, or several, as `minicnn gradcheck` runs
    them.
    """
    frozen = layers.BatchNormalization(trainable=False)
    three: list[Shape] = [(5, 4, 3)] * 3
    return {
        "Conv2D": (layers.Conv2D(4, 3), (7, 6, 3)),
        "Conv2D same, stride 2": (layers.Conv2D(3, (3, 2), strides=2, padding="same"), (7, 6, 2)),
        "Conv2D dilation 2, relu": (
            layers.Conv2D(3, 3, dilation_rate=2, activation="relu"),
            (8, 9, 2),
        ),
        "Conv2D groups": (layers.Conv2D(6, 3, groups=2, activation="gelu"), (6, 5, 4)),
        "DepthwiseConv2D": (layers.DepthwiseConv2D(3), (7, 6, 3)),
        "DepthwiseConv2D same, stride 2, two each": (
            layers.DepthwiseConv2D(
                (3, 2), 2, padding="same", depth_multiplier=2, activation="gelu"
            ),
            (7, 6, 3),
        ),
        "DepthwiseConv2D dilation 2": (layers.DepthwiseConv2D(3, dilation_rate=2), (8, 9, 2)),
        "SeparableConv2D": (layers.SeparableConv2D(4, 3), (7, 6, 3)),
        "SeparableConv2D same, stride 2, two each": (
            layers.SeparableConv2D(
                4, (3, 2), 2, padding="same", depth_multiplier=2, activation="gelu"
            ),
            (7, 6, 3),
        ),
        "Conv2DTranspose": (layers.Conv2DTranspose(3, 3), (4, 5, 2)),
        "Conv2DTranspose same, stride 2": (
            layers.Conv2DTranspose(3, (3, 2), 2, padding="same", activation="gelu"),
            (4, 3, 2),
        ),
        "Conv2DTranspose output_padding": (
            layers.Conv2DTranspose(2, 2, 3, output_padding=(0, 2)),
            (3, 4, 2),
        ),
        "Dense": (layers.Dense(5), (7,)),
        "Dense of several axes": (layers.Dense(5, activation="gelu"), (3, 2, 4)),
        "Dense softmax": (layers.Dense(5, activation="softmax"), (7,)),
        "ReLU": (layers.ReLU(), (5, 4, 3)),
        "ReLU max_value": (layers.ReLU(max_value=1.0), (5, 4, 3)),
        "ReLU of all arguments": (layers.ReLU(2.0, 0.1, 0.5), (5, 4, 3)),
        "PReLU": (layers.PReLU(), (5, 4, 3)),
        "PReLU by channel": (layers.PReLU(shared_axes=[1, 2]), (5, 4, 3)),
        "LeakyReLU": (layers.LeakyReLU(), (5, 4, 3)),
        "GELU": (layers.GELU(), (5, 4, 3)),
        "GELU approximate": (layers.GELU(approximate=True), (5, 4, 3)),
        "Softmax": (layers.Softmax(), (6,)),
        "Activation": (layers.Activation("gelu"), (6,)),
        "Activation log_softmax": (layers.Activation("log_softmax"), (6,)),
        **{f"Activation {name}": (layers.Activation(name), (5, 4, 3)) for name in FUNCTIONS},
        "ELU": (layers.ELU(0.7), (5, 4, 3)),
        "MaxPooling2D": (layers.MaxPooling2D(), (7, 6, 3)),
        "MaxPooling2D same, overlapping": (
            layers.MaxPooling2D(3, strides=2, padding="same"),
            (7, 6, 3),
        ),
        "AveragePooling2D": (layers.AveragePooling2D(2), (7, 6, 3)),
        "AveragePooling2D same, overlapping": (
            layers.AveragePooling2D(3, strides=2, padding="same"),
            (7, 6, 3),
        ),
        "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D(), (5, 4, 3)),
        "GlobalMaxPooling2D": (layers.GlobalMaxPooling2D(), (5, 4, 3)),
        "GlobalAveragePooling2D keepdims": (layers.GlobalAveragePooling2D(True), (5, 4, 3)),
        "GlobalMaxPooling2D keepdims": (layers.GlobalMaxPooling2D(True), (5, 4, 3)),
        "BatchNormalization": (layers.BatchNormalization(), (4, 3, 3)),
        "BatchNormalization of vectors": (layers.BatchNormalization(), (6,)),
        "BatchNormalization frozen": (frozen, (4, 3, 3)),
        "LayerNormalization": (layers.LayerNormalization(), (4, 3, 3)),
        "LayerNormalization of pictures": (layers.LayerNormalization(axis=[1, 3]), (4, 3, 3)),
        "GroupNormalization": (layers.GroupNormalization(2), (4, 3, 6)),
        "GroupNormalization, one each": (layers.GroupNormalization(-1), (4, 3, 3)),
        "Dropout": (layers.Dropout(0.4), (5, 4, 3)),
        "Dropout of rows": (layers.Dropout(0.4, noise_shape=(None, None, 1, 1)), (5, 4, 3)),
        "SpatialDropout2D": (layers.SpatialDropout2D(0.4), (5, 4, 3)),
        "GaussianDropout": (layers.GaussianDropout(0.4), (5, 4, 3)),
        "GaussianNoise": (layers.GaussianNoise(0.4), (5, 4, 3)),
        "RandomFlip": (layers.RandomFlip(), (5, 4, 3)),
        "RandomRotation": (layers.RandomRotation(0.2), (5, 4, 3)),
        "RandomTranslation": (layers.RandomTranslation(0.3, 0.3, fill_mode="wrap"), (5, 4, 3)),
        "RandomZoom nearest": (layers.RandomZoom(0.4, interpolation="nearest"), (5, 4, 3)),
        "RandomCrop": (layers.RandomCrop(4, 5, padding=2), (5, 4, 3)),
        "RandomBrightness": (layers.RandomBrightness(0.5, value_range=(-9, 9)), (5, 4, 3)),
        "RandomContrast": (layers.RandomContrast(0.5, value_range=(-9, 9)), (5, 4, 3)),
        "RandomErasing": (layers.RandomErasing((1, 1), value_range=(-9, 9)), (5, 4, 3)),
        "Add": (layers.Add(), three),
        "Add broadcasting": (layers.Add(), [(5, 4, 3), (1, 4, 1), (3,)]),
        "Subtract": (layers.Subtract(), three[:2]),
        "Multiply": (layers.Multiply(), three),
        "Multiply by channel": (layers.Multiply(), [(5, 4, 3), (1, 1, 3)]),
        "Average": (layers.Average(), three),
        "Maximum": (layers.Maximum(), three),
        "Minimum": (layers.Minimum(), [(5, 4, 3), (4, 1)]),
        "Concatenate": (layers.Concatenate(), [(5, 4, 3), (5, 4, 1), (5, 4, 2)]),
        "Concatenate of rows": (layers.Concatenate(axis=1), [(5, 4, 3), (2, 4, 3)]),
        "Flatten": (layers.Flatten(), (5, 4, 3)),
        "Identity": (layers.Identity(), (5, 4, 3)),
        "Reshape": (layers.Reshape((2, -1, 5)), (5, 4, 3)),
        "LocalResponseNormalization": (
            layers.LocalResponseNormalization(3, alpha=0.5, beta=0.75, k=2.0),
            (4, 3, 6),
        ),
        "Permute": (layers.Permute((3, 1, 2)), (5, 4, 3)),
        "Cropping2D": (layers.Cropping2D(((1, 2), (0, 1))), (5, 4, 3)),
        "UpSampling2D": (layers.UpSampling2D((2, 3)), (3, 4, 2)),
        "UpSampling2D bilinear": (layers.UpSampling2D(2, "bilinear"), (3, 4, 2)),
        "Resizing": (layers.Resizing(4, 7), (5, 4, 3)),
        "Resizing nearest": (layers.Resizing(4, 7, "nearest"), (5, 4, 3)),
        "Resizing cropped": (layers.Resizing(3, 3, crop_to_aspect_ratio=True), (4, 7, 2)),
        "CenterCrop": (layers.CenterCrop(3, 2), (5, 5, 3)),
        "CenterCrop enlarging": (layers.CenterCrop(6, 4), (4, 5, 2)),
        "ZeroPadding2D": (layers.ZeroPadding2D(((1, 2), (0, 3))), (4, 3, 2)),
        "Rescaling": (layers.Rescaling(1 / 127.5, offset=-1), (4, 3, 2)),
        "Normalization": (layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.25]), (4, 3, 2)),
    }


def standard_model() -> Sequential:
    """A small network of the documented kind, three blocks and two dense layers, in float64."""
    blocks: list[Layer] = []
    for filters in (4, 6, 8):
        blocks += [
            layers.Conv2D(filters, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
        ]
    head = [
        layers.Flatten(),
        layers.Dense(8, activation="relu"),
        layers.Dense(5, activation="softmax"),
    ]
    return Sequential(
        [layers.Input((22, 22, 3)), *blocks, *head],
        name="three-block network",
        seed=0,
        dtype="float64",
    )


def standard_losses() -> list[losses.Loss]:
    """The losses in all their forms."""
    both: list[Callable[..., losses.Loss]] = [
        losses.SparseCategoricalCrossentropy,
        partial(losses.CategoricalCrossentropy, label_smoothing=0.1),
        partial(losses.CategoricalFocalCrossentropy, gamma=1.5, label_smoothing=0.1),
        partial(losses.BinaryCrossentropy, label_smoothing=0.1),
        partial(losses.BinaryFocalCrossentropy, gamma=1.5, apply_class_balancing=True),
    ]
    found: list[losses.Loss] = []
    for make in both:
        name = getattr(make, "func", make).__name__
        found.append(make(from_logits=True, name=f"{name} of logits"))
        found.append(make(name=f"{name} of probabilities"))
    found.append(losses.Huber(delta=0.4, name="Huber"))
    of_numbers = set(losses.CLASSES.values()) - {type(loss) for loss in found}
    return found + [cls(name=cls.__name__) for cls in sorted(of_numbers, key=lambda c: c.__name__)]
