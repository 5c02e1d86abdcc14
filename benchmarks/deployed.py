"""The networks of deploy.py, in files for every engine, with what minicnn predicts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minicnn import Model, applications, layers

PICTURES = 64  # the largest batch
NETWORKS: dict[str, Callable[[], Model]] = {
    "documented": lambda: applications.DocumentedCNN(seed=0),
    "ResNet-20": lambda: applications.ResNet20(seed=0),
    "MobileNetV2": lambda: applications.MobileNetV2((96, 96, 3), weights=None, classes=10, seed=0),
}


def write(name: str, folder: Path) -> Path:
    """Save a network for minicnn (.safetensors), as ONNX and LiteRT, and pictures with minicnn's
    probabilities (.npz).

    Returns what the paths of all have in common.
    """
    model, stem = NETWORKS[name](), folder / name
    x = np.random.default_rng(0).random((PICTURES, *model.input_shape[1:]), dtype=np.float32)
    settle(model, x)
    probabilities = model.predict(x, verbose=0)
    if np.ptp(probabilities, axis=0).max() < 0.01:
        raise ValueError(f"{name}: expected answers that depend on the picture: nothing to compare")
    model.save(stem.with_suffix(".safetensors"))
    model.export(stem.with_suffix(".onnx"))
    model.export(stem.with_suffix(".tflite"))
    channels_first(stem.with_suffix(".onnx"), stem.with_suffix(".first.onnx"))
    np.savez(stem.with_suffix(".npz"), x=x, probabilities=probabilities)
    return stem


def settle(model: Model, x: np.ndarray) -> None:
    """Let normalisations know the statistics of these pictures, as after a training: otherwise an
    untrained network says the same of all.
    """
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(x, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    model.note_weights()


def channels_first(path: Path, to: Path) -> None:
    """The same network for pictures (N, C, H, W): without the transposition at its beginning."""
    import onnx

    network = onnx.load(path)
    graph: Any = network.graph
    first, given = graph.node[0], graph.input[0]
    if first.op_type != "Transpose" or list(first.attribute[0].ints) != [0, 3, 1, 2]:
        raise ValueError(f"{path.name} expected to begin with a transposition, received {first}")
    for node in graph.node[1:]:
        node.input[:] = [given.name if name == first.output[0] else name for name in node.input]
    graph.node.remove(first)
    sizes = given.type.tensor_type.shape.dim
    rows, columns, channels = (sizes[axis].dim_value for axis in (1, 2, 3))
    for axis, size in zip((1, 2, 3), (channels, rows, columns), strict=True):
        sizes[axis].dim_value = size
    onnx.save(network, to)
