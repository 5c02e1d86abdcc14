"""What the tests of .onnx files share: running one in ONNX Runtime, and how far two results are
apart.
"""

import numpy as np
import onnxruntime

from minicnn import layers
from minicnn.layers.base import Layer
from minicnn.models import Model, Sequential
from minicnn.saving import description, restoring, weights
from minicnn.saving import onnx as files
from minicnn.saving.onnx.from_onnx import file as contents

CLASSES = {"Sequential": Sequential, "Model": Model}
TOLERANCE = 1e-5  # relative to the largest number of an output


def made(found):
    """The model that a file's contents describe, with its weights."""
    model = restoring.made(found.config["model"], CLASSES, {}, found.arrays)
    description.check_built(model)
    description.check_arrays(model, None, found.arrays, more=False)
    weights.put_weights(model, found.read(), found.path)
    return model


def read(path):
    """The model in a file."""
    with open(path, "rb", buffering=0) as file, files.reading(str(path), file) as found:
        return made(found)


def of_bytes(data, path="model.onnx"):
    """The model that these bytes say of a file at that path."""
    with description.refusing(str(path)):
        return made(contents.read(contents.told(contents.message(data), str(path)), str(path)))


def run(path, inputs):
    """The outputs that ONNX Runtime makes of a file and its inputs, in their order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def apart(received, expected):
    """The largest difference, relative to the largest number expected."""
    assert len(received) == len(expected)
    found = 0.0
    for one, other in zip(received, expected, strict=True):
        assert np.shape(one) == np.shape(other)
        assert np.array_equal(np.isnan(one), np.isnan(other))
        found = max(found, float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-6)))
    return found


def listed(values):
    """The outputs of a model as a list."""
    return list(values) if isinstance(values, list | tuple) else [values]


def drawn(model, seed=0):
    """The model with weights in which nothing is 0 or 1 by default; the layers run as written."""
    rng = np.random.default_rng(seed)
    for layer in model.leaves.values():
        for name, array in layer.variables_by_name.items():
            if name != "count":
                positive = name in ("gamma", "variance", "moving_variance")
                array[...] = rng.uniform(
                    0.5 if positive else -0.5, 1 if positive else 0.5, array.shape
                )
        layer.has_fresh_weights = False
    model.engine = "reference"
    return model


def alone(layer: Layer, shape):
    """A model of one layer."""
    shapes = shape if isinstance(shape, list) else [shape]
    inputs = [layers.Input(one, name=f"x{n}") for n, one in enumerate(shapes)]
    y = layer(inputs if layer.takes_several else inputs[0])
    return Model(inputs if layer.takes_several else inputs[0], y, seed=0)


def among_others(layer: Layer, shape):
    """The layer behind convolutions, which leave pictures channels first, or dense layers, and
    before layers that must know how it left them.
    """
    shapes = shape if isinstance(shape, list) else [shape]
    inputs = [layers.Input(one, name=f"x{n}") for n, one in enumerate(shapes)]
    behind = [
        layers.Conv2D(one[-1], 1)(x) if len(one) == 3 else layers.Dense(one[-1])(x)
        for one, x in zip(shapes, inputs, strict=True)
    ]
    y = layer(behind if layer.takes_several else behind[0])
    flat = layers.Dense(3)(layers.ReLU()(layers.Flatten()(y)))
    return Model(inputs if len(inputs) > 1 else inputs[0], [y, flat], seed=0)


def samples(model, batch=3, seed=1):
    """An array for each input."""
    rng = np.random.default_rng(seed)
    shapes = [node.sample_shape for node in model.inputs]
    return [rng.uniform(-2, 2, (batch, *shape)).astype(np.float32) for shape in shapes]


def predicted(model, inputs):
    """The outputs of a model for the arrays of its inputs."""
    return listed(model.forward(inputs if len(inputs) > 1 else inputs[0]))
