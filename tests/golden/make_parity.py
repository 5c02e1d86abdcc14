"""Make parity.npz: what Keras computes when it trains, for tests/test_keras_parity.py.

    python make_parity.py         needs keras and tensorflow (made with keras 3.15.1, tensorflow
                                  2.21.0); 20 seconds

Two parts. The documented CIFAR-10 model without dropout, in float64 and in float32: its outputs,
the gradients of the first batch, and twenty Adam steps. Then a tiny model in float64, ten steps for
each optimizer and loss option, and once through `fit`; those runs are functions of the library, and
the test calls them with minicnn instead of keras.

Weights and pictures are not stored but made again from their seeds, with `Generator.random`,
additions and multiplications only, so that every machine gets the same bits (a CRC is stored).
Large arrays are stored as summaries: norm, largest element, projections on 16 random directions of
+-1 (an error of e times the norm, anywhere in the array, moves each of them by about that much) and
64 elements.

Which path Keras takes: `model.train_on_batch` and, for gradients, `model.compute_loss` find the
logits behind the softmax of the last layer (`_keras_logits`) and use the fused cross-entropy;
Keras' clip of probabilities to [1e-7, 1 - 1e-7] does not act. `check_logits_path` proves it on
logits that the clip would change.

What a comparison in float32 needs. Where two cells of a pooling window are equal but for rounding,
two correct programs choose differently; one such window among 640,000 moves the gradients by 1e-3
to 1e-2, and twenty steps later the losses differ by 1e-2. (TensorFlow does that to itself, float32
against float64, on nearly any random problem.) So this one is well-conditioned. Pictures and first
kernels are multiples of 1/256 and 1/16: the first convolution is exact in float32, and its ties are
exact ties. Kernels are about 30 times the usual size, which batch normalisation undoes, so that
Adam changes them by a thousandth per step. And DATA_SEED is one of few for which no window of the
first batch is close: TensorFlow's float32 agrees with its float64 to 3e-5 in gradients and 3e-4 in
    losses, and weights disturbed by 1e-6 (the first kernel excepted) give gradients within 1e-5.

Over 300 lines, because Keras and the test must make the same inputs and summaries: one file holds
all of them.
"""

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
GOLDEN = Path(__file__).with_name("parity.npz")

STEPS, BATCH, CLASSES = 20, 64, 10
DATA_SEED = 235  # of documented_batches; see above
IMAGE_SHAPE = (32, 32, 3)
BLOCKS = (  # names, filters, mean and variance of what is normalised (about)
    ("conv2d", "batch_normalization", 32, 3, 3),
    ("conv2d_1", "batch_normalization_1", 64, 15, 500),
    ("conv2d_2", "batch_normalization_2", 128, 25, 1200),
)
TINY_STEPS, TINY_BATCH, TINY_CLASSES = 10, 8, 5
TINY_SHAPE = (8, 8, 3)
FIT_SAMPLES = 90
FIT_OPTIONS: dict[str, Any] = {
    "batch_size": 16,
    "epochs": 4,
    "validation_split": 0.25,
    "shuffle": False,
    "verbose": 0,
}
CLASS_WEIGHT = {0: 0.5, 1: 2.0, 2: 1.0, 3: 3.0, 4: 0.25}

# Keras' defaults, as np.float64: TensorFlow makes a Python float a float32 before it casts it to
# float64, 2e-8 off.
BETAS = {"beta_1": np.float64(0.9), "beta_2": np.float64(0.999)}
SGD, ADAM = {"learning_rate": 0.05}, {"learning_rate": 0.01, **BETAS}
MOMENTUM = SGD | {"momentum": np.float64(0.9)}
# name -> (optimizer, its arguments, arguments of the loss, what else is special)
VARIANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "sgd": ("SGD", SGD, {}, ""),
    "momentum": ("SGD", MOMENTUM, {}, ""),
    "nesterov": ("SGD", MOMENTUM | {"nesterov": True}, {}, ""),
    "adam": (
        "Adam",
        ADAM | {"beta_1": np.float64(0.8), "beta_2": np.float64(0.99), "epsilon": 1e-3},
        {},
        "",
    ),
    "adamw": ("AdamW", ADAM | {"weight_decay": np.float64(0.1)}, {}, ""),
    "sgd clipped": ("SGD", SGD | {"global_clipnorm": 0.5}, {}, ""),
    "adam clipped": ("Adam", ADAM | {"global_clipnorm": 0.5}, {}, ""),
    "label smoothing": ("SGD", SGD, {"label_smoothing": 0.1}, ""),
    "logits": ("SGD", SGD, {"from_logits": True}, ""),
    "sparse": ("SGD", SGD, {}, "sparse"),
    "sparse logits": ("SGD", SGD, {"from_logits": True}, "sparse"),
    "class weight": ("SGD", SGD, {}, "class weight"),
    "sample weight": ("SGD", SGD, {}, "sparse sample weight"),
    "frozen": ("SGD", MOMENTUM, {}, "frozen"),
}

# Weights, pictures and labels


def uniform(rng: np.random.Generator, shape: tuple[int, ...], limit: float) -> Array:
    """Uniform in [-limit, limit), float64."""
    return (2 * rng.random(shape) - 1) * limit


def documented_weights() -> dict[str, Array]:
    """Weights of the documented model by name, in Keras' order.

    About a third of the gammas are negative.
    """
    rng = np.random.default_rng(0)
    weights: dict[str, Array] = {}
    channels = IMAGE_SHAPE[-1]
    for convolution, normalization, filters, mean, variance in BLOCKS:
        weights[f"{convolution}/kernel"] = (
            np.round(16 * uniform(rng, (3, 3, channels, filters), 4)) / 16
        )
        weights[f"{convolution}/bias"] = np.round(16 * uniform(rng, (filters,), 1)) / 16
        weights[f"{normalization}/gamma"] = np.where(rng.random(filters) < 1 / 3, -1, 1) * (
            0.5 + rng.random(filters)
        )
        weights[f"{normalization}/beta"] = uniform(rng, (filters,), 0.2)
        weights[f"{normalization}/moving_mean"] = (0.5 + rng.random(filters)) * mean
        weights[f"{normalization}/moving_variance"] = (0.5 + rng.random(filters)) * variance
        channels = filters
    for name, inputs, outputs in (("dense", 512, 128), ("dense_1", 128, CLASSES)):
        weights[f"{name}/kernel"] = uniform(rng, (inputs, outputs), np.sqrt(3 / inputs))
        weights[f"{name}/bias"] = uniform(rng, (outputs,), 0.1)
    return weights


def tiny_weights() -> dict[str, Array]:
    """Weights of the tiny model by name, in Keras' order."""
    rng = np.random.default_rng(1)
    return {
        "conv2d/kernel": uniform(rng, (3, 3, 3, 2), 0.5),
        "conv2d/bias": uniform(rng, (2,), 0.1),
        "dense/kernel": uniform(rng, (18, TINY_CLASSES), 0.3),
        "dense/bias": uniform(rng, (TINY_CLASSES,), 0.1),
    }


def pictures(
    count: int, shape: tuple[int, int, int], classes: int, seed: int
) -> tuple[Array, Array]:
    """Smooth pictures (count, H, W, C), multiples of 1/256 in [0, 1), and labels (count,).

    Each is four parts the pattern of a class and one part noise, both of them coarse grids,
    enlarged and blurred. Half of the labels are that class and half are drawn, so that the loss
    stays well above 0 and its relative error means something.
    """
    rng = np.random.default_rng(seed)
    coarse = (shape[0] // 4, shape[1] // 4, shape[2])
    patterns = rng.random((classes, *coarse))
    shown = np.floor(rng.random(count) * classes).astype(np.int64)
    drawn = np.floor(rng.random(count) * classes).astype(np.int64)
    labels = np.where(rng.random(count) < 0.5, shown, drawn)
    x = 0.8 * patterns[shown] + 0.2 * rng.random((count, *coarse))
    x = x.repeat(4, axis=1).repeat(4, axis=2)
    for axis in (1, 2, 1, 2):
        x = (np.roll(x, 1, axis) + x + np.roll(x, -1, axis)) / 3
    return np.floor(x * 256) / 256, labels


def one_hot(labels: Array, classes: int) -> Array:
    return (labels[:, None] == np.arange(classes)).astype(np.float64)


def documented_batches() -> tuple[Array, Array]:
    """x (STEPS, BATCH, 32, 32, 3) and y (STEPS, BATCH, CLASSES), float64."""
    x, labels = pictures(STEPS * BATCH, IMAGE_SHAPE, CLASSES, seed=DATA_SEED)
    return x.reshape(STEPS, BATCH, *IMAGE_SHAPE), one_hot(labels, CLASSES).reshape(
        STEPS, BATCH, CLASSES
    )


def tiny_batches() -> tuple[Array, Array, Array]:
    """x (TINY_STEPS, TINY_BATCH, 8, 8, 3), labels and sample weights (TINY_STEPS, TINY_BATCH)."""
    x, labels = pictures(TINY_STEPS * TINY_BATCH, TINY_SHAPE, TINY_CLASSES, seed=3)
    weights = np.random.default_rng(4).random((TINY_STEPS, TINY_BATCH)) * 2
    return (
        x.reshape(TINY_STEPS, TINY_BATCH, *TINY_SHAPE),
        labels.reshape(TINY_STEPS, TINY_BATCH),
        weights,
    )


def variant_batches(special: str) -> Iterator[tuple[Array, Array, dict[str, Any]]]:
    """x, y and weighting arguments of each of the ten steps of a variant."""
    for x, labels, sample_weight in zip(*tiny_batches(), strict=True):
        weighting: dict[str, Any] = (
            {"class_weight": CLASS_WEIGHT} if special == "class weight" else {}
        )
        if "sample weight" in special:
            weighting = {"sample_weight": sample_weight}
        yield x, labels if "sparse" in special else one_hot(labels, TINY_CLASSES), weighting


def inputs_crc() -> int:
    """One number that changes with any bit of the inputs above."""
    arrays = [
        *documented_weights().values(),
        *tiny_weights().values(),
        *documented_batches(),
        *tiny_batches(),
    ]
    crc = 0
    for array in arrays:
        crc = zlib.crc32(np.ascontiguousarray(array).tobytes(), crc)
    return crc


# Summaries of large arrays


def summarize(name: str, array: Array) -> Array:
    """[norm, largest magnitude, 16 projections, 64 elements] of an array, in float64.

    `name` seeds the choice.
    """
    flat = np.asarray(array, np.float64).reshape(-1)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    directions = np.where(rng.random((16, flat.size)) < 0.5, -1.0, 1.0)
    chosen = np.floor(rng.random(64) * flat.size).astype(np.int64)
    return np.concatenate(
        ([np.sqrt(flat @ flat), np.abs(flat).max()], directions @ flat, flat[chosen])
    )


def summary_error(received: Array, expected: Array) -> float:
    """Relative error of an array, from two summaries: the largest of three estimates.

    The norm's own; the root mean square over the directions, which estimates the norm of the
    difference, over the norm; the largest difference of an element over the largest element.
    """
    error = np.abs(np.asarray(received, np.float64) - expected)
    norm, largest = expected[:2]
    distance = np.sqrt(np.mean(error[2:18] ** 2))
    return float(
        max(error[0] / norm, distance / norm, error[1] / largest, error[18:].max() / largest)
    )


# Models and runs; `library` is keras here and minicnn in the test


def documented_layers(library: Any) -> list[Any]:
    layers = library.layers
    result = [layers.Input(IMAGE_SHAPE)]
    for _, _, filters, _, _ in BLOCKS:
        result += [
            layers.Conv2D(filters, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
        ]
    result += [
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dense(CLASSES, activation="softmax"),
    ]
    return result


def tiny_layers(library: Any, activation: str = "softmax", frozen: bool = False) -> list[Any]:
    layers = library.layers
    return [
        layers.Input(TINY_SHAPE),
        layers.Conv2D(2, 3, strides=2, activation="relu", trainable=not frozen),
        layers.Flatten(),
        layers.Dense(TINY_CLASSES, activation=activation),
    ]


def variant_run(library: Any, sequential: Callable[[list[Any]], Any], name: str) -> Array:
    """Losses of the ten steps and then all weights, in one row."""
    optimizer, optimizer_arguments, loss_arguments, special = VARIANTS[name]
    activation = "linear" if loss_arguments.get("from_logits") else "softmax"
    loss = "SparseCategoricalCrossentropy" if "sparse" in special else "CategoricalCrossentropy"
    model = sequential(tiny_layers(library, activation, special == "frozen"))
    model.compile(
        getattr(library.optimizers, optimizer)(**optimizer_arguments),
        getattr(library.losses, loss)(**loss_arguments),
    )
    model.set_weights(list(tiny_weights().values()))
    losses = [
        model.train_on_batch(x, y, **weighting) for x, y, weighting in variant_batches(special)
    ]
    return np.concatenate([losses, *(weight.reshape(-1) for weight in model.get_weights())])


def fit_run(library: Any, sequential: Callable[[list[Any]], Any]) -> dict[str, Array]:
    """`fit` with a validation split, a last batch that is not full, class weights and accuracy;
    then `evaluate`.
    """
    model = sequential(tiny_layers(library))
    model.compile(
        library.optimizers.Adam(0.03, **BETAS),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.set_weights(list(tiny_weights().values()))
    x, labels = pictures(FIT_SAMPLES, TINY_SHAPE, TINY_CLASSES, seed=5)
    labels = labels[:, None]
    history = model.fit(x, labels, class_weight=CLASS_WEIGHT, **FIT_OPTIONS).history
    result = {f"fit/{key}": np.array(values) for key, values in history.items()}
    return result | {"fit/evaluate": np.array(model.evaluate(x, labels, batch_size=32, verbose=0))}


# What only Keras does


def configure(keras: Any, dtype: str) -> None:
    keras.backend.clear_session()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def by_name(variables: list[Any], values: list[Any]) -> dict[str, Array]:
    """Values by minicnn's names: Keras' path "sequential/conv2d/kernel" is "conv2d/kernel"."""
    names = [str(variable.path).partition("/")[2] for variable in variables]
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def assign(model: Any, weights: dict[str, Array]) -> None:
    """Give a Keras model its weights, making sure that Keras orders them as `weights` does."""
    names = list(by_name(model.weights, model.weights))
    if names != list(weights):
        raise ValueError(f"Keras orders its weights as {names}, this script as {list(weights)}")
    model.set_weights(list(weights.values()))


def gradients(model: Any, x: Array, y: Array) -> dict[str, Array]:
    """Keras' gradients of one training step, by weight name; it also moves moving statistics."""
    tf = import_module("tensorflow")
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, tf.constant(y), model(x, training=True), training=True)
    variables = [variable.value for variable in model.trainable_variables]
    return by_name(model.trainable_variables, tape.gradient(loss, variables))


def check_logits_path(keras: Any) -> None:
    """Raise unless `train_on_batch` and `compute_loss` see logits: a probability of e^-50 costs 50,
    clipped 16.1.
    """
    configure(keras, "float64")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.0), keras.losses.CategoricalCrossentropy())
    model.set_weights([np.eye(2), np.zeros(2)])
    x, y = np.array([[50.0, 0.0]]), np.array([[0.0, 1.0]])
    slope = gradients(model, x, y)["dense/bias"][0]  # 1 for logits, 0 behind the clip
    losses = [float(model.train_on_batch(x, y)), float(model.compute_loss(x, y, model(x)))]
    if not np.allclose([*losses, slope], [50, 50, 1]):
        raise AssertionError(f"Keras clipped the probabilities: losses {losses}, gradient {slope}")


def documented_run(keras: Any, dtype: str) -> dict[str, Array]:
    configure(keras, dtype)
    model = keras.Sequential(documented_layers(keras))
    model.compile(
        keras.optimizers.Adam(**(BETAS if dtype == "float64" else {})), "categorical_crossentropy"
    )
    weights = {name: value.astype(dtype) for name, value in documented_weights().items()}
    x, y = (array.astype(dtype) for array in documented_batches())
    assign(model, weights)
    result = {"outputs": np.asarray(model(x[0], training=False))}
    slopes = gradients(model, x[0], y[0])
    result["gradients"] = np.array([summarize(name, value) for name, value in slopes.items()])
    assign(model, weights)  # undo what `gradients` did to the moving statistics
    result["losses"] = np.array([model.train_on_batch(*batch) for batch in zip(x, y, strict=True)])
    if dtype == "float64":
        trained = by_name(model.weights, model.get_weights())
        result["moving"] = np.concatenate(
            [value for name, value in trained.items() if "moving" in name]
        )
        result["trained"] = np.array([summarize(name, trained[name]) for name in slopes])
        result["trained outputs"] = np.asarray(model(x[0], training=False))
    return {f"{dtype}/{key}": value.astype(dtype) for key, value in result.items()}


def main() -> None:
    keras = import_module("keras")
    check_logits_path(keras)
    result: dict[str, Array] = {"crc": np.array(inputs_crc())}
    for dtype in ("float64", "float32"):
        result |= documented_run(keras, dtype)
    configure(keras, "float64")
    for name in VARIANTS:
        result[f"variant/{name}"] = variant_run(keras, keras.Sequential, name)
    result |= fit_run(keras, keras.Sequential)
    np.savez_compressed(GOLDEN, allow_pickle=False, **result)
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
