"""The layers that Keras' files may name, and how their arguments are said in minicnn: the whole
vocabulary, which both directions and docs/files.md read.

Most arguments have the same name and meaning. ARGUMENTS has those that are said in other words, by
their name; EXTRA those of Keras alone, with the values that change nothing here; any other that
minicnn's constructor does not take is refused.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from minicnn.errors import ModelFileError
from minicnn.layers import LAYERS
from minicnn.layers.normalization import SMALLEST_DEVIATION
from minicnn.saving.keras import words
from minicnn.saving.signature import arguments

Config = dict[str, Any]


class Kind(NamedTuple):
    """A layer of Keras.

    layer: minicnn's class.
    weights: names in Keras' order; "bias?use_bias" is there where that argument is not False.
    names: of arguments that have other names in minicnn.
    """

    layer: str
    weights: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()


AFFINE = ("gamma?scale", "beta?center")
BIASED = ("kernel", "bias?use_bias")
SEPARABLE = ("depthwise_kernel", "pointwise_kernel", "bias?use_bias")
SLOPE = (("alpha", "negative_slope"),)  # before Keras 3
PLAIN = (
    "Activation Add Average AveragePooling2D CenterCrop Concatenate Cropping2D Dropout ELU Flatten "
    "GaussianDropout GaussianNoise GlobalAveragePooling2D GlobalMaxPooling2D Identity InputLayer "
    "MaxPooling2D Maximum Minimum Multiply Permute RandomBrightness RandomContrast RandomCrop "
    "RandomErasing RandomFlip RandomRotation RandomTranslation RandomZoom ReLU Rescaling Reshape "
    "Resizing Softmax SpatialDropout2D Subtract UpSampling2D ZeroPadding2D"
).split()
KINDS: dict[str, Kind] = {name: Kind(name) for name in PLAIN} | {
    "BatchNormalization": Kind(
        "BatchNormalization", (*AFFINE, "moving_mean", "moving_variance"), ()
    ),
    "SyncBatchNormalization": Kind(
        "BatchNormalization", (*AFFINE, "moving_mean", "moving_variance"), ()
    ),
    "Conv2D": Kind("Conv2D", BIASED),
    "Conv2DTranspose": Kind("Conv2DTranspose", BIASED),
    "Dense": Kind("Dense", BIASED),
    "DepthwiseConv2D": Kind("DepthwiseConv2D", BIASED),
    "GroupNormalization": Kind("GroupNormalization", AFFINE),
    "LayerNormalization": Kind("LayerNormalization", AFFINE),
    "LeakyReLU": Kind("LeakyReLU", (), SLOPE),
    "Normalization": Kind("Normalization", ("mean", "variance", "count")),
    "PReLU": Kind("PReLU", ("alpha",)),
    "SeparableConv2D": Kind("SeparableConv2D", SEPARABLE),
    "ThresholdedReLU": Kind("ReLU", (), (("theta", "threshold"),)),  # before Keras 3
}
MODELS = ("Sequential", "Functional", "Model")

COMMON = ("name", "dtype", "build_input_shape", "batch_input_shape", "batch_shape")  # of all layers
LATEST = 3  # the generation of Keras; files of Keras 2 say some things otherwise
NUMBERS = "depth_multiplier max_value negative_slope threshold alpha rate stddev epsilon momentum"
ARGUMENTS: dict[str, Callable[[Any], Any]] = {name: words.number for name in NUMBERS.split()} | {
    "axis": words.axis,
    "seed": words.seed,
    "mean": words.flat,
    "variance": words.flat,
    "scale": words.flat,
    "offset": words.flat,
}
ENDINGS = {
    "_initializer": words.initializer,
    "_regularizer": words.regularizer,
    "_constraint": words.constraint,
}
ANY = object()
# arguments of Keras alone: values with which a layer computes what minicnn's does, besides None
EXTRA: dict[str, tuple[Any, ...]] = {
    "data_format": ("channels_last",),
    "groups": (1,),
    "renorm": (False,),
    "renorm_momentum": (ANY,),
    "fused": (ANY,),
    "rng_type": (ANY,),
    "synchronized": (ANY,),
    "rms_scaling": (False,),
    "invert": (False,),
    "sparse": (False,),
    "ragged": (False,),
    "optional": (False,),
    "kernel_initializer": (ANY,),  # of layers that have other kernels
    "pad_to_aspect_ratio": (False,),
    "antialias": (False,),
    "fill_mode": (ANY,),  # of Resizing without padding
    "fill_value": (ANY,),
    "value_range": (ANY,),
    "input_dim": (ANY,),  # of a first layer; its shape says it too
    "input_shape": (ANY,),
}


def translated(name: str, kind: str, config: Config, generation: int) -> Config:
    """A layer of Keras' file as one of minicnn's: its class and its arguments.

    Raises ModelFileError for a class or an argument that minicnn has not.
    """
    found = KINDS.get(kind)
    who = f"the layer {name!r:.60} of class {kind!r:.60}"
    if found is None:
        why = (
            ": it runs code from the file, which is never done"
            if kind == "Lambda"
            else ": build the network without it"
        )
        raise ModelFileError(f"minicnn has nothing for {who}{why}")
    if kind == "InputLayer":
        return {"class": "InputLayer", "config": {"shape": shape_of(config, who), "name": name}}
    cls: type = LAYERS[found.layer]
    takes, renamed = arguments(cls), dict(found.names)
    made: Config = {"name": name, "trainable": bool(config.get("trainable", True))}
    for argument, value in config.items():
        if argument in COMMON or argument == "trainable":
            continue
        own = renamed.get(argument, argument)
        try:
            if own in takes and own not in ("input_shape",):
                made[own] = _value(own, value, generation)
            elif value is not None and ANY not in EXTRA.get(own, ()):
                if value not in EXTRA.get(own, ()):
                    usual = " or ".join(map(repr, EXTRA.get(own, (None,))))
                    raise ValueError(f"expected {usual}")
        except (ValueError, TypeError, LookupError) as error:
            raise ModelFileError(
                f"minicnn cannot do what {who} says, {argument}={value!r:.60}: {error!s:.200}"
            ) from error
    return _as_other({"class": found.layer, "config": made})


def _value(argument: str, value: Any, generation: int) -> Any:
    if argument == "activation":
        return words.activation(value, generation)
    for ending, function in ENDINGS.items():
        if argument.endswith(ending):
            return function(value)
    if argument in ARGUMENTS and not (argument == "scale" and isinstance(value, bool)):
        return ARGUMENTS[argument](value)
    return words.listed(value)


def _as_other(layer: Config) -> Config:
    """The layer, or another one where minicnn says the same by that."""
    config = layer["config"]
    if layer["class"] == "Rescaling" and isinstance(config["scale"], list):
        # x * scale + offset, for every channel of its own
        scale, offset = config.pop("scale"), config.pop("offset", 0.0)
        offsets = offset if isinstance(offset, list) else [offset] * len(scale)
        if min(scale, default=0) <= 0 or len(offsets) != len(scale):
            raise ModelFileError(
                f"minicnn cannot do what Rescaling {config['name']!r:.60} says, scale={scale!r:.60}"
            )
        mean = [-o / s for s, o in zip(scale, offsets, strict=True)]
        variance = [s**-2 for s in scale]
        return {"class": "Normalization", "config": config | {"mean": mean, "variance": variance}}
    if layer["class"] == "Normalization" and any(
        isinstance(config.get(name), list) for name in ("mean", "variance")
    ):
        both = [config.get(name) for name in ("mean", "variance")]
        count = max(len(one) for one in both if isinstance(one, list))
        listed = [one if isinstance(one, list) else [one] * count for one in both]
        config |= dict(zip(("mean", "variance"), listed, strict=True))
    if layer["class"] == "Normalization" and isinstance(config.get("mean"), int | float):
        # the same for all channels
        mean, variance = config["mean"], config.get("variance", 1.0)
        scale = 1 / max(variance**0.5, SMALLEST_DEVIATION)
        kept = {key: config[key] for key in ("name", "trainable")}
        return {"class": "Rescaling", "config": kept | {"scale": scale, "offset": -mean * scale}}
    if layer["class"] == "Activation" and config.get("activation") is None:
        return {"class": "Identity", "config": {key: config[key] for key in ("name", "trainable")}}
    return layer


def shape_of(config: Config, who: str) -> list[int]:
    """The shape of one sample that enters. Raises ModelFileError for an open one."""
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list) or len(shape) < 2:
        raise ModelFileError(f"{who} expected a shape such as [None, 32, 32, 3], received {shape}")
    if not all(type(n) is int and n > 0 for n in shape[1:]):
        raise ModelFileError(
            f"{who} takes samples of any size, {tuple(shape)}: minicnn needs one, save the model "
            "with an Input of a fixed shape"
        )
    return shape[1:]


def weights_of(kind: str, config: Config) -> tuple[str, ...]:
    """The names of a layer's weights in Keras' order, for its arguments."""
    found = KINDS[kind].weights if kind in KINDS else ()
    if kind == "Normalization" and config.get("mean") is not None:
        return ()  # they are arguments
    pairs = [name.partition("?") for name in found]
    return tuple(name for name, _, when in pairs if not when or config.get(when, True))
