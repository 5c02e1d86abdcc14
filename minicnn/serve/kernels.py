"""The kernels that a server needs, compiled before there is one."""

from pathlib import Path

import numpy as np

from minicnn.serve import served
from minicnn.serve.service import Service


def compile_for(path: Path, most: int = Service.batch) -> None:
    """Have the model in a file, or a run folder's, answer in batches of every size up to `most`,
    and say where it looks. So all is compiled, or found, that it needs.

    Every size, because some kernels are made for it: of convolutions by Winograd's algorithm, the
    transforms and products of so many pictures at once.

    Raises what `served.load` raises.
    """
    found = served.tried(served.load(path, "model"), most)
    x = np.zeros((most, *found.shape), np.float32)
    for size in range(1, most + 1):
        found.predict(x[:size])
