"""Files go to Keras and back: what is written here opens there and predicts the same, and what
Keras makes of it opens here.

    python tests/check_keras_files.py [chains] [graphs]

needs Keras and TensorFlow; prints one JSON line (the last one is docs/results/keras_files.json) and
exits with 1 when a file does not open, or when an output differs by more than 1e-5 of the largest.

    chains      drawn Sequential models (200) of all layers that both have
    graphs      the networks of graph_cases.py (100), with models inside and shared layers
    zoo         keras.applications with random weights, and minicnn's of the same names
    training    twenty Adam steps on, in both directions
"""

# ruff: noqa: ARG005 (each of the makers of layers takes a generator and a shape)

import json
import os
import sys
import tempfile
import traceback
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MINICNN_ENGINE", "reference")  # compiles few kernels

import graph_cases
import graph_parts
import numpy as np

import minicnn
from minicnn import Input, Sequential, applications, layers
from minicnn.models import load_model

CLOSE, CLOSE_TRAINED = 1e-5, 1e-3
ACTIVATIONS = [None, "relu", "silu", "elu", "tanh", "sigmoid", "softplus", "gelu", "selu"]


def chain(seed: int) -> Sequential:
    """A stack of three to nine drawn layers."""
    rng = np.random.default_rng((17, seed))
    shape = (int(rng.integers(6, 11)), int(rng.integers(6, 11)), 4)
    stack: list[Any] = [Input(shape)]
    for _ in range(rng.integers(3, 10)):
        makers = FLAT if len(shape) == 1 else PICTURES
        for _ in range(20):
            made = makers[rng.integers(len(makers))](rng, shape)
            try:
                after = made.clone().build(shape)
            except ValueError:  # it does not fit the shape: another one
                continue
            if 1 <= min(after) and np.prod(after) <= 4000:
                stack.append(made)
                shape = after
                break
    return Sequential(stack, seed=seed)


def pick(rng: np.random.Generator, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def conv(rng: Any, shape: Any) -> dict[str, Any]:  # noqa: ARG001
    """What convolutions have in common."""
    strides, dilation = pick(rng, (1, 1), (2, 1), (1, 2), (1, 1))
    size = pick(rng, 1, 2, 3, (3, 2))
    return {
        "kernel_size": size, "strides": strides, "dilation_rate": dilation,
        "padding": pick(rng, "same", "valid"), "use_bias": bool(rng.random() < 0.7),
        "activation": pick(rng, *ACTIVATIONS),
    }  # fmt: skip


PICTURES = [
    lambda r, s: layers.Conv2D(4, **conv(r, s), kernel_regularizer=pick(r, None, "l2")),
    lambda r, s: layers.Conv2D(4, **conv(r, s), groups=2 if s[-1] % 2 == 0 else 1),
    lambda r, s: layers.DepthwiseConv2D(
        **conv(r, s) | {"strides": 1}, depth_multiplier=pick(r, 1, 2)
    ),
    lambda r, s: layers.SeparableConv2D(3, **conv(r, s) | {"dilation_rate": 1}),
    lambda r, s: layers.Conv2DTranspose(3, **conv(r, s) | {"dilation_rate": 1}),
    lambda r, s: layers.MaxPooling2D(2, pick(r, 1, 2), pick(r, "same", "valid")),
    lambda r, s: layers.AveragePooling2D(2, pick(r, 1, 2), pick(r, "same", "valid")),
    lambda r, s: layers.BatchNormalization(
        momentum=0.9, center=bool(r.random() < 0.7), scale=bool(r.random() < 0.7)
    ),
    lambda r, s: layers.LayerNormalization(),
    lambda r, s: layers.GroupNormalization(groups=2 if s[-1] % 2 == 0 else 1),
    lambda r, s: layers.PReLU(shared_axes=pick(r, None, (1, 2))),
    lambda r, s: layers.ReLU(pick(r, None, 6.0), pick(r, 0.0, 0.1), pick(r, 0.0, 0.5)),
    lambda r, s: layers.LeakyReLU(pick(r, 0.1, 0.3)),
    lambda r, s: layers.ELU(0.5),
    lambda r, s: layers.Activation(pick(r, *ACTIVATIONS[1:])),
    lambda r, s: layers.UpSampling2D(2, pick(r, "nearest", "bilinear")),
    lambda r, s: layers.ZeroPadding2D(((0, 1), (2, 1))),
    lambda r, s: layers.Cropping2D(((1, 0), (0, 1))),
    lambda r, s: layers.Permute((2, 1, 3)),
    lambda r, s: layers.Rescaling(0.5, -0.25),
    lambda r, s: layers.Normalization(
        mean=r.normal(size=s[-1]).tolist(), variance=r.uniform(0.5, 2, s[-1]).tolist()
    ),
    lambda r, s: layers.Resizing(5, 6, pick(r, "bilinear", "nearest")),
    lambda r, s: layers.CenterCrop(4, 4),
    lambda r, s: pick(
        r, layers.Dropout(0.3), layers.SpatialDropout2D(0.2), layers.GaussianNoise(0.1),
        layers.GaussianDropout(0.2), layers.RandomFlip("horizontal"), layers.RandomRotation(0.1),
        layers.RandomZoom(0.1), layers.RandomTranslation(0.1, 0.1), layers.Identity(),
        layers.RandomContrast(0.1),
    ),
    lambda r, s: layers.Reshape((s[0] * s[1], 1, s[2])),
    lambda r, s: layers.Flatten(),
    lambda r, s: pick(
        r, layers.GlobalAveragePooling2D(keepdims=bool(r.random() < 0.5)),
        layers.GlobalMaxPooling2D(),
    ),
    lambda r, s: layers.Dense(5, pick(r, *ACTIVATIONS)),
]  # fmt: skip
FLAT = [
    lambda r, s: layers.Dense(int(r.integers(2, 7)), pick(r, *ACTIVATIONS, "softmax")),
    lambda r, s: layers.Dense(3, use_bias=False, kernel_initializer="he_uniform"),
    lambda r, s: layers.BatchNormalization(),
    lambda r, s: layers.Dropout(0.5),
    lambda r, s: layers.Softmax(),
    lambda r, s: layers.Reshape((1, 1, s[0])),
]


def randomized(model: Any, rng: np.random.Generator) -> Any:
    """The model with drawn weights, so that no two are equal and variances are none of 1."""
    values = [
        np.abs(value) * 0.5 + rng.uniform(0.5, 1, value.shape)
        if value.ndim <= 1
        else value + rng.normal(0, 0.05, value.shape)
        for value in model.get_weights()
    ]
    model.set_weights([value.astype(np.float32) for value in values])
    return model


def outputs(model: Any, x: list[Any]) -> list[np.ndarray]:
    """What a model of either library gives for inputs."""
    given = x if len(x) > 1 else x[0]
    found = model(given, training=False)
    found = list(found.values()) if isinstance(found, dict) else found
    return [np.asarray(one) for one in (found if isinstance(found, list | tuple) else [found])]


def difference(received: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """The largest, over the largest number."""
    return max(
        float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-6))
        for a, b in zip(received, expected, strict=True)
    )


class Check:
    """What has been tried.

    Attributes:
        largest: difference of outputs.
        failures: what went wrong.
    """

    def __init__(self, keras: Any, folder: Path):
        self.keras, self.folder = keras, folder
        self.files, self.refused, self.largest = 0, 0, 0.0
        self.not_written_by_keras = 0
        self.failures: list[str] = []

    def there_and_back(self, name: str, model: Any, x: list[Any]) -> None:
        """To Keras in both formats, and from what Keras writes of it."""
        expected = outputs(model, x)
        for ending in (".keras", ".h5"):
            path = self.folder / f"m{ending}"
            try:
                model.export(path)
            except ValueError as error:
                if ending == ".keras" or "Keras 2" not in str(error):
                    self.failures.append(f"{name}{ending}: {error}"[:300])
                self.refused += 1
                continue
            with self.trying(f"{name}{ending} in Keras"):
                there = self.keras.models.load_model(path, compile=False)
                self.compare(f"{name}{ending} in Keras", outputs(there, x), expected)
                self.from_keras(f"{name}{ending} and back", there, x, expected)

    def from_keras(self, name: str, there: Any, x: list[Any], expected: Any = None) -> None:
        expected = outputs(there, x) if expected is None else expected
        for ending in (".keras", ".h5"):
            with self.trying(f"{name} by {ending}"):
                path = self.folder / f"k{ending}"
                try:
                    there.save(path)
                except TypeError:
                    # Keras 3.15 itself cannot copy RandomContrast's configuration for .h5
                    if ending != ".h5" or "RandomContrast" not in kinds(there):
                        raise
                    self.not_written_by_keras += 1
                    continue
                self.compare(f"{name} by {ending}", outputs(load_model(path), x), expected)

    def compare(self, name: str, received: Any, expected: Any, bar: float = CLOSE) -> None:
        self.files += 1
        found = difference(received, expected)
        if bar == CLOSE:
            self.largest = max(self.largest, found)
        if not found <= bar:
            self.failures.append(f"{name}: differs by {found:.1e}")

    def trying(self, name: str) -> Any:
        return Trying(self, name)


def kinds(model: Any) -> set[str]:
    """The classes of a model's layers."""
    return {type(layer).__name__ for layer in model.layers}


class Trying:
    """Notes an exception as a failure."""

    def __init__(self, check: Check, name: str):
        self.check, self.name = check, name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, _: Any) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        why = " ".join(traceback.format_exception_only(error)[-1].split())
        self.check.failures.append(f"{self.name}: {why}"[:400])
        return True


def zoo(check: Check) -> None:
    """The networks that both have, at small pictures."""
    there = check.keras.applications
    options: dict[str, Any] = {"weights": None, "input_shape": (64, 64, 3), "classes": 10}
    rng = np.random.default_rng(0)
    x = [rng.random((2, 64, 64, 3)).astype(np.float32) * 255]
    for name, more in (("ResNet50", {}), ("MobileNetV2", {"alpha": 0.35}), ("EfficientNetB0", {})):
        with check.trying(name):
            check.from_keras(f"Keras' {name}", settled(getattr(there, name)(**options, **more)), x)
            check.keras.backend.clear_session()
            own = settled(getattr(applications, name)(**options, **more))
            check.there_and_back(name, own, x)


def settled(model: Any) -> Any:
    """The model with statistics of its batch normalisations that are none of 0 and 1."""
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            layer.set_weights(
                [
                    value + rng.uniform(-0.2, 0.2, value.shape).astype(np.float32)
                    for value in layer.get_weights()
                ]
            )
    return model


def training(check: Check) -> None:
    """Twenty Adam steps, five of them before the file."""
    rng = np.random.default_rng(3)
    x = rng.random((16, 12, 12, 3)).astype(np.float32)
    y = np.eye(4, dtype=np.float32)[np.arange(16) % 4]

    def made(library: Any) -> Any:
        L = library.layers
        stack = [L.Conv2D(8, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(2)]
        stack += [L.Flatten(), L.Dense(16, activation="relu"), L.Dense(4, activation="softmax")]
        model = library.Sequential([library.Input((12, 12, 3)), *stack])
        adam = library.optimizers.Adam(1e-3)
        model.compile(adam, loss="categorical_crossentropy", metrics=["accuracy"])
        return model

    def steps(model: Any, count: int) -> list[np.ndarray]:
        return [np.array([np.ravel(model.train_on_batch(x, y))[0] for _ in range(count)])]

    for ending in (".keras", ".weights.h5"):
        for first, then in ((minicnn, check.keras), (check.keras, minicnn)):
            name = f"twenty steps, {first.__name__} first, {ending}"
            with check.trying(name):
                model, path = made(first), check.folder / f"t{ending}"
                steps(model, 5)
                write = model.export if first is minicnn else model.save
                if ending == ".weights.h5" and first is not minicnn:
                    write = model.save_weights
                write(path)
                if ending == ".keras":
                    other = then.models.load_model(path)
                else:
                    other = made(then)
                    if then is minicnn:
                        continue  # load_weights leaves the optimizer as it is here
                    steps(other, 1)
                    other.load_weights(path)
                check.compare(name, steps(other, 20), steps(model, 20), CLOSE_TRAINED)


def main(chains: int, graphs: int) -> int:
    keras = import_module("keras")
    warnings.simplefilter("ignore")
    import_module("logging").disable(50)
    with tempfile.TemporaryDirectory() as folder:
        check = Check(keras, Path(folder))
        for seed in range(chains):
            model = randomized(chain(seed), np.random.default_rng(seed))
            x = np.random.default_rng(seed).random((3, *model.input_shape[1:])).astype(np.float32)
            check.there_and_back(f"chain {seed}", model, [x])
            keras.backend.clear_session()
        for seed in range(graphs):
            graph = graph_cases.draw(seed)
            model = randomized(graph_parts.build(minicnn, graph), np.random.default_rng(seed))
            x = [one.astype(np.float32) for one in graph_parts.given(graph)]
            check.there_and_back(f"graph {seed}", model, x)
            keras.backend.clear_session()
        training(check)
        if chains >= 10:
            zoo(check)
    result = {
        "check": "files of Keras", "passed": not check.failures, "chains": chains,
        "graphs": graphs, "files": check.files, "refused_by_name": check.refused,
        "not_written_by_keras": check.not_written_by_keras,
        "largest_difference": float(f"{check.largest:.1e}"), "failures": check.failures[:40],
        "failures_in_all": len(check.failures), "keras": keras.__version__,
        "numpy": np.__version__,
    }  # fmt: skip
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[1:]]
    sys.exit(main(*numbers, *(200, 100)[len(numbers) :]))
