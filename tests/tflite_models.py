"""What the tests of .tflite files share: running one in LiteRT, and how far two results are
apart.
"""

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from minicnn import layers
from minicnn.errors import ModelFileError
from minicnn.layers.base import Layer
from minicnn.models import Model, Sequential
from minicnn.saving import description, restoring, weights
from minicnn.saving.tflite.from_tflite.file import read_bytes

TOLERANCE = 1e-5  # relative to the largest number of an output


class Ran:
    """A file that LiteRT has run.

    Attributes:
        outputs: of the arrays, in their order.
        operators: in the file.
        whole: whether XNNPACK took them as one, from all inputs to all outputs.
    """

    def __init__(self, data, inputs):
        interpreter = Interpreter(model_content=bytes(data), num_threads=1)
        given = interpreter.get_input_details()
        for told, x in zip(given, inputs, strict=True):
            interpreter.resize_tensor_input(told["index"], x.shape)
        interpreter.allocate_tensors()
        for told, x in zip(given, inputs, strict=True):
            interpreter.set_tensor(told["index"], x)
        interpreter.invoke()
        self.outputs = [
            interpreter.get_tensor(told["index"]) for told in interpreter.get_output_details()
        ]
        plan = interpreter._get_ops_details()
        made = interpreter.get_output_details()
        taken = [one for one in plan if one["op_name"] == "DELEGATE"]
        self.operators = [one["op_name"] for one in plan if one["op_name"] != "DELEGATE"]
        self.whole = (
            len(taken) == 1
            and {told["index"] for told in given} <= set(taken[0]["inputs"])
            and {told["index"] for told in made} <= set(taken[0]["outputs"])
        )


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
        for name, array in layer.weights_by_name.items():
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
    """The layer behind convolutions or dense layers, of which it may become a part, and before
    others.
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


def opened(data):
    """The model that these bytes are a .tflite file of."""
    with description.refusing("the file"):
        source = read_bytes(data, "the file")
        kinds = {"Sequential": Sequential, "Model": Model}
        model = restoring.made(source.config["model"], kinds, {}, source.arrays)
        description.check_built(model)
        description.check_arrays(model, None, source.arrays, more=False)
        weights.put_weights(model, source.read(), "the file")
    model.engine = "reference"
    return model


def mutant(data, seed):
    """A file with some of its bytes changed, cut off, repeated or exchanged."""
    rng = np.random.default_rng((17, seed))
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        n = int(rng.integers(8, max(len(changed), 9)))
        how = int(rng.integers(5))
        if how == 0 and n < len(changed):
            changed[n] = int(rng.integers(256))
        elif how == 1:
            number = int(rng.choice([0, 1, 2, 255, 2**16 - 1, 2**31 - 1, 2**32 - 1]))
            changed[n // 4 * 4 : n // 4 * 4 + 4] = number.to_bytes(4, "little")
        elif how == 2 and rng.random() < 0.2:
            del changed[n:]
        elif how == 3:
            m = int(rng.integers(8, len(changed))) if len(changed) > 8 else 8
            changed[n : n + 4] = changed[m : m + 4]
        elif n < len(changed):
            changed[n] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def mutants(data, seeds):
    """How many mutants of a file are refused, and how many read; anything else is raised."""
    found = {"refused": 0, "read": 0}
    for seed in seeds:
        try:
            opened(mutant(data, seed))
            found["read"] += 1
        except ModelFileError as error:
            assert "\n" not in str(error), (seed, str(error))
            found["refused"] += 1
    return found
