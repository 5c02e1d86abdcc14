"""Make keras_files/*.npz.xz: small model files that Keras wrote, and what it predicts and trains
with them, for test_keras_files.py.

    python make_keras_files.py keras          Keras 3 (made with 3.15.1)
    python make_keras_files.py tf_keras       tf-keras, Keras 2 after TensorFlow 2.16 (2.21.0)
    python make_keras_files.py tensorflow     tf.keras of a TensorFlow before 2.14 (2.13.1)

Each writes the same networks with weights drawn from a seed. Of a network there are the bytes of
its files, "chain.keras" and so on, the input, "chain/x", and the output, "chain/y"; of one that is
trained on, "chain/losses" of the steps after the file was written, and "chain/weights" after them.
"""

import lzma
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("keras_files")
ENDINGS = (".keras", ".h5", ".weights.h5", "_weights.h5")
STEPS_BEFORE, STEPS_AFTER, MORE = 3, 5, 20


def chain(keras: Any) -> Any:
    """A stack, trained with Adam."""
    L = keras.layers
    return keras.Sequential([
        L.Input((8, 8, 3)), L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(),
        L.MaxPooling2D(), L.Conv2D(4, 3, padding="same", use_bias=False), L.BatchNormalization(),
        L.ReLU(6.0), L.SeparableConv2D(5, 2), L.DepthwiseConv2D(2, padding="same"),
        L.LeakyReLU(), L.Flatten(), L.Dense(6, activation="tanh"), L.Dense(3, activation="softmax"),
    ], name="my_net")  # fmt: skip


def branches(keras: Any) -> Any:
    """A graph with a residual block, squeeze and excitation, and a head that is a model."""
    L = keras.layers
    inputs = keras.Input((8, 8, 3), name="picture")
    x = L.Rescaling(1 / 255.0)(inputs)
    x = L.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = L.Conv2D(4, 3, strides=2, name="stem")(x)
    x = L.BatchNormalization(name="stem_bn", momentum=0.9)(x)
    x = skip = L.Activation("relu")(x)
    x = L.Conv2D(4, 3, padding="same")(x)
    x = L.BatchNormalization(scale=False)(x)
    x = L.ReLU()(L.Add()([x, skip]))
    gate = L.Dense(2, activation="relu")(L.GlobalAveragePooling2D()(x))
    gate = L.Reshape((1, 1, 4))(L.Dense(4, activation="sigmoid")(gate))
    x = L.Multiply()([x, gate])
    x = L.Concatenate()([L.AveragePooling2D(2)(x), L.MaxPooling2D()(x)])
    head = keras.Sequential([L.Flatten(), L.Dense(3)], name="head")
    return keras.Model(inputs, L.Softmax()(head(x)), name="branchy")


def transfer(keras: Any) -> Any:
    """A frozen graph inside a graph, called twice."""
    L = keras.layers
    base = branches(keras)
    trunk = keras.Model(base.input, base.get_layer("stem_bn").output, name="trunk")
    trunk.trainable = False
    inputs = keras.Input((8, 8, 3))
    x = L.Add()([trunk(inputs), trunk(L.Dropout(0.5)(inputs))])
    x = L.Dense(3, activation="softmax", name="out")(L.GlobalMaxPooling2D()(x))
    return keras.Model(inputs, x, name="transfer")


def operators(keras: Any) -> Any:
    """A layer that is called twice, and arithmetic that is no layer, with numbers in it."""
    L = keras.layers
    inputs = keras.Input((4, 4, 2))
    shared = L.Conv2D(2, 3, padding="same", activation="relu")
    x = shared(shared(inputs))
    x = x + inputs
    x = (x * 0.5 - 0.25) / 2.0
    x = 1.0 - x
    x = -0.5 + x * inputs
    return keras.Model(inputs, L.GlobalAveragePooling2D()(x), name="operators")


def others(keras: Any) -> Any:
    """Layers and arguments that are seldom."""
    L, R, I = keras.layers, keras.regularizers, keras.initializers  # noqa: E741
    return keras.Sequential([
        L.Input((9, 9, 4)), L.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 2, 3, 4]),
        L.RandomFlip("horizontal"), L.Resizing(10, 8), L.CenterCrop(8, 8),
        L.Conv2D(4, 3, dilation_rate=2, kernel_regularizer=R.L2(1e-4), activation="elu"),
        L.Conv2D(4, 3, padding="same", kernel_initializer=I.HeNormal(), use_bias=False,
                 kernel_constraint=keras.constraints.MaxNorm(3.0)),
        L.SpatialDropout2D(0.2), L.PReLU(shared_axes=[1, 2]), L.LayerNormalization(),
        L.Conv2DTranspose(3, 3, strides=2, padding="same"), L.UpSampling2D(2),
        L.Cropping2D(((1, 2), (3, 4))), L.ELU(0.5), L.GaussianNoise(0.1),
        L.Activation("swish"), L.Permute((2, 1, 3)), L.AveragePooling2D((3, 3), strides=2,
        padding="same"), L.Flatten(), L.Dense(5, activation=L.LeakyReLU()),
        L.Dense(4, activation="softplus"), L.Dropout(0.5), L.Dense(1, activation="sigmoid"),
    ], name="others")  # fmt: skip


def small(keras: Any) -> Any:
    """For optimizers."""
    L = keras.layers
    stack = [L.Input((4,)), L.Dense(3, activation="tanh"), L.Dense(3, activation="softmax")]
    return keras.Sequential(stack)


def optimizers(keras: Any) -> dict[str, Any]:
    o = keras.optimizers
    found = {
        "sgd": lambda: o.SGD(0.1),
        "sgd_momentum": lambda: o.SGD(0.1, momentum=0.9, nesterov=True),
        "rmsprop": lambda: o.RMSprop(0.01, momentum=0.5, centered=True),
        "adam": lambda: o.Adam(0.01, beta_1=0.8, amsgrad=True),
        "adamw": lambda: o.AdamW(0.01, weight_decay=0.1),
        "nadam": lambda: o.Nadam(0.01),
        "adagrad": lambda: o.Adagrad(0.1),
        "adadelta": lambda: o.Adadelta(0.5),
        "adamax": lambda: o.Adamax(0.01),
        "schedule": lambda: o.Adam(o.schedules.CosineDecay(0.02, 10)),
        "clipped": lambda: o.SGD(0.1, momentum=0.5, clipnorm=0.05),
    }
    if hasattr(o, "Lion"):
        found["lion"] = lambda: o.Lion(0.01)
    if hasattr(o, "Muon"):
        found["muon"] = lambda: o.Muon(0.01, exclude_layers=["dense_1"])
    return found


NETWORKS = {"chain": chain, "branches": branches, "transfer": transfer, "operators": operators}
NETWORKS["others"] = others


def draw(model: Any, rng: np.random.Generator) -> None:
    """Give the model weights, variances among them."""
    values = []
    for value, weight in zip(model.get_weights(), model.weights, strict=True):
        is_variance = "var" in weight.name
        values.append(
            rng.uniform(0.5, 1.5, value.shape) if is_variance else rng.normal(0, 0.3, value.shape)
        )
    model.set_weights([value.astype("float32") for value in values])


def data(model: Any, rng: np.random.Generator, scale: float = 1.0) -> tuple[Any, Any]:
    """Eight samples and their classes, one-hot."""
    x = rng.random((8, *model.input_shape[1:])).astype("float32") * scale
    return x, np.eye(model.output_shape[-1], dtype="float32")[np.arange(8) % model.output_shape[-1]]


def saved(model: Any, name: str, endings: tuple[str, ...], found: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for ending in endings:
            path = Path(folder) / f"{name}{ending}"
            try:
                (model.save_weights if "weights" in ending else model.save)(str(path))
                found[path.name] = np.frombuffer(path.read_bytes(), np.uint8)
            except Exception as error:  # not every Keras writes every kind
                print(path.name, repr(error)[:200])


def main(which: str) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    library: Any = import_module(which)
    keras: Any = library.keras if which == "tensorflow" else library
    found: dict[str, Any] = {"version": np.array(library.__version__)}
    for name, make in NETWORKS.items():
        keras.backend.clear_session()
        rng = np.random.default_rng(0)
        model = make(keras)
        draw(model, rng)
        x, y = data(model, rng, 255.0 if name in ("branches", "transfer") else 1.0)
        if name == "chain":
            adam = keras.optimizers.Adam(0.01)
            model.compile(adam, "categorical_crossentropy", metrics=["accuracy"])
            for _ in range(STEPS_BEFORE):
                model.train_on_batch(x, y)
        found[f"{name}/x"], found[f"{name}/y"] = x, np.asarray(model.predict(x, verbose=0))
        saved(model, name, ENDINGS, found)
        if name == "chain":
            steps = [np.ravel(model.train_on_batch(x, y))[0] for _ in range(MORE)]
            found["chain/losses"] = np.array(steps)
            found["chain/weights"] = np.concatenate([w.ravel() for w in model.get_weights()])
        print(which, name)
    for name, make in optimizers(keras).items():
        keras.backend.clear_session()
        rng = np.random.default_rng(1)
        model = small(keras)
        draw(model, rng)
        x, y = data(model, rng)
        model.compile(make(), keras.losses.CategoricalCrossentropy())
        for _ in range(STEPS_BEFORE):
            model.train_on_batch(x, y)
        found[f"{name}/x"] = x
        saved(model, name, (".keras", ".h5"), found)
        for _ in range(STEPS_AFTER):
            model.train_on_batch(x, y)
        found[f"{name}/weights"] = np.concatenate([w.ravel() for w in model.get_weights()])
    FOLDER.mkdir(exist_ok=True)
    # compressed as a whole: what the files say is much alike
    with lzma.open(FOLDER / f"{which}.npz.xz", "wb", preset=9) as file:
        np.savez(file, allow_pickle=False, **found)


def contents(writer: str) -> dict[str, Any]:
    """What one of the three wrote, by name."""
    with lzma.open(FOLDER / f"{writer}.npz.xz") as file, np.load(file) as found:
        return dict(found)


if __name__ == "__main__":
    main(sys.argv[1])
