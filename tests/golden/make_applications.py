"""Write applications.json: what keras.applications builds, for tests/test_applications.py.

Needs Keras 3 with any backend; last run with Keras 3.15.1 on TensorFlow. Run it here: python
make_applications.py

    names      those of keras.applications
    arguments  of each function, with their defaults, in their order
    networks   of each call: the model's name, the number of its weights, that of those that train,
               and of every layer [class, name, shape of one output, numbers, what it is called
               on], the last where that is not the layer before
    outputs    of each function, called with SMALL: the logits that it gives for pictures and
               weights that are drawn as `drawn` says
    counts     weights of networks that keras.applications has not, written here with its layers
"""

import inspect
import json
from pathlib import Path

import keras
import numpy as np
from keras import layers

CALLS = {
    "ResNet50": [{}, {"include_top": False, "input_shape": (64, 96, 3), "pooling": "max"}],
    "MobileNetV2": [
        {},
        {"input_shape": (96, 96, 3), "alpha": 0.35, "classes": 10},
        {"input_shape": (63, 50, 3), "alpha": 1.4, "include_top": False},
    ],
    "EfficientNetB0": [{}, {"include_top": False, "input_shape": (45, 64, 3), "pooling": "avg"}],
}
SMALL = {"weights": None, "input_shape": (33, 48, 3), "classes": 5, "classifier_activation": None}


def described(model):
    rows = []
    for layer in model.layers:
        called_on = [
            tensor._keras_history.operation.name for tensor in layer._inbound_nodes[0].input_tensors
        ]
        shape = list(layer.output.shape[1:])
        row = [type(layer).__name__, layer.name, shape, layer.count_params()]
        rows.append(row if called_on == [rows[-1][1] if rows else ""] else [*row, called_on])
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return {
        "name": model.name,
        "weights": model.count_params(),
        "trainable": trainable,
        "layers": rows,
    }


def drawn(model):
    """Weights in the order of get_weights, and pictures: normal numbers, such that what goes
    through the network keeps its size, and positive ones where variances may be meant.
    """
    rng = np.random.default_rng(0)
    weights = []
    for weight in model.get_weights():
        if weight.ndim == 0:  # how many samples Normalization has seen
            weights.append(weight)
            continue
        fan_in = np.prod(weight.shape[:-1]) if weight.ndim > 1 else 100
        if weight.ndim == 4 and weight.shape[-1] == 1 and weight.shape[0] > 1:
            fan_in = np.prod(weight.shape[:2])  # one kernel a channel
        values = rng.normal(0, np.sqrt(2 / fan_in), weight.shape).astype(np.float32)
        weights.append(abs(values) + np.float32(1) if weight.ndim == 1 else values)
    x = rng.uniform(0, 255, (2, *model.input_shape[1:])) * np.reshape([1, 0.2], (2, 1, 1, 1))
    return weights, x.astype(np.float32)


def outputs(name):
    keras.backend.clear_session()
    model = getattr(keras.applications, name)(**SMALL)
    weights, x = drawn(model)
    model.set_weights(weights)
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return np.asarray(model(x, training=False)).tolist()


def residual_network(blocks):
    """He et al. 2016, section 4.2, with 1x1 convolutions as shortcuts; normalised, no biases."""

    def convolved(x, filters, size, strides):
        x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolved(inputs, 16, 3, 1))
    for filters in (16, 32, 64):
        for block in range(blocks):
            strides = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(convolved(x, filters, 3, strides))
            y = convolved(y, filters, 3, 1)
            x = convolved(x, filters, 1, strides) if strides == 2 else x
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


networks = []
for name, calls in CALLS.items():
    for call in calls:
        keras.backend.clear_session()
        model = getattr(keras.applications, name)(weights=None, **call)
        networks.append({"function": name, "arguments": call} | described(model))
golden = {
    "keras": keras.__version__,
    "names": [name for name in dir(keras.applications) if not name.startswith("_")],
    "arguments": {
        name: {
            argument.name: argument.default
            for argument in inspect.signature(getattr(keras.applications, name)).parameters.values()
        }
        for name in CALLS
    },
    "networks": networks,
    "outputs": {name: outputs(name) for name in CALLS},
    "counts": {
        f"ResNet{6 * blocks + 2}": residual_network(blocks).count_params() for blocks in (3, 5, 9)
    },
}
target = Path(__file__).with_name("applications.json")
target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
