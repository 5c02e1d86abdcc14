"""What is looked at before training and prediction start, so that mistakes are named where they are
made.
"""

from collections.abc import Mapping
from math import ceil, log
from typing import Any

import numpy as np

from minicnn.errors import warn
from minicnn.expect import array, is_source, number
from minicnn.labels import class_of, is_of_classes
from minicnn.layers import (
    CONVOLUTIONS,
    AveragePooling2D,
    BatchNormalization,
    Cropping2D,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Identity,
    MaxPooling2D,
    Normalization,
    Permute,
    Rescaling,
    Reshape,
    SpatialDropout2D,
    ZeroPadding2D,
)
from minicnn.layers.augmentation.base import RandomLayer
from minicnn.layers.averages import LAG, lagging_momentum
from minicnn.layers.base import Layer
from minicnn.layers.base_noise import Noise
from minicnn.layers.interpolation import Interpolating
from minicnn.machine.threads import one_at_a_time
from minicnn.network import Network
from minicnn.network.by_layer import by_layer, paths
from minicnn.network.several import Several
from minicnn.training import step
from minicnn.types import Array, Shape
from minicnn.wording import percent

SAMPLE = 256  # pictures that pixel_range looks at
POOLINGS = (MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D)
NORMALIZATIONS = (BatchNormalization, GroupNormalization, Normalization)
PICTURE_LAYERS = (
    *(*CONVOLUTIONS, *POOLINGS, *NORMALIZATIONS),
    *(ZeroPadding2D, Cropping2D, Interpolating, RandomLayer, SpatialDropout2D),
)


def compiled(model: Network) -> None:
    """Raise RuntimeError before compile."""
    if model.loss is None:
        raise RuntimeError(
            f"{model.name!r} is not compiled: call compile(optimizer='adam', "
            "loss='categorical_crossentropy', metrics=['accuracy']) first"
        )


def batch_norm(way: str) -> None:
    """Raise ValueError for what is no way to normalise batches that are cut into shards."""
    if way not in ("shard", "sync"):
        raise ValueError(f"fit expected batch_norm 'shard' or 'sync', received {way!r}")


def arrays(
    model: Network, x: Any, y: Any, weight: Any, who: str
) -> tuple[Array, Array, Array | None]:
    """x, y and sample weights as arrays, y zeros for None; x of several inputs as one
    (network/several.py).

    Raises ValueError when they are no arrays, empty, or of different length.
    """
    x = array(x, "x", who) if len(model.inputs) < 2 else Several(model.arrays(x))
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"{who} expected at least one sample, received x of shape {x.shape}")
    y = np.zeros(len(x)) if y is None else array(y, "y", who)
    weight = None if weight is None else sample_weights(weight, len(x), who)
    for name, other in (("y", y), ("sample_weight", weight)):
        if other is not None and np.shape(other)[:1] != (len(x),):
            received = len(other) if other.ndim else repr(other.item())
            raise ValueError(
                f"{who} expected as many samples in {name} as in x, {len(x)}, received {received}"
            )
    return x, y, weight


def sample_weights(weight: Any, n: int, who: str) -> Array:
    """Sample weights (n,) or (n, 1) as (n,), in double precision.

    Raises ValueError for others, NaN and infinity.
    """
    given = array(weight, "sample_weight", who)
    if given.dtype.kind not in "biuf" or given.ndim not in (1, 2) or given[:1].size != 1:
        raise ValueError(
            f"{who} expected sample_weight as numbers of shape ({n},), received {given.dtype} "
            f"{given.shape}"
        )
    weight = given.reshape(-1).astype(np.float64, copy=False)
    if not np.isfinite(weight).all():
        first = int(np.isfinite(weight).argmin())
        raise ValueError(
            f"{who} expected finite numbers in sample_weight, received {weight[first]} at {first}"
        )
    return weight


def split_at(n: int, validation_split: float, y: Array) -> int:
    """Where training ends and validation begins. Raises ValueError when one of them would be empty.

    Warns when a class is on one side only: the split takes the last samples as they come.
    """
    if not 0 < number(validation_split, "validation_split", "fit") < 1:
        raise ValueError(f"fit expected 0 <= validation_split < 1, received {validation_split!r}")
    at = int(n * (1 - validation_split))
    if at == 0 or at == n:
        raise ValueError(
            f"fit cannot split {n} samples by validation_split={validation_split!r}: one part is "
            "empty"
        )
    if not is_of_classes(y):
        return at
    classes = class_of(y, "fit")
    one_sided = sorted(set(np.unique(classes[:at])) ^ set(np.unique(classes[at:])))
    if one_sided:
        warn(
            f"validation_split takes the last {n - at} of {n} samples, before any shuffling: class "
            f"{', '.join(str(c) for c in one_sided)} is in only one of the two parts. Shuffle x "
            "and y first",
        )
    return at


FEWER = {  # what is likely to be meant where a number of batches once stood
    ("evaluate", "batch_size"): ". For its first n batches write steps=n",
    ("fit", "batch_size"): ". For n batches an epoch write steps_per_epoch=n",
}


def source(x: Any, given: Mapping[str, bool], who: str) -> None:
    """Raise ValueError for x without y that is no batch source, and for arguments given that only
    go with arrays.
    """
    if not is_source(x):
        raise ValueError(
            f"{who} expected labels y, or as x a source of batches with len(x) and x[i] = (x, y), "
            "received x of type "
            f"{type(x).__name__} alone"
        )
    for name, is_given in given.items():
        if is_given:
            raise ValueError(
                f"{who} expected no {name} beside a source of batches: the source decides on it"
                f"{FEWER.get((who, name), '')}"
            )


def channels_last(name: str, shape: Shape, layer: Layer, seen: Shape) -> None:
    """Raise ValueError for a model of (3, H, H) or (1, H, H), when a layer that looks at pictures
    sees them so.

    Its first convolution may well fit on 3 rows, and train. To layers such as Flatten the order
    means nothing.
    """
    looks = isinstance(layer, PICTURE_LAYERS) and seen == shape
    if looks and len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2] > 5:
        raise ValueError(
            f"{layer} of {name!r} is to see pictures of {shape[0]} rows, {shape[1]} columns and "
            f"{shape[2]} channels: minicnn is channels-last, try the shape "
            f"{(*shape[1:], shape[0])} and x.transpose(0, 2, 3, 1)",
        )


def samples(model: Network, x: Array, y: Array) -> None:
    """Raise ValueError for samples and labels that model and loss cannot use, before any batch is
    computed.
    """
    model.build_for(x)
    model.check_input(x)
    model.loss.check_targets(y, (len(x), *model.head.output_shape))


def training_samples(
    model: Network, x: Any, y: Any, weight: Any, who: str
) -> tuple[Array, Array, Array | None]:
    """All that is looked at in x, y and sample weights before a training: what arrays, samples and
    pixel_range say.
    """
    x, y, weight = arrays(model, x, y, weight, who)
    samples(model, x, y)
    pixel_range(model, x)
    return x, y, weight


def pixel_range(model: Network, x: Array) -> None:
    """Warn of pixels in another range than the model's first layer is made for."""
    if x.ndim != 4 or not model.layers:
        return
    # what leaves the range of pixels as it is
    passing = (
        *(Identity, Flatten, Reshape, Permute),
        *(ZeroPadding2D, Cropping2D, Interpolating),
        *(Noise, RandomLayer),
    )
    looking = (layer for _, layer in model.paths() if not isinstance(layer, passing))
    first = next(looking, None) or next(layer for _, layer in model.paths())
    sample = x[:SAMPLE]
    top = float(sample.max())
    if isinstance(first, Rescaling) and abs(first.scale) < 1 / 100 and 0 < top <= 1:
        warn(
            f"{first} multiplies pixels by {first.scale:.4g}, but they only reach {top:.4g}: "
            "hand over the original 0 ... 255, or leave out the layer",
        )
    if (
        not isinstance(first, Rescaling | Normalization | BatchNormalization)
        and not first.knows_range
        and top > 100
        and sample.min() >= 0
    ):
        warn(
            f"pixels up to {top:.4g} go into {first} as they are: put Rescaling(1 / 255) first in "
            "the model, or divide them by 255",
        )


def lagging_averages(model: Network, steps: int, validations: int) -> None:
    """Warn when batch normalisation's averages still lag at the second validation, or at the only
    one.

    Each of the validations comes after so many steps. The first of several may be wrong: none is
    chosen by it alone.
    """
    momentum = lagging_momentum(model.leaves.values())
    if momentum is None or momentum ** (steps * min(validations, 2)) <= LAG:
        return
    known = "never" if momentum == 1 else f"after {ceil(log(LAG) / log(momentum)):,} steps"
    warn(
        f"validation after {steps:,} {'step' if steps == 1 else 'steps'} is measured with moving "
        f"averages that lag: {percent(momentum**steps, 0)} of what BatchNormalization's begin "
        f"with, 0 and 1, is still in them, and less than {percent(LAG, 0)} {known} (momentum "
        f"{momentum:g}). Use BatchNormalization(warmup=True), or a lower momentum"
    )


def fresh_weights(model: Network) -> None:
    """Warn when the model has neither been trained nor loaded."""
    if model.has_fresh_weights:
        warn(
            f"{model.name!r} has neither been trained nor loaded: its predictions are random. "
            "Call fit, load_weights or models.load_model first",
        )


def warn_of_loss(model: Network, loss: float, x: Array, epoch: int, batch: int) -> None:
    """Say where a loss that is no finite number comes from; the loop has left the batch's update
    out.
    """
    warn(
        f"the loss is {loss} at epoch {epoch + 1}, batch {batch + 1}: "
        f"{_first_non_finite(model, x)}. The update was left out. Try a learning rate below "
        f"{model.optimizer.highest_rate:.4g}, or global_clipnorm=1.0 in it",
    )


@one_at_a_time
def _first_non_finite(model: Network, x: Any) -> str:
    given = model.arrays(x)
    if not all(np.isfinite(part).all() for part in (given if isinstance(given, list) else [given])):
        return "the input holds NaN or infinity"
    with step.quiet():
        for path, (layer, y) in zip(paths(model), by_layer(model.program(), given), strict=True):
            named = f"{type(layer).__name__} {path!r}"
            for name, weight in layer.variables_by_name.items():
                if not np.isfinite(weight).all():
                    return f"{name} of {named} holds NaN or infinity"
            if not np.isfinite(y).all():
                return f"the output of {named} is the first with NaN or infinity"
    return "every layer's output is finite, the loss itself overflows"
