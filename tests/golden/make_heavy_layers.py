"""Make heavy_layers.npz: what Keras computes for layers with kernels, and for initializers,
regularizers and constraints.

    python make_heavy_layers.py   needs keras and tensorflow (made with 3.15.1 and 2.21.0); half a
                                  minute

Layers as in make_layers.py: single cases in float64, whose inputs and weights are not stored. Of
initializers the mean, the deviation and the extremes of large samples. Of trainings, in float64
too, the losses that are logged and the weights after every step.
"""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

try:
    from golden.make_layers import Array, Case, pack, run
except ImportError:  # when it runs as a program
    from make_layers import Array, Case, pack, run

GOLDEN = Path(__file__).with_name("heavy_layers.npz")
PADDINGS = ("valid", "same")


def depthwise() -> Iterator[Case]:
    conv = partial(Case, "DepthwiseConv2D", (2, 7, 6, 2), values="integers")
    for size, stride, padding in product((1, 2, 3, (2, 3)), (1, 2, 3), PADDINGS):
        yield conv({"kernel_size": size, "strides": stride, "padding": padding})
    for times, padding in product((2, 3), PADDINGS):
        yield conv({"kernel_size": 3, "depth_multiplier": times, "padding": padding})
    for rate, padding in product((2, (1, 2)), PADDINGS):
        yield conv({"kernel_size": (3, 2), "dilation_rate": rate, "padding": padding})
    yield conv({"kernel_size": 3, "use_bias": False, "activation": "relu"})


def separable() -> Iterator[Case]:
    conv = partial(Case, "SeparableConv2D", (2, 7, 6, 2))
    for size, stride, padding in product((1, 3, (2, 3)), (1, 2), PADDINGS):
        arguments = {"filters": 3, "kernel_size": size, "strides": stride, "padding": padding}
        yield conv(arguments, values="integers")
    for padding in PADDINGS:
        arguments = {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "padding": padding}
        yield conv(arguments)
        yield conv({"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": padding})
    yield conv({"filters": 3, "kernel_size": 3, "use_bias": False, "activation": "relu"})


def grouped() -> Iterator[Case]:
    conv = partial(Case, "Conv2D", (2, 7, 6, 4), values="integers")
    for groups, (stride, padding) in product((2, 4), ((1, "valid"), (2, "same"), (3, "valid"))):
        yield conv(
            {
                "filters": 8,
                "kernel_size": (3, 2),
                "strides": stride,
                "padding": padding,
                "groups": groups,
            }
        )
    yield conv({"filters": 4, "kernel_size": 3, "groups": 2, "activation": "relu"})
    yield conv({"filters": 4, "kernel_size": 2, "groups": 4, "dilation_rate": 2})


def transposed() -> Iterator[Case]:
    conv = partial(Case, "Conv2DTranspose", (2, 3, 4, 2), values="integers")
    for size, stride, padding in product((1, 2, 3, (2, 3)), (1, 2, 3, (2, 1)), PADDINGS):
        arguments = {"filters": 3, "kernel_size": size, "strides": stride, "padding": padding}
        yield conv(arguments)
    for size, stride, padding, more in (
        *((3, 2, "valid", 0), (3, 2, "valid", 1), (2, 3, "valid", (2, 1)), (1, 3, "valid", 1)),
        *((3, 2, "same", 0), (3, 2, "same", 1), (2, 3, "same", 1), (4, 3, "same", (2, 1))),
    ):
        arguments = {"filters": 2, "kernel_size": size, "strides": stride, "padding": padding}
        yield conv(arguments | {"output_padding": more})
    yield conv({"filters": 2, "kernel_size": 3, "use_bias": False, "activation": "relu"})


def normalizations() -> Iterator[Case]:
    yield Case("LayerNormalization", (2, 3, 4, 2))
    yield Case("LayerNormalization", (6, 3), {"epsilon": 0.03125})
    for axis in (1, 2, [-1], [1, 2], [3, 1], [1, 2, 3], [-2, -1]):
        yield Case("LayerNormalization", (2, 3, 4, 2), {"axis": axis})
    for center, scale in ((False, True), (True, False), (False, False)):
        arguments = {"center": center, "scale": scale}
        yield Case("LayerNormalization", (2, 3, 4, 2), arguments)
        yield Case("GroupNormalization", (2, 3, 4, 6), {"groups": 3} | arguments)
    for groups in (1, 2, 3, 6, -1):
        yield Case("GroupNormalization", (2, 3, 4, 6), {"groups": groups})
    yield Case("GroupNormalization", (2, 2, 2, 32))
    yield Case("GroupNormalization", (3, 5, 4), {"groups": 2, "epsilon": 0.03125})
    yield Case("GroupNormalization", (3, 4), {"groups": 2})


def dense() -> Iterator[Case]:
    yield Case("Dense", (2, 3, 5), {"units": 4}, "integers")
    yield Case("Dense", (2, 3, 2, 5), {"units": 4, "activation": "relu"}, "integers")


def every_case() -> Iterator[Case]:
    return chain(depthwise(), separable(), grouped(), transposed(), normalizations(), dense())


CASES = {case.name: case for case in every_case()}

# Initializers: class, arguments, shapes of large samples

KERNELS = ((3, 3, 32, 64), (512, 128), (5, 5, 512, 2), (20000,))
INITIALIZERS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    *product(
        (
            "GlorotNormal",
            "GlorotUniform",
            "HeNormal",
            "HeUniform",
            "LecunNormal",
            "LecunUniform",
        ),
        ({},),
        KERNELS,
    ),
    *product(
        ("VarianceScaling",),
        (
            {},
            {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"},
            {"scale": 0.5, "mode": "fan_avg", "distribution": "uniform"},
            {"scale": 3.0, "mode": "fan_out", "distribution": "truncated_normal"},
        ),
        KERNELS[:2],
    ),
    *product(("RandomNormal", "TruncatedNormal"), ({}, {"mean": 1.0, "stddev": 0.5}), KERNELS[:1]),
    *product(("RandomUniform",), ({}, {"minval": 1.0, "maxval": 3.0}), KERNELS[:1]),
    *product(("Zeros", "Ones"), ({},), KERNELS[:1]),
    ("Constant", {"value": 0.25}, KERNELS[0]),
    *product(("Identity",), ({"gain": 2.0},), ((7, 7), (5, 3), (3, 5))),
    *product(("Orthogonal",), ({}, {"gain": 2.0}), ((64, 32), (32, 64), (3, 3, 32, 64))),
]


def initializer_name(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> str:
    return f"initializer {name} {arguments} {shape}".replace("'", "")


def measures(sample: Array) -> Array:
    """Mean, deviation, least and largest value."""
    return np.array([sample.mean(), sample.std(), sample.min(), sample.max()])


# Regularizers, constraints: values for one array

ARRAY = np.random.default_rng(3).random((4, 3, 2)) * 6 - 3
REGULARIZERS: list[tuple[str, dict[str, Any]]] = [
    ("L1", {}),
    ("L2", {}),
    ("L1L2", {}),
    ("L1", {"l1": 0.25}),
    ("L2", {"l2": 0.125}),
    ("L1L2", {"l1": 0.5, "l2": 0.25}),
]
CONSTRAINTS: list[tuple[str, dict[str, Any]]] = [
    ("NonNeg", {}),
    *product(("MaxNorm", "UnitNorm", "MinMaxNorm"), ({}, {"axis": 1}, {"axis": [0, 1]})),
    ("MaxNorm", {"max_value": 4, "axis": [0, 2]}),
    ("MinMaxNorm", {"min_value": 2.0, "max_value": 4.0, "rate": 0.75}),
]

# Trainings: three steps of SGD on one batch of each, then evaluate; what is frozen

TRAININGS: dict[str, tuple[dict[str, dict[str, Any]], tuple[str, ...], dict[str, Any]]] = {
    "l2": ({"conv": {"kernel_regularizer": "l2"}}, (), {}),
    "l1 of a bias": (
        {"conv": {"bias_regularizer": "l1"}, "dense": {"kernel_regularizer": "l1"}},
        (),
        {},
    ),
    "frozen": (
        {
            "conv": {"kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.25}}},
            "norm": {"gamma_regularizer": "l2", "beta_regularizer": "l1"},
            "dense": {"kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.5, "l2": 1}}},
        },
        ("conv",),
        {"momentum": 0.5},
    ),
    "clipped": (
        {"dense": {"kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.25}}}},
        (),
        {"global_clipnorm": 0.5},
    ),
    "constraints": (
        {
            "conv": {
                "kernel_constraint": {
                    "class_name": "MaxNorm",
                    "config": {"max_value": 0.5, "axis": [0, 1, 2]},
                },
                "bias_constraint": "non_neg",
            },
            "norm": {"gamma_constraint": "unit_norm", "beta_constraint": "non_neg"},
            "dense": {"kernel_constraint": "min_max_norm", "kernel_regularizer": "l2"},
        },
        (),
        {"momentum": 0.5},
    ),
    "averages": (
        {"conv": {"kernel_constraint": "non_neg"}, "dense": {"kernel_constraint": "unit_norm"}},
        (),
        {"use_ema": True, "ema_momentum": 0.5},
    ),
}
STEPS, SAMPLES, CLASSES = 3, 6, 3


def data() -> tuple[Array, Array]:
    """Pictures (STEPS * SAMPLES, 4, 5, 2) and labels; the last batch is half as large."""
    rng = np.random.default_rng(4)
    n = STEPS * SAMPLES - SAMPLES // 2
    return rng.random((n, 4, 5, 2)) * 2 - 1, np.arange(n) % CLASSES


def stack(layers: Any, name: str) -> list[Any]:
    """The layers of a training, made of either library's."""
    settings, frozen, _ = TRAININGS[name]
    made = [
        layers.Conv2D(3, 3, activation="relu", name="conv", **settings.get("conv", {})),
        layers.BatchNormalization(name="norm", **settings.get("norm", {})),
        layers.Flatten(),
        layers.Dense(CLASSES, activation="softmax", name="dense", **settings.get("dense", {})),
    ]
    for layer in made:
        layer.trainable = layer.name not in frozen
    return made


def weights(shapes: list[tuple[int, ...]]) -> list[Array]:
    """Initial weights of those shapes; all but kernels above 0, as variances must be."""
    rng = np.random.default_rng(5)
    return [rng.random(shape) + (0.125 if len(shape) == 1 else -0.5) for shape in shapes]


def train(library: Any, model: Any, name: str) -> dict[str, Array]:
    """Losses and weights of a training, in either library."""
    x, y = data()
    options = {"learning_rate": 0.125} | TRAININGS[name][2]
    model.set_weights(weights([np.shape(w) for w in model.get_weights()]))
    model.compile(library.optimizers.SGD(**options), "sparse_categorical_crossentropy")
    result = {"penalties": np.array([float(loss) for loss in model.losses])}
    for step in range(STEPS):
        batch = slice(step * SAMPLES, (step + 1) * SAMPLES)
        loss = model.train_on_batch(x[batch], y[batch])
        result[f"loss {step}"] = np.array(loss)
        parts = [np.asarray(w).reshape(-1) for w in model.get_weights()]
        result[f"weights {step}"] = np.concatenate(parts)
    result["evaluated"] = np.array(model.evaluate(x, y, batch_size=SAMPLES, verbose=0))
    history = model.fit(
        x, y, batch_size=SAMPLES, epochs=2, shuffle=False, validation_data=(x[:5], y[:5]), verbose=0
    ).history
    return result | {key: np.array(history[key]) for key in ("loss", "val_loss")}


# What Keras computes


def main() -> None:
    keras = import_module("keras")
    keras.utils.set_random_seed(0)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    result: dict[str, Array] = {}
    for case in CASES.values():
        result |= run(keras, case)
    for name, arguments, shape in INITIALIZERS:
        sample = np.asarray(getattr(keras.initializers, name)(**arguments)(shape, dtype="float64"))
        result[initializer_name(name, arguments, shape)] = measures(sample)
    for name, arguments in REGULARIZERS:
        value = getattr(keras.regularizers, name)(**arguments)(keras.ops.convert_to_tensor(ARRAY))
        result[f"regularizer {name} {arguments}"] = np.asarray(value)
    for name, arguments in CONSTRAINTS:
        value = getattr(keras.constraints, name)(**arguments)(ARRAY)
        result[f"constraint {name} {arguments}"] = np.asarray(value)
    for name in TRAININGS:
        model = keras.Sequential([keras.Input((4, 5, 2)), *stack(keras.layers, name)])
        result |= {f"{name}: {key}": value for key, value in train(keras, model, name).items()}
    pack(result, GOLDEN)
    print(f"{GOLDEN.name}: {len(result)} arrays, {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
