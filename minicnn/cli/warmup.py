"""`minicnn warmup`: compile once, now, what the first training would have to wait for."""

import argparse
import sys
import time

import numpy as np

from minicnn import Sequential, layers
from minicnn.kernels import cache
from minicnn.profiling import documented_model


def add(commands: argparse._SubParsersAction) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "warmup",
        help="compile the kernels that training needs, for all later starts",
        description="Train the documented network on random pictures for a moment, so that its kernels are compiled "
        "and kept. Other networks share most of them. Exits with 1 when they cannot be kept.",
        epilog="example: minicnn warmup",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Train, evaluate and predict; say what had to be compiled, and 1 if it could not be kept."""
    began = time.perf_counter()
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (200, 32, 32, 3), np.uint8), rng.integers(0, 10, 200)
    scaling = layers.Rescaling(1 / 255)
    model = Sequential([layers.Input((32, 32, 3)), scaling, *documented_model().layers], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, validation_split=0.2, verbose=0)
    model.predict(x[:1], verbose=0)
    seconds = time.perf_counter() - began
    if not cache.compiled:
        print(f"{len(cache.loaded)} kernels were there already; a training with them begins in {seconds:.1f} s")
        return 0
    print(f"{len(cache.compiled)} kernels compiled in {seconds:.1f} s")
    if cache.folder() is None:
        print("minicnn warmup: no folder can be written to keep them in, set NUMBA_CACHE_DIR to one", file=sys.stderr)
        return 1
    print(f"They are kept in {cache.folder()}")
    return 0
