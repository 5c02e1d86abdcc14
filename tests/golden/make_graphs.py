"""Make graphs.npz: what Keras computes for the first 100 networks of graph_cases.py, for
test_graphs_keras.py.

    python make_graphs.py         needs keras and tensorflow (made with 3.15.1 and 2.21.0); some
                                  minutes

All of it in float64. Of every network: the names of its layers in Keras' order, those of models
inside too, and of its weights in the order of get_weights; its outputs in inference; its outputs in
training, the gradients of sum(output * dy) with respect to all inputs and weights, and the moving
statistics after that step. Weights, inputs and dy are not stored: graph_parts.py draws them again.

Of every array its norm and three projections are kept (`digest`); graphs.npz has them in one array
(numbers), and says in another, JSON, which are whose (index).
"""

import json
import sys
import zlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import graph_cases as cases  # noqa: E402  (in the folder above)
import graph_parts as parts  # noqa: E402

Array = np.ndarray
GOLDEN = Path(__file__).with_name("graphs.npz")
COUNT, NUMBERS = 100, 4


def digest(name: str, array: Array) -> Array:
    """[norm, three projections on random signs] of an array, in float64. `name` seeds the signs."""
    flat = np.asarray(array, np.float64).reshape(-1)
    signs = np.where(
        np.random.default_rng(zlib.crc32(name.encode())).random((NUMBERS - 1, flat.size)) < 0.5,
        -1.0,
        1.0,
    )
    return np.array([np.sqrt(flat @ flat), *(signs @ flat)])


def unpack() -> list[dict[str, Any]]:
    """Read graphs.npz: of each network "names", "weights", and "digests" of "output 0", "d input
    0", ...
    """
    with np.load(GOLDEN) as file:
        index, numbers = json.loads(file["index"].tobytes()), iter(file["numbers"])
    return [
        {"names": names, "weights": weights, "digests": {key: next(numbers) for key in keys}}
        for names, weights, keys in index
    ]


def names(model: Any) -> list[Any]:
    """Of its layers in their order, and after a model inside those of its own."""
    found: list[Any] = []
    for layer in model.layers:
        found += [layer.name, names(layer)] if hasattr(layer, "layers") else [layer.name]
    return found


def leaves(model: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Layers that have weights, by path: "inner/conv2d_0"."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer, f"{path}{layer.name}/")
        elif layer.weights:
            yield path + layer.name, layer


def run(keras: Any, graph: parts.Graph) -> tuple[list[Any], list[str], dict[str, Array]]:
    tf = import_module("tensorflow")
    model = parts.build(keras, graph)
    found = dict(leaves(model))
    for path, layer in found.items():
        for weight in layer.weights:
            weight.assign(parts.weight(graph, path, weight.name, tuple(weight.shape)))
    inputs = [tf.constant(x) for x in parts.given(graph)]
    x = parts.single(inputs)
    result = {f"output {n}": y for n, y in enumerate(parts.listed(model(x, training=False)))}
    sources = {f"d input {n}": one for n, one in enumerate(inputs)}
    for path, layer in found.items():
        sources |= {f"d {path}/{weight.name}": weight.value for weight in layer.trainable_weights}
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = parts.listed(model(x, training=True))
    dys = [tf.constant(dy) for dy in parts.wanted(graph, [tuple(y.shape) for y in outputs])]
    result |= {f"training {n}": y for n, y in enumerate(outputs)}
    result |= tape.gradient(outputs, sources, output_gradients=dys, unconnected_gradients="zero")
    for path, layer in found.items():
        result |= {f"{path}/{weight.name}": weight.value for weight in layer.non_trainable_weights}
    paths = {
        id(weight): f"{path}/{weight.name}"
        for path, layer in found.items()
        for weight in layer.weights
    }
    return (
        names(model),
        [paths[id(weight)] for weight in model.weights],
        {key: np.asarray(value) for key, value in result.items()},
    )


def main() -> None:
    keras = import_module("keras")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    index, numbers = [], []
    for graph in cases.drawn(COUNT):
        order, weights, values = run(keras, graph)
        index.append([order, weights, list(values)])
        numbers += [digest(key, value) for key, value in values.items()]
    text = json.dumps(index, separators=(",", ":")).encode()
    np.savez_compressed(GOLDEN, numbers=np.array(numbers), index=np.frombuffer(text, np.uint8))
    print(
        f"{GOLDEN.name}: {COUNT} networks, {len(numbers)} arrays, {GOLDEN.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
