"""Make layers.npz: what Keras computes for single layers, losses, metrics and initializers, for
test_keras_layers.py.

    python make_layers.py         needs keras, tensorflow and torch (made with 3.15.1, 2.21.0 and
                                  2.13.0); 10 seconds

All of it in float64. For every case in CASES: the output, the gradients with respect to the input
and to each weight for a random dy, and the moving statistics after the step. Inputs, weights and dy
are not stored: the test imports this file and draws them again, seeded by the case's name.
Convolution and max pooling get small integers, so that their golden values are integers too, hold
in any order of summation, and can be compared bit for bit.

layers.npz has three members: all integers in one array (int16), all other numbers in another
(float64), and an index, JSON, that says for each value where it lies and what its shape is. (An npz
of 600 small arrays is mostly headers.)

Arguments are numbers that float32 holds exactly: on its way into a float64 operation TensorFlow
rounds some of them (0.3 as the slope of LeakyReLU, scale and offset of Rescaling) to float32.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray
GOLDEN = Path(__file__).with_name("layers.npz")


@dataclass(frozen=True)
class Case:
    """One layer, built by the same words in both libraries, and one step of it."""

    layer: str
    shape: tuple[int, ...] | tuple[tuple[int, ...], ...]  # of the input, or of several inputs
    arguments: dict[str, Any] = field(default_factory=dict)
    values: str = "uniform"  # uniform, or integers: any, distinct, or with many ties
    training: bool = True

    @property
    def name(self) -> str:
        mode = "" if self.training else " inference"
        return f"{self.layer} {self.shape} {json.dumps(self.arguments)}{mode}".replace('"', "")


def convolutions() -> Iterator[Case]:
    conv = partial(Case, "Conv2D", (2, 7, 6, 2), values="integers")
    paddings = ("valid", "same")
    for size, stride, padding in product((1, 2, 3, 5, (2, 3), (3, 1)), (1, 2, 3), paddings):
        yield conv({"filters": 3, "kernel_size": size, "strides": stride, "padding": padding})
    for size, rate, padding in product((2, 3, (2, 3)), (2, (1, 2)), paddings):
        yield conv({"filters": 2, "kernel_size": size, "dilation_rate": rate, "padding": padding})
    for strides, padding in product(((2, 1), (1, 3)), paddings):
        yield conv({"filters": 2, "kernel_size": 3, "strides": strides, "padding": padding})
    yield conv({"filters": 3, "kernel_size": 3, "use_bias": False})
    yield conv({"filters": 3, "kernel_size": 3, "activation": "relu"})
    for padding in paddings:
        arguments = {"filters": 1, "kernel_size": 4, "strides": 2, "padding": padding}
        yield Case("Conv2D", (1, 9, 4, 3), arguments, "integers")


def poolings() -> Iterator[Case]:
    for size, strides, padding, shape in product(
        (2, 3, (2, 3)), (None, 1, 2, 3), ("valid", "same"), ((1, 5, 6, 2), (1, 8, 7, 1))
    ):
        arguments = {"pool_size": size, "strides": strides, "padding": padding}
        yield Case("MaxPooling2D", shape, arguments, "distinct")
        yield Case("AveragePooling2D", shape, arguments, "integers")
    yield Case("MaxPooling2D", (2, 4, 4, 1), {}, "distinct")  # the default is 2
    for padding, strides in product(("valid", "same"), (None, 1)):
        yield Case(
            "MaxPooling2D",
            (1, 7, 6, 2),
            {"pool_size": 3, "strides": strides, "padding": padding},
            "ties",
        )
    yield Case("GlobalMaxPooling2D", (2, 4, 5, 3), {}, "distinct")
    yield Case("GlobalAveragePooling2D", (2, 4, 5, 3), {}, "integers")


def normalizations() -> Iterator[Case]:
    options: tuple[dict[str, Any], ...] = (
        {},
        {"momentum": 0.75, "epsilon": 0.03125},
        {"center": False},
        {"scale": False},
        {"center": False, "scale": False},
        {"trainable": False},
    )
    for arguments, training in product(options, (True, False)):
        yield Case("BatchNormalization", (2, 3, 4, 2), arguments, training=training)
    yield Case("BatchNormalization", (6, 3))
    yield Case("BatchNormalization", (6, 3), training=False)
    yield Case("BatchNormalization", (2, 4, 3))


def others() -> Iterator[Case]:
    spread = (3, 8)
    yield Case("ReLU", spread)
    yield Case("ReLU", spread, {"max_value": 0.5})
    yield Case("LeakyReLU", spread, {"negative_slope": 0.25})
    yield Case("GELU", spread)
    yield Case("GELU", spread, {"approximate": True})
    yield Case("Softmax", spread)
    yield Case("Softmax", (2, 2, 3, 4))
    for name in ("relu", "relu6", "gelu", "softmax", "linear"):
        yield Case("Activation", spread, {"activation": name})
    yield Case("Dense", (3, 5), {"units": 4}, "integers")
    yield Case("Dense", (3, 5), {"units": 4, "use_bias": False, "activation": "relu"}, "integers")
    yield Case("Dense", (3, 5), {"units": 4, "activation": "softmax"})
    yield Case("Flatten", (2, 2, 3, 2), {}, "distinct")
    for padding in (1, (1, 2), ((1, 2), (3, 0))):
        yield Case("ZeroPadding2D", (2, 2, 3, 2), {"padding": padding}, "integers")
    yield Case("Rescaling", (2, 2, 3, 2), {"scale": 1 / 128, "offset": -0.5})
    yield Case("Normalization", (2, 2, 3, 2), {"mean": [0.25, 0.5], "variance": [4.0, 0.25]})


def mergings() -> Iterator[Case]:
    picture = (2, 3, 4, 2)
    for layer in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        yield Case(layer, (picture, picture, picture))
        yield Case(layer, (picture, (2, 1, 1, 2)))  # one number per channel
        yield Case(layer, ((2, 3, 1, 2), (2, 1, 4, 1)))  # both are repeated
        yield Case(layer, ((2, 2), picture, (2, 4, 2)))  # axes are put in after N
        yield Case(layer, ((3, 2, 4, 2),) * 3, values="ties")
    yield Case("Maximum", ((2, 4, 2), picture, (2, 1)), values="ties")
    yield Case("Minimum", ((2, 4, 2), picture, (2, 1)), values="ties")
    yield Case("Subtract", (picture, picture))
    yield Case("Subtract", ((2, 2), picture))
    yield Case("Concatenate", (picture, (2, 3, 4, 1), (2, 3, 4, 3)), values="integers")
    for axis in (1, 2, 3, -1, -2, -3):
        parts = [picture[: axis % 4] + (n,) + picture[axis % 4 + 1 :] for n in (1, 3)]
        yield Case("Concatenate", (*parts, picture), {"axis": axis}, "integers")
    yield Case("Concatenate", ((2, 3), (2, 1)), values="integers")


def every_case() -> Iterator[Case]:
    return chain(convolutions(), poolings(), normalizations(), others(), mergings())


CASES = {case.name: case for case in every_case()}


def draw(case: Case, what: str, shape: tuple[int, ...]) -> Array:
    """x, dy or a weight of a case, float64; the same on every machine (only `Generator.random` is
    used).
    """
    drawn = np.random.default_rng(zlib.crc32(f"{case.name} {what}".encode())).random(shape)
    is_input = what.startswith("x")
    if case.values == "distinct" and is_input:
        return drawn.reshape(-1).argsort().reshape(shape) - drawn.size // 2.0
    if case.values == "ties" and is_input:
        return np.floor(3 * drawn) - 2
    if case.values != "uniform":
        return np.floor(9 * drawn) - 4
    return drawn + 0.5 if what in ("gamma", "moving_variance") else 4 * drawn - 2


def draw_inputs(case: Case) -> dict[str, Array]:
    """The input "x" of a case, or the inputs "x1", "x2", ... of a layer that merges several."""
    several = isinstance(case.shape[0], tuple)
    shapes = (
        {f"x{i}": shape for i, shape in enumerate(case.shape, 1)} if several else {"x": case.shape}
    )
    return {name: draw(case, name, shape) for name, shape in shapes.items()}


# Losses, metrics, initializers

CLASSES, SAMPLES = 5, 16
LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "categorical": ("CategoricalCrossentropy", {}),
    "categorical logits": ("CategoricalCrossentropy", {"from_logits": True}),
    "categorical smoothed": ("CategoricalCrossentropy", {"label_smoothing": 0.1}),
    "categorical smoothed logits": (
        "CategoricalCrossentropy",
        {"label_smoothing": 0.1, "from_logits": True},
    ),
    "sparse": ("SparseCategoricalCrossentropy", {}),
    "sparse logits": ("SparseCategoricalCrossentropy", {"from_logits": True}),
}
METRICS: dict[str, tuple[str, dict[str, Any]]] = {
    "categorical": ("CategoricalAccuracy", {}),
    "sparse": ("SparseCategoricalAccuracy", {}),
    "categorical top 2": ("TopKCategoricalAccuracy", {"k": 2}),
    "sparse top 2": ("SparseTopKCategoricalAccuracy", {"k": 2}),
    "sparse top 5 of 5": ("SparseTopKCategoricalAccuracy", {}),
}
INITIALIZERS = tuple(product(("glorot_uniform", "he_normal"), ((3, 3, 32, 64), (512, 128))))


def predictions(name: str) -> tuple[Array, Array, Array]:
    """Labels in the form that the loss or metric of that name takes, predictions (SAMPLES,
    CLASSES), sample weights.
    """
    rng = np.random.default_rng(2)
    labels = np.floor(rng.random(SAMPLES) * CLASSES).astype(np.int64)
    logits = 8 * rng.random((SAMPLES, CLASSES)) - 4
    probabilities = rng.random((SAMPLES, CLASSES)) + 0.02
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    y_true = labels if name.startswith("sparse") else np.eye(CLASSES)[labels]
    return y_true, logits if "logits" in name else probabilities, rng.random(SAMPLES)


def to_adapt_to() -> Array:
    """Pictures (4, 3, 3, 2) that Normalization measures."""
    return np.random.default_rng(1).random((4, 3, 3, 2)) * np.array([1.0, 200.0])


# The file


def pack(values: dict[str, Array], path: Path = GOLDEN) -> None:
    """Write layers.npz, or another such file."""
    pools: dict[str, list[Array]] = {"integers": [], "numbers": []}
    index = {}
    for name, value in values.items():
        array = np.asarray(value, np.float64)
        pool = "integers" if (array == array.astype(np.int16)).all() else "numbers"
        index[name] = [pool, sum(part.size for part in pools[pool]), array.shape]
        pools[pool].append(array.reshape(-1))
    np.savez_compressed(
        path,
        integers=np.concatenate(pools["integers"]).astype(np.int16),
        numbers=np.concatenate(pools["numbers"]),
        index=np.frombuffer(json.dumps(index, separators=(",", ":")).encode(), np.uint8),
    )


def unpack(path: Path = GOLDEN) -> dict[str, Array]:
    """Read layers.npz, or another such file: "<case>/y", "<case>/dx", "<case>/dkernel",
    "<case>/moving_mean", ... in float64.
    """
    with np.load(path) as file:
        pools = {name: file[name].astype(np.float64) for name in ("integers", "numbers")}
        index = json.loads(file["index"].tobytes())
    return {
        name: pools[pool][start : start + int(np.prod(shape, dtype=int))].reshape(shape)
        for name, (pool, start, shape) in index.items()
    }


# What Keras computes


def torch_gelu(case: Case) -> dict[str, Array]:
    """GELU from PyTorch: TensorFlow's has sqrt(2) and 0.044715 in float32 only, 6e-8 off."""
    torch = import_module("torch")
    x = torch.tensor(draw(case, "x", case.shape), requires_grad=True)
    y = torch.nn.functional.gelu(
        x, approximate="tanh" if case.arguments.get("approximate") else "none"
    )
    y.backward(torch.tensor(draw(case, "dy", case.shape)))
    return {f"{case.name}/y": y.detach().numpy(), f"{case.name}/dx": x.grad.numpy()}


def keras_layer(keras: Any, case: Case) -> Any:
    if case.layer == "GELU":  # a layer of its own in minicnn only
        return keras.layers.Activation(partial(keras.activations.gelu, **case.arguments))
    return getattr(keras.layers, case.layer)(**case.arguments)


def run(keras: Any, case: Case) -> dict[str, Array]:
    tf = import_module("tensorflow")
    layer = keras_layer(keras, case)
    inputs = {name: tf.constant(x) for name, x in draw_inputs(case).items()}
    x = list(inputs.values()) if len(inputs) > 1 else inputs["x"]
    layer.build([tuple(one.shape) for one in x] if len(inputs) > 1 else x.shape)
    for weight in layer.weights:
        if case.layer != "Normalization":  # whose weights are its arguments
            weight.assign(draw(case, weight.name, tuple(weight.shape)))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True) if case.training else layer(x, training=False)
    result = {"y": y}
    if case.training:
        sources = inputs | {weight.name: weight.value for weight in layer.trainable_weights}
        gradients = tape.gradient(
            y, sources, output_gradients=tf.constant(draw(case, "dy", tuple(y.shape)))
        )
        result |= {f"d{name}": gradient for name, gradient in gradients.items()}
    if case.layer == "BatchNormalization":
        result |= {name: getattr(layer, name) for name in ("moving_mean", "moving_variance")}
    return {f"{case.name}/{key}": np.asarray(value) for key, value in result.items()}


def run_loss(keras: Any, name: str) -> dict[str, Array]:
    tf = import_module("tensorflow")
    class_name, arguments = LOSSES[name]
    loss = getattr(keras.losses, class_name)(**arguments)
    y_true, y_pred, sample_weight = predictions(name)
    result = {}
    for kind, weight in (("plain", None), ("weighted", sample_weight)):
        tensor = tf.constant(y_pred)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = loss(y_true, tensor, sample_weight=weight)
        result[f"loss {name} {kind}/value"] = np.asarray(value)
        result[f"loss {name} {kind}/gradient"] = np.asarray(tape.gradient(value, tensor))
    return result


def main() -> None:
    keras = import_module("keras")
    keras.utils.set_random_seed(0)  # for the initializers
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    result: dict[str, Array] = {}
    for case in CASES.values():
        computed = run(keras, case)
        if case.layer == "GELU" or "gelu" in case.arguments.values():
            precise = torch_gelu(case)
            for key, value in computed.items():
                np.testing.assert_allclose(value, precise[key], rtol=1e-6, atol=1e-8)
            computed = precise
        result |= computed
    for name in LOSSES:
        result |= run_loss(keras, name)
    for name, (class_name, arguments) in METRICS.items():
        y_true, y_pred, _ = predictions(name)
        metric = getattr(keras.metrics, class_name)(**arguments)
        metric.update_state(y_true, y_pred.astype(np.float32))  # TensorFlow has no top-k in float64
        result[f"metric {name}"] = np.asarray(metric.result())
    for name, shape in INITIALIZERS:
        sample = np.asarray(keras.initializers.get(name)(shape, dtype="float64"))
        result[f"initializer {name} {shape}"] = np.array([sample.std(), np.abs(sample).max()])
    adapted = keras.layers.Normalization()
    adapted.adapt(to_adapt_to())
    result["adapted"] = np.array(
        [np.asarray(adapted.mean).reshape(-1), np.asarray(adapted.variance).reshape(-1)]
    )
    slopes = (
        keras.layers.LeakyReLU()(np.array([-1.0])),
        keras.activations.leaky_relu(np.array([-1.0])),
    )
    result["default slopes"] = -np.array(slopes).reshape(-1)
    pack(result)
    print(
        f"{GOLDEN.name}: {len(CASES)} cases, {len(result)} arrays, {GOLDEN.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
