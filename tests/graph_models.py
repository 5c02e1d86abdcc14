"""Drawn networks (graph_cases.py) as models of minicnn, and how far two runs of one are apart."""

import math
from collections.abc import Iterable
from typing import Any

import graph_parts as parts
import numpy as np

import minicnn

Array = np.ndarray
SMALL = 1e-2  # a gradient below this share of the largest is judged as if it were that large


def model_of(graph: parts.Graph, dtype: str = "float64", engine: str = "reference") -> Any:
    """The network with the weights that graph_parts.py draws for it."""
    model = parts.build(minicnn, graph, dtype=dtype, seed=0)
    model.engine = engine
    for path, layer in model.leaves.items():
        layer.set_weights(
            [
                parts.weight(graph, path, name, array.shape)
                for name, array in layer.weights_by_name.items()
            ]
        )
    return model


def run(graph: parts.Graph, model: Any) -> dict[str, Array]:
    """All that a step computes, as golden/make_graphs.py names it; copies, in float64."""
    inputs = [x.astype(model.dtype) for x in parts.given(graph)]
    x = parts.single(inputs)
    result = {f"output {n}": y for n, y in enumerate(parts.listed(model.forward(x)))}
    outputs = parts.listed(model.forward(x, training=True))
    dys = [dy.astype(model.dtype) for dy in parts.wanted(graph, [y.shape for y in outputs])]
    dx = parts.listed(model.backward(parts.single(dys)))
    result |= {f"training {n}": y for n, y in enumerate(outputs)}
    for n, (found, one) in enumerate(zip(dx, inputs, strict=True)):
        result[f"d input {n}"] = np.zeros_like(one) if found is None else found
    result |= {f"d {name}": gradient for name, _, gradient in model.parameters()}
    for path, layer in model.leaves.items():
        result |= {f"{path}/{name}": array for name, array in layer.state.items()}
    return {name: array.astype(np.float64) for name, array in result.items()}


def scales(norms: dict[str, float]) -> dict[str, float]:
    """What an error of each array is relative to: its norm; of a gradient, that of all its layer's
    gradients together.

    The gradient of a bias before a normalisation is 0, and what is computed of it is rounding:
    beside the kernel's it is small. Likewise SMALL of the network's largest gradient stands for
    those that are smaller.
    """
    squares: dict[str, float] = {}
    for name, norm in norms.items():
        squares[whole(name)] = squares.get(whole(name), 0.0) + norm**2
    joined = {name: math.sqrt(squares[whole(name)]) for name in norms}
    largest = max(norm for name, norm in joined.items() if name.startswith("d "))
    least = {name: SMALL * largest if name.startswith("d ") else 0.0 for name in norms}
    return {name: max(joined[name], least[name]) or 1.0 for name in norms}


def whole(name: str) -> str:
    """What an array is a part of: the gradients of a layer, "d inner/conv2d"; else it stands for
    itself.
    """
    return name.rpartition("/")[0] if name.startswith("d ") and "/" in name else name


def worst(received: dict[str, Array], expected: dict[str, Array]) -> tuple[float, str]:
    """The largest relative error, and of which array."""
    assert received.keys() == expected.keys()
    scale = scales({name: float(np.linalg.norm(array)) for name, array in expected.items()})
    return max(
        (float(np.linalg.norm(received[name] - expected[name])) / scale[name], name)
        for name in expected
    )


def described(graph: parts.Graph) -> str:
    """The program that makes the network, for those who look for a mistake."""
    return "\n".join(_lines(graph))


def _lines(graph: parts.Graph, indent: str = "") -> Iterable[str]:
    yield f"{indent}{graph.name}{' (stacked)' if graph.stacked else ''}: inputs {graph.inputs}"
    free = len(graph.inputs)
    for number, reads in graph.calls:
        part = graph.parts[number]
        if isinstance(part, parts.Graph):
            yield f"{indent}  {free}.. = {part.name} of {reads}"
            yield from _lines(part, indent + "    ")
            free += len(part.outputs)
        else:
            yield f"{indent}  {free} = {part.kind}({part.arguments}, name={part.name!r}) of {reads}"
            free += 1
    yield f"{indent}  outputs {graph.outputs}"
