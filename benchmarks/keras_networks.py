"""The networks that are measured, with Keras' names: for Keras, and minicnn, which has them too.

Each function takes the library. What minicnn.applications has under the same name is the same
network: a test compares them.
"""

from collections.abc import Callable
from typing import Any

from jobs import CLASSES, FILTERS, Job

# filters of the 1x1 and 3x3 convolutions side by side; 0: half the size
SMALL_INCEPTION = (
    *((32, 32), (32, 48), (0, 80), (112, 48), (96, 64), (80, 80), (48, 96)),
    *((0, 96), (176, 160), (176, 160)),
)


def build(keras: Any, job: Job) -> Any:
    """The network of a job."""
    if job.network == "documented":
        return documented(keras, job)
    return NETWORKS[job.network](keras, keras.Input((job.side, job.side, 3)))


def documented(keras: Any, job: Job) -> Any:
    """Three blocks of convolutions, and two dense layers."""
    layers, stack = keras.layers, []
    for filters in FILTERS:
        for _ in range(job.convolutions):
            inside = {"activation": "relu"} if job.activation == "argument" else {}
            stack.append(layers.Conv2D(filters, 3, padding=job.padding, **inside))
            stack.append(layers.BatchNormalization())
            if not inside:
                where, kind = job.activation.split()
                relu = layers.ReLU() if kind == "ReLU" else layers.Activation("relu")
                stack.insert(len(stack) - (where == "before"), relu)
        stack.append(layers.MaxPooling2D())
    stack += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.5)]
    stack.append(layers.Dense(CLASSES, activation="softmax"))
    return keras.Sequential([keras.Input((job.side, job.side, 3)), *stack])


def normalized(keras: Any, x: Any, filters: int, size: int, strides: int = 1) -> Any:
    layers = keras.layers
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def convolved(keras: Any, x: Any, filters: int, size: int, strides: int = 1) -> Any:
    return keras.layers.Activation("relu")(normalized(keras, x, filters, size, strides))


def residual_stages(keras: Any, x: Any, widths: tuple[int, ...], blocks: int) -> Any:
    """Residual blocks; the first of each stage but one halves the picture."""
    for stage, filters in enumerate(widths):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            y = convolved(keras, x, filters, 3, strides)
            y = normalized(keras, y, filters, 3)
            if x.shape != y.shape:
                x = normalized(keras, x, filters, 1, strides)
            x = keras.layers.Activation("relu")(keras.layers.Add()([y, x]))
    return x


def decided(keras: Any, inputs: Any, x: Any) -> Any:
    """The model that ends in the mean of every map, and a dense layer."""
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(x))


def resnet20(keras: Any, inputs: Any) -> Any:
    x = residual_stages(keras, convolved(keras, inputs, 16, 3), (16, 32, 64), blocks=3)
    return decided(keras, inputs, x)


def resnet18(keras: Any, inputs: Any) -> Any:
    x = convolved(keras, inputs, 64, 7, 2)
    x = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return decided(keras, inputs, residual_stages(keras, x, (64, 128, 256, 512), blocks=2))


def small_inception(keras: Any, inputs: Any) -> Any:
    x, join = convolved(keras, inputs, 96, 3), keras.layers.Concatenate
    for ones, threes in SMALL_INCEPTION:
        if ones:
            x = join()([convolved(keras, x, ones, 1), convolved(keras, x, threes, 3)])
        else:
            pooled = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
            x = join()([convolved(keras, x, threes, 3, 2), pooled])
    return decided(keras, inputs, x)


def mobilenet_v2(keras: Any, inputs: Any) -> Any:
    """As both libraries have it."""
    return keras.applications.MobileNetV2(input_tensor=inputs, weights=None, classes=CLASSES)


NETWORKS: dict[str, Callable[[Any, Any], Any]] = {
    "ResNet-20": resnet20,
    "Inception": small_inception,
    "MobileNetV2": mobilenet_v2,
    "ResNet-18": resnet18,
}
