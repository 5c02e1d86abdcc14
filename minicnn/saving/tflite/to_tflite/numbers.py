"""The types in which a file has its numbers.

    float32    as they are
    float16    kernels in half of the bytes, rounded to 11 binary digits; LiteRT makes float32 of
               them as it opens the file, and computes with these

Numbers of 8 bits need to know how large everything becomes that a network computes, which is what
quantisation finds out: they are a pass of their own over the same graph, beside `halved`.
"""

import numpy as np

from minicnn.saving.tflite.to_tflite.graph import Graph, Operator, Tensor

SMALLEST = 64  # numbers of a constant that is worth an operator


def halved(graph: Graph) -> None:
    """Make all kernels float16, each with an operator before all others that makes float32 of it.

    Biases and other vectors, of which there are few, stay as they are. Raises ValueError for
    numbers that float16 has not.
    """
    first: list[Operator] = []
    for number, tensor in enumerate(list(graph.tensors)):
        data = tensor.data
        if data is None or data.dtype != np.float32 or data.ndim < 2 or data.size < SMALLEST:
            continue
        with np.errstate(over="ignore"):
            half = data.astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(
                f"{tensor.name!r} has numbers beyond 65504, which float16 has not: export with "
                "weights='float32'"
            )
        name = graph.unique(f"{tensor.name}/float16")
        graph.tensors.append(Tensor(name, tensor.shape, "float16", half, fixed=True))
        tensor.data = None
        first.append(Operator("DEQUANTIZE", 3, [len(graph.tensors) - 1], [number]))
    graph.operators[:0] = first
