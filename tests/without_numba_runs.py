"""What test_without_numba.py runs with Numba and without: prints digests of bits, one a line.

python without_numba_runs.py [without]
"""

import hashlib
import sys
import warnings

if sys.argv[1:] == ["without"]:
    import without_numba  # noqa: F401  before minicnn

import numpy as np

from minicnn import Input, Model, Sequential, applications, layers, quantize

warnings.simplefilter("ignore", UserWarning)  # of pixels and splits
rng = np.random.default_rng(0)


def digest(arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def trained(name, model, x, y):
    """Three steps on the layers as they are written, and what the model says then."""
    model.engine = "reference"
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    found = [model.train_on_batch(x, y) for _ in range(3)]
    history = model.fit(x, y, batch_size=3, epochs=1, validation_split=0.25, verbose=0).history
    print(name, "losses", digest(found), digest(history[key] for key in sorted(history)))
    print(name, "weights", digest(model.get_weights()))
    print(name, "gradients", digest(gradient for _, _, gradient in model.parameters()))
    print(name, "answers", digest([model.predict(x, verbose=0)]))


def branched():
    """Every kernel that the documented network does without."""
    x = Input((12, 10, 3))
    y = layers.Rescaling(1 / 255)(x)
    for layer in (
        layers.RandomRotation(0.2, seed=1),
        layers.RandomTranslation(0.2, 0.2, fill_mode="wrap", seed=2),
        layers.RandomCrop(10, 9, seed=3),
        layers.Conv2D(6, 3, strides=2, padding="same", groups=3, activation="gelu"),
    ):
        y = layer(y)
    a = layers.SeparableConv2D(6, 3, padding="same", activation="relu")(y)
    b = layers.DepthwiseConv2D((3, 2), dilation_rate=2, padding="same")(y)
    y = layers.Add()([a, b, y])
    y = layers.AveragePooling2D(3, strides=1, padding="same")(y)
    y = layers.Conv2DTranspose(4, 3, strides=2)(y)
    y = layers.BatchNormalization()(y)
    y = layers.Concatenate()([layers.GlobalAveragePooling2D()(y), layers.GlobalMaxPooling2D()(y)])
    return Model(x, layers.Dense(5, activation="softmax")(y), seed=0)


pixels = rng.integers(0, 256, (8, 32, 32, 3), np.uint8)
trained("documented", applications.DocumentedCNN(seed=0), pixels, np.arange(8) % 10)
trained("branched", branched(), pixels[:, :12, :10], np.arange(8) % 5)

small = Sequential(
    [
        Input((8, 8, 3)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(3),
    ],
    seed=0,
)
small.engine = "reference"
whole = quantize.quantized(small, pixels[:, :8, :8].astype(np.float32))
print("whole numbers", digest([whole.predict(pixels[:, :8, :8].astype(np.float32))]))
print("numba" in sys.modules, [name for name in sys.modules if name.startswith("minicnn.engine.")])
