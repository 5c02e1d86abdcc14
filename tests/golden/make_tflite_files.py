"""Make tflite/*.tflite, small networks as TensorFlow's converter writes them, for
test_tflite_read.py.

    python make_tflite_files.py        needs Keras, TensorFlow (made with 3.15.1 and 2.21)
"""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).with_name("tflite")
L = keras.layers


def picture() -> keras.Model:
    """Branches, normalisation, every padding, a transposed convolution, a head of pooling."""
    inputs = keras.Input((9, 8, 3))
    x = L.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    y = L.DepthwiseConv2D(3, padding="same", activation="relu")(x)
    y = L.BatchNormalization()(y)
    x = L.Concatenate()([L.Add()([x, y]), L.Conv2D(2, 1, activation="sigmoid")(x)])
    x = L.MaxPooling2D(2, padding="same")(L.ZeroPadding2D(1)(x))
    x = L.Conv2DTranspose(3, 3, strides=2, padding="same", activation="relu")(x)
    x = L.AveragePooling2D(2)(L.UpSampling2D(2, interpolation="bilinear")(x))
    x = L.LeakyReLU(negative_slope=0.1)(L.Conv2D(4, 2, activation="silu")(x))
    return keras.Model(inputs, L.Dense(3, "softmax")(L.GlobalAveragePooling2D()(x)))


def flat() -> keras.Model:
    """Flatten, whose shape TensorFlow computes when it runs."""
    return keras.Sequential([
        keras.Input((5, 5, 2)), L.Conv2D(4, 3, activation="elu"), L.MaxPooling2D(), L.Flatten(),
        L.Dense(6, activation="tanh"), L.Dropout(0.5), L.Dense(2),
    ])  # fmt: skip


def main() -> None:
    for name, make, half in [
        ("converted", picture, False),
        ("converted16", picture, True),
        ("dense", flat, False),
    ]:
        keras.utils.set_random_seed(3)
        model = make()
        rng = np.random.default_rng(4)
        model.set_weights([rng.uniform(0.2, 0.6, w.shape) for w in model.get_weights()])
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        (FOLDER / f"{name}.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
