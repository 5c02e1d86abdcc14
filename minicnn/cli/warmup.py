"""`minicnn warmup`: compile once, now, what the first training, or a server, would have to wait
for.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from minicnn import quantize
from minicnn.cli.common import show
from minicnn.cli.messages import say
from minicnn.cli.networks import network
from minicnn.machine.presence import NUMBA, needed
from minicnn.models.model import Model
from minicnn.serve import served
from minicnn.serve.service import Service

MANY, CALIBRATION = 256, 8  # pictures


def run(options: argparse.Namespace) -> int:
    """Train or serve; say what had to be compiled, and 1 if it could not be kept."""
    if not NUMBA:
        raise needed("warmup, which compiles kernels,")
    from minicnn.machine import cache  # only where there is something to keep

    began = time.perf_counter()
    what = "a training" if options.model is None else "a server"
    model = _train() if options.model is None else _serve(options.model)
    if options.int8 and isinstance(model, Model):
        _predict_in_whole_numbers(model)
    seconds = time.perf_counter() - began
    compiled, loaded, folder = len(cache.compiled), len(cache.loaded), cache.folder()
    result = {
        "compiled": compiled,
        "loaded": loaded,
        "seconds": seconds,
        "folder": folder and str(folder),
    }
    text = f"{compiled} kernels compiled in {seconds:.1f} s" + (
        f"\nThey are kept in {folder}" if folder else ""
    )
    if not compiled:
        text = f"{loaded} kernels were there already; {what} with them begins in {seconds:.1f} s"
    show(options, result, text)
    if compiled and folder is None:
        say(options, "no folder can be written to keep them in, set NUMBA_CACHE_DIR to one")
        return 1
    return 0


def _train() -> Model:
    """Train the documented network for a moment, evaluate and predict."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (200, 32, 32, 3), np.uint8), rng.integers(0, 10, 200)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, validation_split=0.2, verbose=0)
    model.predict(x[:1], verbose=0)
    return model


def _serve(path: Path) -> Model | quantize.QuantizedModel:
    """Have the model answer as it does when a server starts: in every size of batch, and where it
    looks.
    """
    found = served.load(path, "model")
    served.tried(found, Service.batch)
    return found.model


def _predict_in_whole_numbers(model: Model) -> None:
    """Make whole numbers of the model, and have them predict one picture and many."""
    shape = (MANY, *model.input_shape[1:])
    x = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    whole = quantize.quantized(model, x[:CALIBRATION])
    for some in (x[:1], x):  # on one thread, and on all
        whole.predict(some)
